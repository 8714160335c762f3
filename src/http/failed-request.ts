import type { Context } from 'hono';
import { reasonOf } from '../work/backoff.js';
import { AppError } from '../errors.js';
import type { Log } from '../log.js';

/** What whoever asked may know of a request that failed. */
export interface FailedRequest {
  readonly status: 500 | 503;
  /** Quotes nothing of the error: its message can hold what a person has typed. */
  readonly sentence: string;
}

/** Logs why a request failed, once, and says what to answer. */
export function failRequest(error: unknown, context: Context, log: Log): FailedRequest {
  const request: unknown = context.get('requestId');
  log.error(
    { request, err: error, route: context.req.routePath, reason: reasonOf(error) },
    'a request failed',
  );
  return error instanceof AppError && error.code === 'store_unavailable'
    ? { status: 503, sentence: 'The database cannot be used at this moment.' }
    : {
        status: 500,
        sentence: 'Something went wrong here; the log has the details under this requestId.',
      };
}
