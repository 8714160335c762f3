/** What Intercom makes of a receiver's answers over time. */
export interface WebhookHealth {
  /** `live`, or why nothing is being sent right now. */
  stateAt(nowMs: number): 'live' | 'throttled' | 'paused' | 'suspended' | 'disabled';
  /** Until when deliveries wait; meaningful while `throttled`. */
  readonly throttledUntilMs: number;
  noteSuccess(): void;
  noteFailure(nowMs: number): void;
  /** 429: the subscription is slowed down, for longer each time. */
  noteThrottle(nowMs: number): void;
  /** 410: the subscription is disabled at once. */
  disable(): void;
  /** A person presses "Set live". */
  setLive(): void;
}

const MINUTE_MS = 60_000;
const MIN_THROTTLE_MS = MINUTE_MS;
/** Longest throttle, and the age at which a delayed notification is dropped. */
export const MAX_DELAY_MS = 120 * MINUTE_MS;
const FAILURES_TO_PAUSE = 1000;
const PAUSE_MS = 15 * MINUTE_MS;
const SUSPEND_AFTER_MS = 7 * 24 * 60 * MINUTE_MS;

export function createWebhookHealth(): WebhookHealth {
  let isDisabled = false;
  let throttledUntilMs = 0;
  let throttleMs = MIN_THROTTLE_MS;
  let pausedUntilMs = 0;
  let failures = 0;
  let runStartedMs = 0;
  let failingSinceMs: number | null = null;

  return {
    stateAt: (nowMs) => {
      if (isDisabled) return 'disabled';
      if (failingSinceMs !== null && nowMs - failingSinceMs > SUSPEND_AFTER_MS) return 'suspended';
      if (nowMs < pausedUntilMs) return 'paused';
      return nowMs < throttledUntilMs ? 'throttled' : 'live';
    },
    get throttledUntilMs() {
      return throttledUntilMs;
    },
    noteSuccess: () => {
      failures = 0;
      failingSinceMs = null;
      throttleMs = MIN_THROTTLE_MS;
    },
    noteFailure: (nowMs) => {
      failingSinceMs ??= nowMs;
      if (failures === 0 || nowMs - runStartedMs > PAUSE_MS) {
        failures = 0;
        runStartedMs = nowMs;
      }
      failures += 1;
      if (failures <= FAILURES_TO_PAUSE) return;
      pausedUntilMs = nowMs + PAUSE_MS;
      failures = 0;
    },
    noteThrottle: (nowMs) => {
      // Answers to deliveries that were under way together count once.
      if (nowMs < throttledUntilMs) return;
      throttledUntilMs = nowMs + throttleMs;
      throttleMs = Math.min(throttleMs * 2, MAX_DELAY_MS);
    },
    disable: () => {
      isDisabled = true;
    },
    setLive: () => {
      isDisabled = false;
      failures = 0;
      failingSinceMs = null;
      throttledUntilMs = 0;
      pausedUntilMs = 0;
      throttleMs = MIN_THROTTLE_MS;
    },
  };
}
