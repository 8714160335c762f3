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
const MAX_WINDOW_MS = 60_000;
/** `Date` and `Reset` are whole seconds, and an answer takes its time: a reset may be this long past. */
const MAX_PAST_MS = 2000;
/** Whoever asks for a longer pause than this is asked again after it. */
const MAX_RETRY_AFTER_MS = 60_000;
/** Above any limit that Intercom has ever had. */
const MAX_LIMIT = 1_000_000;
/** Seconds since 1970 don't reach this before the year 5138: it is milliseconds. */
const FIRST_MILLISECONDS = 1e11;

/**
 * `X-RateLimit-Limit`, `-Remaining` and `-Reset`, or null where one is missing or no number: gateways' errors and
 * refused tokens have none.
 *
 * `Reset` is an instant of Intercom's clock, so its distance is measured from the answer's own `Date`: a wrong clock
 * here does no harm. `Date` is cut to whole seconds, which can only make the reset seem later than it is. One that can
 * be no end of a window (long past, years ahead) is replaced by the end of a whole window from now.
 */
export function readRate(headers: Headers, receivedAtMs: number): RateReport | null {
  const limit = readNumber(headers.get('x-ratelimit-limit'));
  const remaining = readNumber(headers.get('x-ratelimit-remaining'));
  const reset = readNumber(headers.get('x-ratelimit-reset'));
  if (limit === null || limit < 1 || remaining === null || reset === null) return null;
  const most = Math.min(Math.floor(limit), MAX_LIMIT);
  const counts = { limit: most, remaining: Math.min(Math.max(0, Math.floor(remaining)), most) };
  const resetAt = Math.floor(reset >= FIRST_MILLISECONDS ? reset / 1000 : reset);
  const sentAtMs = serverTimeMs(headers);
  const distanceMs = resetAt * 1000 - (sentAtMs ?? receivedAtMs);
  // Without a Date our own clock has to do; if it can't be right, a whole window passes.
  const isPlausible =
    distanceMs <= MAX_WINDOW_MS && (sentAtMs === null ? distanceMs > 0 : distanceMs >= -MAX_PAST_MS);
  if (isPlausible) return { ...counts, reset: resetAt, resetAtMs: receivedAtMs + Math.max(0, distanceMs) };
  const number = Math.floor((sentAtMs ?? receivedAtMs) / WINDOW_MS) + 1;
  return { ...counts, reset: (number * WINDOW_MS) / 1000, resetAtMs: receivedAtMs + WINDOW_MS };
}

/**
 * `Retry-After`, as seconds or as a date, in milliseconds, at most a minute; null without one, and for one that asks
 * for no pause (zero, negative, past) or says nothing that can be read.
 */
export function readRetryAfterMs(headers: Headers, receivedAtMs: number): number | null {
  const text = headers.get('retry-after')?.trim() ?? '';
  // `Date.parse` makes a year of nearly everything.
  const isDate = /^[A-Za-z]{3}, \d{2} [A-Za-z]{3} \d{4} \d{2}:\d{2}:\d{2} GMT$/.test(text);
  const seconds = isDate ? null : readNumber(text);
  if (!isDate && seconds === null) return null;
  const delayMs =
    seconds === null ? Date.parse(text) - (serverTimeMs(headers) ?? receivedAtMs) : seconds * 1000;
  return delayMs > 0 ? Math.min(delayMs, MAX_RETRY_AFTER_MS) : null;
}

/** `Date` of an answer, milliseconds; null without one that can be read. */
export function serverTimeMs(headers: Headers): number | null {
  const atMs = Date.parse((headers.get('date') ?? '').slice(0, 64));
  return Number.isNaN(atMs) ? null : atMs;
}

function readNumber(text: string | null): number | null {
  return text !== null && /^-?\d{1,15}(?:\.\d{1,15})?$/.test(text.trim()) ? Number(text) : null;
}
