import { AppError, type AppErrorOptions, type Blame } from '../errors.js';
import { isRecord, readId } from './json.js';
import { readRetryAfterMs } from './rate-headers.js';

/** One call and what became of it. `label` names the method and path without ids: it goes into messages and logs. */
export interface Answer {
  readonly label: string;
  readonly status: number;
  readonly headers: Headers;
  /** The parsed body; undefined when it is not JSON. */
  readonly body: unknown;
  readonly receivedAtMs: number;
}

/** What the request may have done although its answer was no good. */
export interface RequestKind {
  readonly isWrite: boolean;
  /** The attributes that were sent: a refusal may name one of them. */
  readonly names: readonly string[];
  /** Scalars of the request's body and path: Intercom's message may quote them, ours never does. */
  readonly values: readonly (string | number | boolean | null)[];
}

const MAX_MESSAGE = 300;
/** Cut to this before anything looks through it: some of what does takes the square of a text's length. */
const MAX_FOREIGN_TEXT = 1000;
/** Of the errors of one answer. */
const MAX_ERRORS = 20;

/** 404 and 410 of an object asked for by id: Intercom says itself that it is gone, or into which contact it went. */
export type Absence = { readonly kind: 'gone' } | { readonly kind: 'merged'; readonly intoId: string | null };

/**
 * Reads a 404 or 410 as an absence; null when it is none. Only Intercom's own `error.list` is believed: a gateway's
 * or a wrong address's 404 must never pass for a deleted contact, because that erases it from the cache.
 *
 * Merged contacts answer 404 up to version 2.15; since 2.16 it is 410, code `contact_merged`, with
 * `Link: </contacts/{id}>; rel="canonical"`.
 */
export function readAbsence(answer: Answer): Absence | null {
  const error = firstError(answer.body);
  if (error === null || (answer.status !== 404 && answer.status !== 410)) return null;
  if (error.code !== 'contact_merged') return { kind: 'gone' };
  return { kind: 'merged', intoId: readCanonicalId(answer.headers.get('link')) };
}

/**
 * True when Intercom itself has answered, whatever it said; false for a gateway's page, for what it says while it is
 * out of order (408, 5xx), and for a token that it does not accept: that is nobody's request's fault.
 */
export function isOfIntercom({ status, body }: Answer): boolean {
  if (status === 429) return true;
  if (body === undefined || status === 401 || status === 402 || status === 403) return false;
  return (
    (status >= 200 && status <= 299) ||
    (status >= 400 && status !== 408 && status < 500 && hasErrorList(body))
  );
}

/**
 * The typed error for an answer that is not a success; 404 is `intercom_not_found` here. Only Intercom's own
 * `error.list` refuses a request for good: any other 4xx is a gateway's, and passes.
 */
export function refusalOf(answer: Answer, request: RequestKind, blame: Blame | null = null): AppError {
  const { label, status } = answer;
  const error = firstError(answer.body);
  const answered = error === null ? `${status}` : `${status} ${error.code}`;
  const said = error === null ? '' : quote(error.message, request.values);
  const options: AppErrorOptions = { status, blame, ...(said === '' ? {} : { said }) };
  // 402 is what plan restrictions used to be: like a token without permission, an operator can fix it.
  if (status === 401 || status === 402 || status === 403) {
    return new AppError(
      'intercom_refused_token',
      'later',
      `${label}: Intercom refused the token (${answered})`,
      options,
    );
  }
  if (status === 408 || status >= 500) {
    const retryAfterMs = readRetryAfterMs(answer.headers, answer.receivedAtMs);
    return new AppError('intercom_unavailable', 'later', `${label}: Intercom is unavailable (${answered})`, {
      ...options,
      outcomeUnknown: request.isWrite,
      ...(retryAfterMs === null ? {} : { retryAfterMs }),
    });
  }
  if (status < 400 || error === null) {
    return unreadable(label, `answered ${status}, which is none of Intercom's own answers`, request, options);
  }
  if (status === 404) {
    return new AppError(
      'intercom_not_found',
      'never',
      `${label}: Intercom knows no such thing (${answered})`,
      options,
    );
  }
  return new AppError('intercom_refused_request', 'never', `${label}: Intercom refused (${answered})`, {
    ...options,
    refusedNames: namesIn(answer.body, request.names),
  });
}

