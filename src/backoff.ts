import type { Clock } from './clock.js';
import { AppError } from './errors.js';

/** Growing delays: 1 s, 2 s, 4 s … up to this. */
const LONGEST_DELAY_MS = 10 * 60_000;
const FIRST_DELAY_MS = 1000;

/** A failure that could mend itself is retried at least this long: an Intercom outage of a day must not park anything. */
const KEEP_TRYING_MS = 3 * 86_400_000;
const KEEP_TRYING_ATTEMPTS = 10;
/** A failure that is not an `AppError` is a defect of ours: a few tries, then a person should see it. */
const DEFECT_ATTEMPTS = 4;

/**
 * The delay before attempt `attempt + 1`: doubled each time, between half and all of it at random, so that work that
 * failed together doesn't come back together.
 */
export function delayAfterMs(attempt: number, random: () => number = Math.random): number {
  const full = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(attempt - 1, 20));
  return Math.round(full * (0.5 + random() / 2));
}

export type Verdict =
  | {
      readonly kind: 'retry';
      readonly delayMs: number;
      readonly outcomeUnknown: boolean;
      readonly reason: string;
      /** It is parked after this many attempts at the earliest. */
      readonly attempts: number;
    }
  | { readonly kind: 'park'; readonly reason: string; readonly attempts: number };

/** What becomes of work that failed for the `attempt`-th time, `ageMs` after it arose. */
export function judgeFailure(error: unknown, attempt: number, ageMs: number): Verdict {
  const reason = reasonToStore(error);
  if (!(error instanceof AppError)) {
    const attempts = DEFECT_ATTEMPTS;
    return attempt >= attempts
      ? { kind: 'park', reason, attempts }
      : { kind: 'retry', delayMs: delayAfterMs(attempt), outcomeUnknown: true, reason, attempts };
  }
  if (error.retry === 'never') return { kind: 'park', reason, attempts: attempt };
  const attempts = error.attempts ?? KEEP_TRYING_ATTEMPTS;
  const isOldEnough = error.attempts !== null || ageMs >= KEEP_TRYING_MS;
  if (attempt >= attempts && isOldEnough) return { kind: 'park', reason, attempts };
  const delayMs = Math.max(delayAfterMs(attempt), error.retryAfterMs ?? 0);
  return { kind: 'retry', delayMs, outcomeUnknown: error.outcomeUnknown, reason, attempts };
}

/** The part of a step's log line that says what becomes of work that failed with `error`. */
export function describeVerdict(verdict: Verdict, error: unknown): object {
  const shared = { of: verdict.attempts, reason: reasonOf(error) };
  return verdict.kind === 'park'
    ? { ...shared, result: 'parked' }
    : { ...shared, result: 'retried', retryInMs: verdict.delayMs };
}

/** For the person who looks at parked work: with Intercom's own words, which stay in the database. */
function reasonToStore(error: unknown): string {
  const reason = reasonOf(error);
  return error instanceof AppError && error.said !== null ? `${reason}: ${error.said}` : reason;
}

/** A sentence that may be logged. Foreign messages can quote data, so only their kind is kept. */
export function reasonOf(error: unknown): string {
  if (error instanceof AppError) return `${error.code}: ${error.message}`;
  return `defect: ${error instanceof Error ? error.name : typeof error}`;
}

export interface Persistence {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Told before each wait: what failed, for the how-manieth time, and how long it waits. */
  readonly onRetry: (error: AppError, attempt: number, delayMs: number) => Promise<void> | void;
}

/** The longest pause between two tries of something that a start or a sweep can't go on without. */
const PERSIST_DELAY_ATTEMPT = 6;

/**
 * Repeats `ask` with growing delays until it succeeds: an outage only makes the whole longer.
 * @throws what `ask` throws when that can't get better, or once `signal` has aborted.
 */
export async function persist<Result>(ask: () => Promise<Result>, how: Persistence): Promise<Result> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof AppError) || error.retry === 'never' || how.signal.aborted) throw error;
      const delayMs = Math.max(
        delayAfterMs(Math.min(attempt, PERSIST_DELAY_ATTEMPT)),
        error.retryAfterMs ?? 0,
      );
      await how.onRetry(error, attempt, delayMs);
      await how.clock.sleep(delayMs, how.signal);
    }
  }
}
