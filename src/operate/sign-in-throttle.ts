import type { Clock } from '../clock.js';

/** How many wrong tokens are looked at before an address, or everybody, has to wait. */
export interface SignInThrottle {
  /** Seconds to wait before a token from `address` is looked at again; 0 = now. */
  secondsToWait(address: string): number;
  /** Counts a wrong token. */
  failed(address: string): void;
}

const WINDOW_MS = 5 * 60_000;
const FAILURES_PER_ADDRESS = 10;
/** Many addresses that guess together: more than the people of one company mistype. */
const FAILURES_IN_ALL = 200;

interface Count {
  readonly endsAtMs: number;
  failures: number;
}

/** Windows of five minutes, counted per address and over all addresses together. */
export function createSignInThrottle(clock: Clock): SignInThrottle {
  const byAddress = new Map<string, Count>();
  let all: Count = { endsAtMs: 0, failures: 0 };

  const forgetEnded = (): void => {
    const nowMs = clock.nowMs();
    // One that ends later than any window was begun before the clock went back.
    const isOver = ({ endsAtMs }: Count): boolean => endsAtMs <= nowMs || endsAtMs > nowMs + WINDOW_MS;
    if (isOver(all)) all = { endsAtMs: nowMs + WINDOW_MS, failures: 0 };
    for (const [address, count] of byAddress) if (isOver(count)) byAddress.delete(address);
  };

  return {
    secondsToWait: (address) => {
      forgetEnded();
      const own = byAddress.get(address);
      const full = [
        own !== undefined && own.failures >= FAILURES_PER_ADDRESS ? own : null,
        all.failures >= FAILURES_IN_ALL ? all : null,
      ].filter((count) => count !== null);
      const endsAtMs = Math.max(0, ...full.map((count) => count.endsAtMs));
      return Math.max(0, Math.ceil((endsAtMs - clock.nowMs()) / 1000));
    },
    failed: (address) => {
      forgetEnded();
      all.failures += 1;
      const own = byAddress.get(address) ?? { endsAtMs: clock.nowMs() + WINDOW_MS, failures: 0 };
      own.failures += 1;
      // Never more entries than failures that are let in before everybody waits.
      byAddress.set(address, own);
    },
  };
}
