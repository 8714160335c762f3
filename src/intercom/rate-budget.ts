import type { Clock } from '../clock.js';
import { AppError } from '../errors.js';
import { readRate, readRetryAfterMs } from './rate-headers.js';
import { createRateWindow } from './rate-window.js';
import { createSharedCalls, type Claim, type SharedRateStore } from './shared-calls.js';

/** Who waits for the answer: event-driven work goes before sweeps when the rate budget runs short. */
export type CallPriority = 'soon' | 'sweep';

/** Shared by all calls to one workspace: who may call when. */
export interface RateBudget {
  /**
   * Resolves when a call may be sent; its permit must be settled whatever becomes of the call.
   * @throws AppError `intercom_rate_limited` (retry later) when there was no room for 20 s, `stopped` when `signal`
   * aborts first, or the store's when the calls of all processes can't be counted.
   */
  acquire(priority: CallPriority, signal?: AbortSignal): Promise<Permit>;
  snapshot(): RateSnapshot;
  /** Tells other processes what became of calls; they are told with the next question anyway. */
  flush(): Promise<void>;
}

export interface Permit {
  /** Tells the budget what was answered, or null when nothing was. Only the first call counts. */
  settle(answer: RateAnswer | null): void;
  /** In place of {@link settle} when no call was sent at all. */
  giveBack(): void;
  /** It was held for so long that other processes no longer reckon with the call: it must not be sent. */
  isExpired(): boolean;
}

export interface RateAnswer {
  readonly status: number;
  readonly headers: Headers;
  /** When the headers came, on our clock. */
  readonly receivedAtMs: number;
}

/** For metrics and pages. Null until Intercom's first answer has told. What is left is that of all processes. */
export interface RateSnapshot {
  readonly limit: number | null;
  /** Room left in this window, calls under way not subtracted. */
  readonly remaining: number | null;
  readonly resetAtMs: number | null;
  readonly inFlight: number;
  readonly waiting: number;
  /** No call goes out before this moment: Intercom has said 429. Null while calls may go. */
  readonly pausedUntilMs: number | null;
}

export interface RateBudgetOptions {
  readonly clock: Clock;
  /** Calls under way at once. */
  readonly concurrency?: number;
  /** What all processes on one database share; left out where this one is alone. */
  readonly shared?: SharedRateStore;
}

/** At 120 ms a call enough to use up a window of 1,666 calls in 10 s. */
const CONCURRENCY = 32;
/** Calls at once while nothing is known about the limit. */
const FIRST_CONCURRENCY = 2;
/** Share of each window that sweeps leave to event-driven work. */
const KEPT_FOR_SOON = 0.1;
/** How long a call waits for room at most: two windows; then the caller's own retry takes over. */
export const MAX_WAIT_MS = 20_000;
const FIRST_PAUSE_MS = 1000;
/** After a 429 that says nothing: by the end of a window there is room again. */
const MAX_GUESSED_PAUSE_MS = 10_000;

interface Waiter {
  deadlineMs: number;
  readonly grant: (claim: Claim | null) => void;
  readonly refuse: (error: unknown) => void;
}

/**
 * The rate budget, learned from Intercom's rate-limit headers. Calls under way count as if Intercom had not counted
 * them yet, so that the window is never overdrawn however answers overtake each other. Where processes share the limit,
 * each call needs one that was claimed from what they share, too.
 */
