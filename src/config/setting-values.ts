import { statSync } from 'node:fs';
import { isIP } from 'node:net';
import { Cron } from 'croner';
import { fold } from '../rules/text.js';

export function commaList(text: string): string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

/**
 * What stands in an address beside host and port would be written into the log, or be put in front of Intercom's paths.
 * Other faults are not looked for here.
 */
export function isPlainAddress(text: string): boolean {
  if (!URL.canParse(text)) return true;
  const { username, password, search, hash, pathname } = new URL(text);
  return (
    [username, password, search, hash].every((part) => part === '') &&
    !/[?#]/.test(text) &&
    /^\/*$/.test(pathname)
  );
}

/** An address to listen on, or the name of one: no URL, no port, no brackets. */
export function isHost(text: string): boolean {
  if (isIP(text) !== 0) return true;
  const isName = /^[a-z0-9](?:[\w.-]{0,251}[a-z0-9])?$/i.test(text);
  return isName && !/^[\d.]+$/.test(text);
}

/** Printable ASCII in one piece: what can be sent in a header. A semicolon or a blank parts two of them by mistake. */
export function areInOnePiece(list: readonly string[]): boolean {
  return list.every((one) => /^[\x21-\x3a\x3c-\x7e]+$/.test(one));
}

/** What a shell would have made something else of, or a comment that has become part of the path. */
export function isPlainPath(path: string): boolean {
  return !/^~(?:\/|$)|\$[A-Za-z{(]|\s#/.test(path);
}
export const PLAIN_PATH = 'must be written out: ~, $NAME and comments behind it are not understood here';

/** A plain file, or where one can be made. Not what SQLite takes for a database that is gone when the process ends. */
export function isFilePath(path: string): boolean {
  if (/^(?:file|sqlite3?|postgres(?:ql)?|https?):/i.test(path) || path.toLowerCase().includes(':memory:'))
    return false;
  if (/[/\\]\.{0,2}$|^\.{1,2}$|-(?:wal|shm|journal)$/i.test(path)) return false;
  try {
    return statSync(path).isFile();
  } catch {
    return true;
  }
}

export function isCron(pattern: string): boolean {
  if (pattern === 'off') return true;
  if (pattern.trim().split(/\s+/).length !== 5) return false;
  try {
    return new Cron(pattern, { paused: true }).nextRun() !== null;
  } catch {
    return false;
  }
}

/** As others write it: capitals don't count in a name, and it is compared with that of other processes. */
export function canonicalZone(name: string): string {
  return Intl.supportedValuesOf('timeZone').find((zone) => zone.toLowerCase() === name.toLowerCase()) ?? name;
}

/** Of two keys that are compared as the same, JSON and the rules would each keep one, and say nothing. */
export function wrongKeys(json: string): string | null {
  const strings = json.matchAll(/("(?:[^"\\]|\\.)*")(\s*:)?/g);
  const keys = [...strings].flatMap(([, text = '', colon]) => {
    const key: unknown = colon === undefined ? null : JSON.parse(text);
    return typeof key === 'string' ? [fold(key)] : [];
  });
  if (keys.includes('')) return 'must not hold an empty Referral';
  return new Set(keys).size === keys.length
    ? null
    : "must name each Referral once: capitals and blanks don't tell two of them apart";
}

/** `docker --env-file` and some others pass quotes on as a part of the value. */
export function wrongQuotes(value: string): string | null {
  const [first, last] = [value.at(0) ?? '', value.at(-1) ?? ''].map((letter) => /["'`]/.test(letter));
  if (first !== true && last !== true) return null;
  return first === last && value.length > 1
    ? 'must not stand in quotes: they were passed on as a part of the value (docker --env-file does that); take them off'
    : 'has a quote at one end: take it off, or write the other one in ./.env';
}

/** Host and port alone: the service answers at the root of its names. */
export function isSiteAddress(text: string): boolean {
  return /^https?:\/\//i.test(text) && URL.canParse(text) && isPlainAddress(text);
}

/** The address of a database, as libpq writes it; a socket's directory is a parameter, so there may be no host. */
export function isPostgresUrl(text: string): boolean {
  if (!/^postgres(?:ql)?:\/\/[^\s]+$/.test(text)) return false;
  const address = text.replace(/^(\w+:\/\/(?:[^/?]*@)?)(?=[/?])/, '$1localhost');
  if (!URL.canParse(address)) return false;
  const { pathname, searchParams } = new URL(address);
  const isHostGiven = address === text || searchParams.has('host');
  return isHostGiven && /^\/[^/]+$/.test(pathname);
}
