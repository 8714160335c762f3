/**
 * The only source of time in the product, so that a test can move it.
 */
export interface Clock {
  /** Milliseconds since the Unix epoch (UTC). */
  nowMs(): number;
  /**
   * Milliseconds from some fixed moment on, which nobody can set: two readings tell how much time has passed, except
   * while the machine slept.
   */
  monotonicMs(): number;
  /** Resolves after `delayMs`, or as soon as `signal` aborts (it never rejects). */
  sleep(delayMs: number, signal?: AbortSignal): Promise<void>;
}

/** Whole Unix seconds (UTC), the unit of every field that ends in `At`. */
export function nowAt(clock: Clock): number {
  return Math.floor(clock.nowMs() / 1000);
}

/** Longer timers overflow in Node (2^31 - 1 ms) and would fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  sleep: (delayMs, signal) =>
    new Promise((resolve) => {
      if (signal?.aborted) {
        resolve();
        return;
      }
      const done = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', done);
        resolve();
      };
      const timer = setTimeout(done, Math.min(Math.max(delayMs, 0), MAX_TIMER_MS));
      signal?.addEventListener('abort', done, { once: true });
    }),
};
