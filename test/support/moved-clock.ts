import type { Clock } from '../../src/clock.js';

/** A clock that stands still until the test moves it. */
export interface MovedClock extends Clock {
  /** Moves time on and wakes every sleeper whose time has come. */
  advance(ms: number): void;
  /** Sets the time to an instant such as `2026-10-30T12:00:00-04:00`. */
  set(instant: string): void;
}

export function createMovedClock(instant: string): MovedClock {
  let current = Date.parse(instant);
  const sleepers = new Set<{ readonly untilMs: number; readonly wake: () => void }>();
  const wakeDue = (): void => {
    for (const sleeper of sleepers) if (sleeper.untilMs <= current) sleeper.wake();
  };
  return {
    nowMs: () => current,
    sleep: (delayMs, signal) =>
      new Promise((resolve) => {
        if (signal?.aborted === true || delayMs <= 0) {
          resolve();
          return;
        }
        const sleeper = {
          untilMs: current + delayMs,
          wake: () => {
            sleepers.delete(sleeper);
            signal?.removeEventListener('abort', sleeper.wake);
            resolve();
          },
        };
        sleepers.add(sleeper);
        signal?.addEventListener('abort', sleeper.wake, { once: true });
      }),
    advance: (ms) => {
      current += ms;
      wakeDue();
    },
    set: (next) => {
      current = Date.parse(next);
      wakeDue();
    },
  };
}
