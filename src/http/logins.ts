import { createHash, createHmac, hkdfSync, randomBytes, timingSafeEqual } from 'node:crypto';
import { nowAt, type Clock } from '../clock.js';

/** Somebody who has signed in on the pages. */
export interface Login {
  readonly id: string;
  /** Which of the tokens opened it, as an index. */
  readonly tokenNumber: number;
  /** The same for every login of one token, and says nothing about the token itself. */
  readonly personId: string;
  readonly expiresAt: number;
}

/**
 * Logins of the pages. A login lives in its cookie alone, signed with a key derived from the token that opened it:
 * a restart ends none, and taking a token out of `API_TOKENS` ends all of its logins.
 */
export interface Logins {
  /** The number of the token that `text` is, compared in constant time; null when it is none of them. */
  tokenNumber(text: string): number | null;
  /** A new login's cookie value. */
  open(tokenNumber: number): string;
  /** Null for a cookie that is forged or expired. Whether it was signed out the store knows. */
  read(cookie: string | undefined): Login | null;
  /** For a hidden field of a form; another one each time, so that compressed pages give nothing away. */
  formToken(login: Login | null): string;
  isFormToken(text: string | undefined, login: Login | null): boolean;
  /** For hashes of what counts as one client; the same for all processes that share the key of forms. */
  readonly clientKey: string;
}

export const SESSION_SECONDS = 12 * 3600;
/** How far the clock of another process may be ahead. */
const CLOCK_ERROR_SECONDS = 600;

/** @param formKey what all processes on one database sign forms with where nobody signs in; left out: a key of this one */
export function createLogins(
  apiTokens: readonly string[],
  clock: Clock,
  formKey: string = randomBytes(32).toString('base64url'),
): Logins {
  const hashes = apiTokens.map((token) => createHash('sha256').update(token).digest());
  const keys = apiTokens.map((token) => deriveKey(token));
  /** A form may be posted to another process than the one that has shown it. */
  const sharedKey = deriveKey(formKey);

  const keyOf = (login: Login | null): Buffer =>
    login === null ? sharedKey : (keys[login.tokenNumber] ?? sharedKey);

  return {
    clientKey: sign(sharedKey, 'clients'),

    tokenNumber: (text) => {
      const given = createHash('sha256').update(text).digest();
      // Every hash is compared, so that the time says nothing about which one matched.
      const matches = hashes.map((hash) => timingSafeEqual(hash, given));
      const number = matches.indexOf(true);
      return number === -1 ? null : number;
    },

    open: (tokenNumber) => {
      const body = `${randomBytes(16).toString('base64url')}.${nowAt(clock) + SESSION_SECONDS}`;
      return `${body}.${sign(keys[tokenNumber] ?? sharedKey, `session ${body}`)}`;
    },

    read: (cookie) => {
      const [, body = '', id = '', expires = '', signature = ''] =
        /^(([\w-]{22})\.(\d{1,12}))\.([\w-]{43})$/.exec(cookie ?? '') ?? [];
      const tokenNumber = keys.findIndex((key) => isSame(sign(key, `session ${body}`), signature));
      const expiresAt = Number(expires);
      const leftSeconds = expiresAt - nowAt(clock);
      // One that lasts longer than any was opened while the clock was ahead, and would outlive its time.
      const isCurrent = leftSeconds > 0 && leftSeconds <= SESSION_SECONDS + CLOCK_ERROR_SECONDS;
      if (tokenNumber === -1 || !isCurrent) return null;
      return {
        id,
        tokenNumber,
        personId: sign(keys[tokenNumber] ?? sharedKey, 'person').slice(0, 16),
        expiresAt,
      };
    },

    formToken: (login) => {
      const nonce = randomBytes(16).toString('base64url');
      return `${nonce}.${sign(keyOf(login), `form ${login?.id ?? ''} ${nonce}`)}`;
    },

    isFormToken: (text, login) => {
      const [, nonce = '', signature = ''] = /^([\w-]{22})\.([\w-]{43})$/.exec(text ?? '') ?? [];
      return isSame(sign(keyOf(login), `form ${login?.id ?? ''} ${nonce}`), signature);
    },
  };
}

function deriveKey(token: string): Buffer {
  return Buffer.from(hkdfSync('sha256', token, '', 'intercom-engagement pages', 32));
}

function sign(key: Buffer, text: string): string {
  return createHmac('sha256', key).update(text).digest('base64url');
}

function isSame(expected: string, given: string): boolean {
  return expected.length === given.length && timingSafeEqual(Buffer.from(expected), Buffer.from(given));
}
