import type { Clock } from '../clock.js';
import { AppError } from '../errors.js';

/** Growing delays: 1 s, 2 s, 4 s … up to this. */
const MAX_DELAY_MS = 10 * 60_000;
const FIRST_DELAY_MS = 1000;

/** A failure that could fix itself is retried at least this long: an Intercom outage of a day must not park anything. */
const KEEP_TRYING_MS = 3 * 86_400_000;
const KEEP_TRYING_ATTEMPTS = 10;
/** A failure that is not an `AppError` is a defect of ours: a few tries, then a person should see it. */
const DEFECT_ATTEMPTS = 4;

/** Work that waits for the end of an outage is not tried much later than this after it. */
const MAX_OUTAGE_DELAY_MS = 10_000;
/** While some calls fail and others don't: between this and three times as much, at random. */
const OUTAGE_DELAY_MS = 500;

/**
 * The delay before attempt `attempt + 1`: doubled each time, between half and all of it at random, so that work that
 * failed together doesn't come back together.
 */
export function delayAfterMs(attempt: number, random: () => number = Math.random): number {
  const full = Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(attempt - 1, 20));
  return Math.round(full * (0.5 + random() / 2));
}

export type Verdict =
  /** It is not the object's fault: the attempt does not count, and the work is done when Intercom answers. */
  | {
      readonly kind: 'wait';
      readonly delayMs: number;
      readonly outcomeUnknown: boolean;
      readonly reason: string;
    }
  | {
      readonly kind: 'retry';
      readonly delayMs: number;
      readonly outcomeUnknown: boolean;
      readonly reason: string;
      /** It is parked after this many attempts at the earliest. */
      readonly attempts: number;
    }
  | { readonly kind: 'park'; readonly reason: string; readonly attempts: number };

/** How metrics and logs count a failure that was judged so. */
export const COUNTED_AS = { park: 'parked', retry: 'retried', wait: 'retried' } as const;

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
  if (isNobodysFault(error)) {
    return { kind: 'wait', delayMs: outageDelayMs(error), outcomeUnknown: error.outcomeUnknown, reason };
  }
  const attempts = error.attempts ?? KEEP_TRYING_ATTEMPTS;
  const isOldEnough = error.attempts !== null || ageMs >= KEEP_TRYING_MS;
  if (attempt >= attempts && isOldEnough) return { kind: 'park', reason, attempts };
  const delayMs = ownDelayMs(error, attempt);
  return { kind: 'retry', delayMs, outcomeUnknown: error.outcomeUnknown, reason, attempts };
}

/** False when Intercom was not even asked. */
export function wasTried(error: unknown): boolean {
  return !(error instanceof AppError && error.code === 'intercom_waiting');
}

function isNobodysFault(error: AppError): boolean {
  return error.blame === 'outage' || error.code === 'stopped';
}

/** How long work waits that failed for no fault of its own. */
function outageDelayMs({ code, retryAfterMs }: AppError): number {
  if (code === 'intercom_waiting') return retryAfterMs ?? 0;
  const shortMs = Math.round(OUTAGE_DELAY_MS * (1 + 2 * Math.random()));
  const askedMs = retryAfterMs ?? 0;
  // Only a used-up rate limit knows when it is worth asking again.
  return Math.max(
    shortMs,
    code === 'intercom_rate_limited' ? askedMs : Math.min(askedMs, MAX_OUTAGE_DELAY_MS),
  );
}

/** Growing; but as long as it may be an outage after all, its end is not to be missed by minutes. */
function ownDelayMs({ blame, retryAfterMs }: AppError, attempt: number): number {
  const delayMs = Math.max(delayAfterMs(attempt), retryAfterMs ?? 0);
  return blame === 'unclear' ? Math.min(delayMs, MAX_OUTAGE_DELAY_MS) : delayMs;
}

/** The part of a step's log line that says what becomes of work that failed with `error`. */
export function describeVerdict(verdict: Verdict, error: unknown): object {
  const reason = reasonOf(error);
  if (verdict.kind === 'wait') return { reason, result: 'waits', retryInMs: verdict.delayMs };
  const shared = { of: verdict.attempts, reason };
  return verdict.kind === 'park'
    ? { ...shared, result: 'parked' }
    : { ...shared, result: 'retried', retryInMs: verdict.delayMs };
}

/** For the person who looks at parked work: with Intercom's own words, which stay in the database. */
export function reasonToStore(error: unknown): string {
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
  /** Told before each wait: what failed, for the how-manieth time, and how long it waits at most. */
  readonly onRetry: (error: AppError, attempt: number, delayMs: number) => Promise<void> | void;
  /** Calls back when an outage is over; answers what stops that. */
  readonly onClear?: (listener: () => void) => () => void;
}

/** The longest pause between two tries of something that a start or a sweep can't go on without. */
const PERSIST_DELAY_ATTEMPT = 6;

/**
 * Repeats `ask` with growing delays until it succeeds: an outage only makes the whole longer, and its end ends the
 * delay.
 * @throws what `ask` throws when that can't get better, or once `signal` has aborted.
 */
export async function persist<Result>(ask: () => Promise<Result>, how: Persistence): Promise<Result> {
  for (let attempt = 1; ; attempt += 1) {
    const clear = new AbortController();
    const unsubscribe = how.onClear?.(() => clear.abort());
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof AppError) || error.retry === 'never' || how.signal.aborted) throw error;
      const delayMs = persistDelayMs(error, attempt);
      await how.onRetry(error, attempt, delayMs);
      // What failed before the end of an outage is asked again after it.
      await how.clock.sleep(delayMs, AbortSignal.any([how.signal, clear.signal]));
    } finally {
      unsubscribe?.();
    }
  }
}

function persistDelayMs(error: AppError, attempt: number): number {
  if (error.code === 'intercom_waiting') return error.retryAfterMs || MAX_OUTAGE_DELAY_MS;
  if (isNobodysFault(error)) return outageDelayMs(error);
  return ownDelayMs(error, Math.min(attempt, PERSIST_DELAY_ATTEMPT));
}