/** An answer that we can't make sense of; it may be another one next time. */
export function unreadable(
  label: string,
  why: string,
  request: Pick<RequestKind, 'isWrite'>,
  options: AppErrorOptions = {},
): AppError {
  return new AppError('intercom_answer_unreadable', 'later', `${label}: ${why}`, {
    ...options,
    outcomeUnknown: request.isWrite,
  });
}

function hasErrorList(body: unknown): body is { readonly errors: readonly unknown[] } {
  return isRecord(body) && body['type'] === 'error.list' && Array.isArray(body['errors']);
}

function firstError(body: unknown): { readonly code: string; readonly message: string } | null {
  if (!hasErrorList(body)) return null;
  const first: unknown = body.errors[0];
  if (!isRecord(first) || typeof first['code'] !== 'string') return null;
  const message = typeof first['message'] === 'string' ? first['message'] : '';
  // It goes into logs, so nothing but a code may pass for one.
  const code = /^[\w.-]{1,60}$/.test(first['code']) ? first['code'] : 'unknown';
  return { code, message };
}

/** Which of `names` the errors of an answer name, in `field` or in their words. */
function namesIn(body: unknown, names: readonly string[]): string[] {
  if (!hasErrorList(body)) return [];
  const texts = body.errors.slice(0, MAX_ERRORS).flatMap((error) => {
    if (!isRecord(error)) return [];
    return [error['field'], error['message']].flatMap((text) =>
      typeof text === 'string' ? [text.slice(0, MAX_FOREIGN_TEXT)] : [],
    );
  });
  let text = texts.join('\n');
  // "Engagement Status Date" also holds the name of another attribute.
  const longestFirst = names.toSorted((one, other) => other.length - one.length);
  return longestFirst.filter((name) => {
    const isNamed = text.includes(name);
    if (isNamed) text = text.replaceAll(name, '\n');
    return isNamed;
  });
}

/** Intercom's message without the request's values and without e-mail addresses, cut to a sentence or two. */
function quote(message: string, values: RequestKind['values']): string {
  if (message === '') return '';
  const texts = values.map(String).filter((text) => text.length > 1);
  const longestFirst = texts.sort((a, b) => b.length - a.length);
  const clean = longestFirst
    .reduce((left, text) => left.replaceAll(text, '…'), cutAtWord(message))
    .replaceAll(/[^\s@<>"']+@[^\s@<>"']+/g, '…');
  return clean.length > MAX_MESSAGE ? `${clean.slice(0, MAX_MESSAGE - 1)}…` : clean;
}

/** Not in the middle of a word: half an address would no longer be known for one. */
function cutAtWord(text: string): string {
  if (text.length <= MAX_FOREIGN_TEXT) return text;
  const cut = text.slice(0, MAX_FOREIGN_TEXT);
  const end = Math.max(cut.lastIndexOf(' '), cut.lastIndexOf('\n'));
  return `${cut.slice(0, end === -1 ? 0 : end)}…`;
}

function readCanonicalId(link: string | null): string | null {
  const target = /<(?:[^>]*\/)?contacts\/([^>/]+)>\s*;[^,]*\brel="?canonical"?/i.exec(
    (link ?? '').slice(0, MAX_FOREIGN_TEXT),
  )?.[1];
  return readId(target);
}

/** Every scalar in a request body, keys aside. */
export function scalarsIn(value: unknown): (string | number | boolean | null)[] {
  if (Array.isArray(value)) return value.flatMap(scalarsIn);
  if (isRecord(value)) return Object.values(value).flatMap(scalarsIn);
  return typeof value === 'string' || typeof value === 'number' ? [value] : [];
}
