import { WINDOW_MS, type RateReport } from './rate-headers.js';

/** How many calls the current rate window still has room for, as far as Intercom's answers tell. */
export interface RateWindow {
  /** Null until the first answer that tells. */
  readonly limit: number | null;
  /** Room left, calls under way not subtracted; null until the first answer that tells. */
  readonly remaining: number | null;
  readonly resetAtMs: number | null;
  /** Counts the windows, so that an answer can be told apart from one to a call of an earlier window. */
  readonly number: number;
  /** Begins a full window when the known one is over. */
  roll(nowMs: number): void;
  /** The clock went back by so much: the end of the window with it. */
  shift(byMs: number): void;
  /** Takes in what the answer to a call of window `sentIn` reported; null when it told nothing, or none came. */
  learn(report: RateReport | null, sentIn: number): void;
}

export function createRateWindow(): RateWindow {
  let known: RateReport | null = null;
  /** True while no answer has told about this window yet: it is only concluded from the clock. */
  let isAssumed = false;
  let number = 0;
  /**
   * Calls that nobody knows whether Intercom counted, nor in which window. No answer tells whether it was counted
   * before or after them, so they stay subtracted from whatever is reported, in their window and in the next one.
   */
  let untold = 0;
  let untoldBefore = 0;
  const beginWindow = (): void => {
    number += 1;
    untoldBefore = untold;
    untold = 0;
  };

  return {
    get limit() {
      return known?.limit ?? null;
    },
    get remaining() {
      return known === null ? null : Math.max(0, known.remaining - untold - untoldBefore);
    },
    get resetAtMs() {
      return known?.resetAtMs ?? null;
    },
    get number() {
      return number;
    },
    roll: (nowMs) => {
      if (known === null || nowMs < known.resetAtMs) return;
      const windowsPassed = Math.floor((nowMs - known.resetAtMs) / WINDOW_MS) + 1;
      known = {
        ...known,
        remaining: known.limit,
        resetAtMs: known.resetAtMs + windowsPassed * WINDOW_MS,
      };
      isAssumed = true;
      beginWindow();
    },
    shift: (byMs) => {
      if (known !== null) known = { ...known, resetAtMs: known.resetAtMs - byMs };
    },
    learn: (report, sentIn) => {
      if (report === null) {
        untold += 1;
        return;
      }
      if (known === null || report.reset > known.reset) {
        known = report;
        isAssumed = false;
        beginWindow();
        return;
      }
      // An answer about a window that is over for us, to a call from before its end, says nothing about this one.
      const isSame = report.reset === known.reset && !isAssumed;
      if (!isSame && sentIn !== number) return;
      // Answers overtake each other, so the lowest count is the newest. Every estimate of the end is late, if
      // anything: the earliest one is the best, unless the window was thought to be over and is not.
      known = {
        ...report,
        remaining: Math.min(known.remaining, report.remaining),
        resetAtMs: isSame ? Math.min(known.resetAtMs, report.resetAtMs) : report.resetAtMs,
      };
      isAssumed = false;
    },
  };
}
