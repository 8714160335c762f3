/**
 * What went wrong, as a closed list: the code decides what a person reads, `retry` decides what the service does.
 */
export type ErrorCode =
  | 'config_invalid'
  | 'intercom_unreachable'
  | 'intercom_timeout'
  | 'intercom_rate_limited'
  | 'intercom_unavailable'
  | 'intercom_waiting'
  | 'intercom_refused_token'
  | 'intercom_refused_request'
  | 'intercom_not_found'
  | 'intercom_answer_unreadable'
  | 'intercom_answer_too_large'
  | 'intercom_object_unreadable'
  | 'intercom_search_incomplete'
  | 'notification_unreadable'
  | 'lease_lost'
  | 'store_unavailable'
  | 'store_newer_than_program'
  | 'workspace_mismatch'
  | 'run_in_progress'
  | 'run_guarded'
  | 'bad_request'
  | 'cursor_invalid'
  | 'file_unwritable'
  | 'checks_failed'
  | 'not_found'
  | 'unauthorized'
  | 'stopped';

/** `later`: the step runs again after a growing delay · `never`: it is parked for a person. Nothing runs again at once. */
export type RetryAdvice = 'later' | 'never';

/**
 * `outage`: calls about other objects fail as well, or none went out: it says nothing about this object · `unclear`:
 * nothing else was asked that would tell.
 */
export type Blame = 'outage' | 'unclear';

export interface AppErrorOptions {
  readonly cause?: unknown;
  /** Wait at least this long before the next try (Intercom told us so). */
  readonly retryAfterMs?: number;
  /** True when the request may have taken effect although no answer came back. */
  readonly outcomeUnknown?: boolean;
  /** Parked after this many attempts, whatever its age: it is hardly going to get better. */
  readonly attempts?: number;
  /** Intercom's own words. They may quote what a person has typed: stored with parked work, never logged. */
  readonly said?: string;
  /** HTTP status that Intercom answered with. */
  readonly status?: number;
  /** Of an object that Intercom answered with: what of it is missing or can't be read, and whose it seems to be. */
  readonly unreadable?: UnreadablePart;
  /** Left out where it is the object's own, or has nothing to do with Intercom. */
  readonly blame?: Blame | null;
  /** Of the attributes that were sent, those that Intercom's refusal names. */
  readonly refusedNames?: readonly string[];
}

export interface UnreadablePart {
  /** Its name, never its value. */
  readonly field: string;
  readonly likelyOwnerId: string | null;
}

/** The only error class that crosses a module boundary. `message` never holds personal data. */
export class AppError extends Error {
  override readonly name = 'AppError';
  readonly code: ErrorCode;
  readonly retry: RetryAdvice;
  readonly retryAfterMs: number | null;
  readonly outcomeUnknown: boolean;
  readonly status: number | null;
  readonly said: string | null;
  readonly attempts: number | null;
  readonly unreadable: UnreadablePart | null;
  readonly blame: Blame | null;
  readonly refusedNames: readonly string[];

  constructor(code: ErrorCode, retry: RetryAdvice, message: string, options: AppErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retry = retry;
    this.retryAfterMs = options.retryAfterMs ?? null;
    this.outcomeUnknown = options.outcomeUnknown ?? false;
    this.status = options.status ?? null;
    this.said = options.said ?? null;
    this.attempts = options.attempts ?? null;
    this.unreadable = options.unreadable ?? null;
    this.blame = options.blame ?? null;
    this.refusedNames = options.refusedNames ?? [];
  }
}

/** One message that names everything that is wrong. */
export function wrongSettings(problems: readonly string[]): AppError {
  return new AppError(
    'config_invalid',
    'never',
    ['These settings must be fixed:', ...problems.map((line) => `  ${line}`)].join('\n'),
  );
}
