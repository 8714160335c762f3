import type { Clock } from '../clock.js';

/** Calls counted window by window, as Intercom does: 10,000 a minute come as a sixth of that in each 10 seconds. */
export interface RateWindows {
  /** The most calls that came in one window so far, refused ones included. */
  readonly maxCalls: number;
  /** Calls refused because the window was used up. */
  readonly refused: number;
  /** Counts one call at this moment. */
  count(): RateState;
}

export interface RateState {
  readonly limit: number;
  readonly remaining: number;
  /** When the window ends, Unix seconds. */
  readonly resetAt: number;
  readonly isExceeded: boolean;
}

/** Windows follow each other from the epoch on; `windowMs` long, `perWindow` calls each. */
export function createRateWindows(
  clock: Clock,
  limit: { readonly perWindow: number; readonly windowMs: number },
): RateWindows {
  let windowNumber = -1;
  let calls = 0;
  let maxCalls = 0;
  let refused = 0;
  return {
    get maxCalls() {
      return maxCalls;
    },
    get refused() {
      return refused;
    },
    count: () => {
      const current = Math.floor(clock.nowMs() / limit.windowMs);
      if (current !== windowNumber) {
        windowNumber = current;
        calls = 0;
      }
      calls += 1;
      maxCalls = Math.max(maxCalls, calls);
      const isExceeded = calls > limit.perWindow;
      if (isExceeded) refused += 1;
      return {
        limit: limit.perWindow,
        remaining: Math.max(0, limit.perWindow - calls),
        resetAt: Math.ceil(((current + 1) * limit.windowMs) / 1000),
        isExceeded,
      };
    },
  };
}

/** The three headers of every authenticated answer; `Limit` is that of the window, not of the minute. */
export function rateHeaders(state: RateState): Record<string, string> {
  return {
    'X-RateLimit-Limit': String(state.limit),
    'X-RateLimit-Remaining': String(state.remaining),
    'X-RateLimit-Reset': String(state.resetAt),
  };
}