export function createRateBudget(options: RateBudgetOptions): RateBudget {
  const { clock, concurrency = CONCURRENCY, shared } = options;
  const window = createRateWindow();
  const queues: Readonly<Record<CallPriority, Set<Waiter>>> = { soon: new Set(), sweep: new Set() };
  let inFlight = 0;
  let pausedUntilMs = 0;
  /** How many pauses there were: the answers of calls sent before the latest one don't lengthen it. */
  let pauses = 0;
  /** 429s in a row, each after the pause of the one before. */
  let strikes = 0;
  /** Since the last 429 no call has been answered otherwise: they go one by one. */
  let isTesting = false;
  let alarm: { readonly atMs: number; readonly cancel: AbortController } | null = null;

  let latestMs = 0;

  const calls =
    shared === undefined
      ? null
      : createSharedCalls({
          store: shared,
          clock,
          onChange: () => pump(),
          onFailure: (error) => {
            for (const queue of [queues.soon, queues.sweep]) refuseAll(queue, error);
            pump();
          },
          onPause: (forMs) => {
            pausedUntilMs = Math.max(pausedUntilMs, readClock() + forMs);
          },
        });

  /** The time, with everything that was set by it put back as far as the clock was. */
  const readClock = (): number => {
    const nowMs = clock.nowMs();
    const backMs = latestMs - nowMs;
    latestMs = nowMs;
    if (backMs > 0) {
      window.shift(backMs);
      pausedUntilMs -= backMs;
      for (const waiter of [...queues.soon, ...queues.sweep]) waiter.deadlineMs -= backMs;
    }
    return nowMs;
  };

  const hasRoom = (priority: CallPriority): boolean => {
    if (inFlight >= (isTesting ? 1 : concurrency)) return false;
    const { limit, remaining } = window;
    if (limit === null || remaining === null) return inFlight < FIRST_CONCURRENCY;
    const kept = priority === 'soon' ? 0 : Math.floor(limit * KEPT_FOR_SOON);
    return remaining - inFlight > kept;
  };

  const pump = (): void => {
    const nowMs = readClock();
    window.roll(nowMs);
    for (const queue of [queues.soon, queues.sweep]) refuseLate(queue, nowMs);
    if (nowMs >= pausedUntilMs) {
      grantFrom('soon');
      if (queues.soon.size === 0) grantFrom('sweep');
    }
    setAlarm(nowMs);
  };

  const grantFrom = (priority: CallPriority): void => {
    for (const waiter of queues[priority]) {
      if (!hasRoom(priority)) return;
      const claim = calls?.take(priority) ?? null;
      if (calls !== null && claim === null) return;
      queues[priority].delete(waiter);
      waiter.grant(claim);
    }
  };

  const refuseAll = (queue: Set<Waiter>, error: unknown): void => {
    const waiters = [...queue];
    queue.clear();
    for (const waiter of waiters) waiter.refuse(error);
  };

  const refuseLate = (queue: Set<Waiter>, nowMs: number): void => {
    for (const waiter of queue) {
      if (nowMs < waiter.deadlineMs) return;
      queue.delete(waiter);
      waiter.refuse(
        new AppError(
          'intercom_rate_limited',
          'later',
          `no room in Intercom's rate limit for ${MAX_WAIT_MS / 1000} s`,
          {
            blame: 'outage',
            retryAfterMs: Math.max(0, pausedUntilMs - nowMs),
          },
        ),
      );
    }
  };

  /** Wakes up when room may come without any answer: the pause or the window ends, or somebody has waited too long. */
  const setAlarm = (nowMs: number): void => {
    const waiters = [...queues.soon].slice(0, 1).concat([...queues.sweep].slice(0, 1));
    const deadlines = waiters.map((waiter) => waiter.deadlineMs);
    const opening = pausedUntilMs > nowMs ? pausedUntilMs : window.resetAtMs;
    const retries = (['soon', 'sweep'] as const)
      .filter((priority) => queues[priority].size > 0)
      .map((priority) => nowMs + (calls?.retryInMs(priority) ?? Infinity));
    const atMs = waiters.length === 0 ? null : Math.min(...deadlines, ...retries, opening ?? Infinity);
    if (alarm?.atMs === atMs) return;
    alarm?.cancel.abort();
    alarm = atMs === null ? null : { atMs, cancel: new AbortController() };
    if (alarm !== null) void ring(alarm, nowMs);
  };

  const ring = async (own: NonNullable<typeof alarm>, nowMs: number): Promise<void> => {
    await clock.sleep(own.atMs - nowMs, own.cancel.signal);
    if (alarm !== own) return;
    alarm = null;
    pump();
  };

  const noteStatus = (answer: RateAnswer, resetAtMs: number | null, sentAfterPause: number): void => {
    const isNews = sentAfterPause === pauses;
    if (answer.status !== 429) {
      if (isNews) {
        strikes = 0;
        isTesting = false;
      }
      return;
    }
    if (isNews) {
      strikes += 1;
      pauses += 1;
      isTesting = true;
    }
    const { receivedAtMs } = answer;
    const retryAfterMs = readRetryAfterMs(answer.headers, receivedAtMs);
    const backOffMs = Math.min(MAX_GUESSED_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (Math.max(strikes, 1) - 1));
    const toResetMs = resetAtMs !== null && resetAtMs > receivedAtMs ? resetAtMs - receivedAtMs : null;
    pausedUntilMs = Math.max(pausedUntilMs, receivedAtMs + (retryAfterMs ?? toResetMs ?? backOffMs));
  };

  const issuePermit = (claim: Claim | null): Permit => {
    const sentIn = window.number;
    const sentAfterPause = pauses;
    let isSettled = false;
    inFlight += 1;
    return {
      settle: (answer) => {
        if (isSettled) return;
        isSettled = true;
        inFlight -= 1;
        const report = answer === null ? null : readRate(answer.headers, answer.receivedAtMs);
        window.roll(readClock());
        window.learn(report, sentIn);
        if (answer !== null) noteStatus(answer, report?.resetAtMs ?? null, sentAfterPause);
        if (claim !== null) {
          const pauseMs = answer?.status === 429 ? Math.max(0, pausedUntilMs - clock.nowMs()) : null;
          calls?.settle(claim, answer === null ? null : { status: answer.status, report, pauseMs });
        }
        pump();
      },
      giveBack: () => {
        if (isSettled) return;
        isSettled = true;
        inFlight -= 1;
        if (claim !== null) calls?.giveBack(claim);
        pump();
      },
      isExpired: () => claim?.isExpired() === true,
    };
  };

  return {
    acquire: (priority, signal) =>
      new Promise((resolve, reject) => {
        const stopped = (): void => {
          queues[priority].delete(waiter);
          reject(new AppError('stopped', 'later', 'stopped while waiting for the rate limit'));
          pump();
        };
        const waiter: Waiter = {
          deadlineMs: readClock() + MAX_WAIT_MS,
          grant: (claim) => {
            signal?.removeEventListener('abort', stopped);
            resolve(issuePermit(claim));
          },
          refuse: (error) => {
            signal?.removeEventListener('abort', stopped);
            reject(error);
          },
        };
        if (signal?.aborted === true) {
          stopped();
          return;
        }
        signal?.addEventListener('abort', stopped, { once: true });
        queues[priority].add(waiter);
        pump();
      }),
    snapshot: () => {
      const nowMs = readClock();
      window.roll(nowMs);
      const { limit, remaining, resetAtMs } = calls?.snapshot() ?? window;
      return {
        limit,
        remaining,
        resetAtMs,
        inFlight,
        waiting: queues.soon.size + queues.sweep.size,
        pausedUntilMs: pausedUntilMs > nowMs ? pausedUntilMs : null,
      };
    },
    flush: async () => calls?.flush(),
  };
}
