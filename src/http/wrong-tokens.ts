import type { Clock } from '../clock.js';
import type { Log } from '../log.js';
import { createBoundedLog } from './bounded-log.js';
import type { Metrics } from '../watch/metrics.js';

/** Slows whoever guesses tokens, and nobody else: tokens are compared first, and a right one is never counted. */
export interface WrongTokens {
  /**
   * Counts a wrong token of a client. Resolves to 0, or for one that has sent many, after a pause, to the seconds after
   * which it is forgotten.
   */
  count(client: WrongTokenClient, way: TokenWay): Promise<number>;
}

export type TokenWay = 'bearer' | 'sign_in';

export interface WrongTokenClient {
  /** For the log. */
  readonly address: string;
  /** What is counted as one. */
  readonly key: string;
}

export interface WrongTokensDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Pick<Metrics, 'wrongTokens'>;
}

const WINDOW_MS = 5 * 60_000;
/** People mistype a few times. */
const FREE_FAILURES = 10;
const PAUSE_MS = 1000;
/** Answers that wait at once; more are given without a pause, so that guessing never fills the memory. */
const MAX_PAUSES = 500;
const MAX_CLIENTS = 10_000;

interface Count {
  readonly endsAtMs: number;
  failures: number;
}

/** Windows of five minutes for each client. */
export function createWrongTokens({ clock, log, metrics }: WrongTokensDeps): WrongTokens {
  const warn = createBoundedLog(log, clock);
  const byClient = new Map<string, Count>();
  let pauses = 0;

  const countOf = (key: string): Count => {
    const nowMs = clock.nowMs();
    const known = byClient.get(key);
    // One that ends later than any window was begun before the clock went back.
    if (known !== undefined && known.endsAtMs > nowMs && known.endsAtMs <= nowMs + WINDOW_MS) return known;
    byClient.delete(key);
    // The oldest one makes room: whoever has many addresses is not slowed by counting each of them anyway.
    const [oldest] = byClient.keys();
    if (byClient.size >= MAX_CLIENTS && oldest !== undefined) byClient.delete(oldest);
    const count = { endsAtMs: nowMs + WINDOW_MS, failures: 0 };
    byClient.set(key, count);
    return count;
  };

  return {
    count: async ({ address, key }, way) => {
      metrics.wrongTokens.inc({ way });
      const count = countOf(key);
      count.failures += 1;
      if (count.failures === 1) warn({ client: address, way }, 'a wrong token was refused');
      if (count.failures === FREE_FAILURES + 1) {
        warn(
          { client: address, way, failures: count.failures },
          'somebody guesses tokens and is slowed down',
        );
      }
      if (count.failures <= FREE_FAILURES) return 0;
      if (pauses < MAX_PAUSES) {
        pauses += 1;
        await clock.sleep(PAUSE_MS).finally(() => {
          pauses -= 1;
        });
      }
      return Math.max(1, Math.ceil((count.endsAtMs - clock.nowMs()) / 1000));
    },
  };
}
