/** What an answer said about the rate limit, in the terms of our own clock. */
export interface RateReport {
  /** Calls allowed per window (10 seconds). */
  readonly limit: number;
  readonly remaining: number;
  /** End of the window, Unix seconds of Intercom's clock: names the window. */
  readonly reset: number;
  /** The same moment on our clock, never too early. */
  readonly resetAtMs: number;
}

/** Intercom spreads its limit per minute over windows of ten seconds; the headers tell of one window. */
export const WINDOW_MS = 10_000;
/** A reset further away than this is a clock that disagrees, not a window. */
const LONGEST_WINDOW_MS = 60_000;
const LONGEST_RETRY_AFTER_MS = 3_600_000;

/**
 * `X-RateLimit-Limit`, `-Remaining` and `-Reset`, or null where one is missing or no number: gateways' errors and
 * refused tokens have none.
 *
 * `Reset` is an instant of Intercom's clock, so its distance is measured from the answer's own `Date`: a wrong clock
 * here does no harm. `Date` is cut to whole seconds, which can only make the reset seem later than it is.
 */
export function readRate(headers: Headers, receivedAtMs: number): RateReport | null {
  const limit = wholeNumber(headers.get('x-ratelimit-limit'));
  const remaining = wholeNumber(headers.get('x-ratelimit-remaining'));
  const reset = wholeNumber(headers.get('x-ratelimit-reset'));
  if (limit === null || limit === 0 || remaining === null || reset === null) return null;
  const sentAtMs = serverTimeMs(headers);
  const distanceMs = reset * 1000 - (sentAtMs ?? receivedAtMs);
  // Without a Date our own clock has to do; if it can't be right, a whole window passes.
  const isPlausible = distanceMs <= LONGEST_WINDOW_MS && (sentAtMs !== null || distanceMs > 0);
  const resetAtMs = receivedAtMs + (isPlausible ? Math.max(0, distanceMs) : WINDOW_MS);
  return { limit, remaining: Math.min(remaining, limit), reset, resetAtMs };
}

/** `Retry-After`, as seconds or as a date, in milliseconds; null without one. */
export function readRetryAfterMs(headers: Headers, receivedAtMs: number): number | null {
  const text = headers.get('retry-after')?.trim();
  if (text === undefined || text === '') return null;
  const delayMs = /^\d+(?:\.\d+)?$/.test(text)
    ? Number(text) * 1000
    : Date.parse(text) - (serverTimeMs(headers) ?? receivedAtMs);
  return Number.isNaN(delayMs) ? null : Math.min(Math.max(0, delayMs), LONGEST_RETRY_AFTER_MS);
}

/** `Date` of an answer, milliseconds; null without one that can be read. */
export function serverTimeMs(headers: Headers): number | null {
  const atMs = Date.parse(headers.get('date') ?? '');
  return Number.isNaN(atMs) ? null : atMs;
}

function wholeNumber(text: string | null): number | null {
  return text !== null && /^\d{1,15}$/.test(text.trim()) ? Number(text) : null;
}
