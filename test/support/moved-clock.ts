import type { Clock } from '../../src/clock.js';

/** A clock that stands still until the test moves it. */
export interface MovedClock extends Clock {
  /** Lets time pass and wakes every sleeper whose time has come; a negative one puts the clock back instead. */
  advance(ms: number): void;
  /** Lets time pass until an instant such as `2026-10-30T12:00:00-04:00`; an earlier one puts the clock back instead. */
  set(instant: string): void;
  /** Lets time pass until the next sleeper wakes, `maxMs` at most. */
  advanceToNext(maxMs: number): void;
  /** Sets the clock, forward or back, without any time passing. */
  step(ms: number): void;
}

export function createMovedClock(instant: string): MovedClock {
  let current = Date.parse(instant);
  let passed = 0;
  const sleepers = new Set<{ readonly untilMs: number; readonly wake: () => void }>();
  const pass = (ms: number): void => {
    current += ms;
    if (ms > 0) passed += ms;
    for (const sleeper of sleepers) if (sleeper.untilMs <= passed) sleeper.wake();
  };
  return {
    nowMs: () => current,
    monotonicMs: () => passed,
    sleep: (delayMs, signal) =>
      new Promise((resolve) => {
        if (signal?.aborted === true || delayMs <= 0) {
          resolve();
          return;
        }
        const sleeper = {
          untilMs: passed + delayMs,
          wake: () => {
            sleepers.delete(sleeper);
            signal?.removeEventListener('abort', sleeper.wake);
            resolve();
          },
        };
        sleepers.add(sleeper);
        signal?.addEventListener('abort', sleeper.wake, { once: true });
      }),
    advance: pass,
    advanceToNext: (maxMs) => {
      const nextMs = Math.min(passed + maxMs, ...[...sleepers].map(({ untilMs }) => untilMs));
      pass(Math.max(1, nextMs - passed));
    },
    set: (next) => pass(Date.parse(next) - current),
    step: (ms) => {
      current += ms;
    },
  };
}
