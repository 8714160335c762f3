export type Json = Readonly<Record<string, unknown>>;

export type ParsedJson =
  { readonly kind: 'ok'; readonly value: unknown } | { readonly kind: 'unreadable'; readonly why: string };

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Ids come as numbers too. Those that a number can't hold are kept as the text that they are written as. */
const LONG_NUMBER = /[:[,\s]-?\d{16}/;

function keepDigits(_key: string, value: unknown, written?: { readonly source?: string }): unknown {
  if (typeof value !== 'number' || Number.isSafeInteger(value)) return value;
  const source = written?.source ?? '';
  return /^-?\d{1,128}$/.test(source) ? source : value;
}

/** Bytes that should be JSON in UTF-8. Never throws, and never quotes what it read. */
export function parseJson(body: Uint8Array): ParsedJson {
  let text: string;
  try {
    text = utf8.decode(body);
  } catch {
    return { kind: 'unreadable', why: 'not UTF-8' };
  }
  try {
    return { kind: 'ok', value: LONG_NUMBER.test(text) ? JSON.parse(text, keepDigits) : JSON.parse(text) };
  } catch {
    return { kind: 'unreadable', why: text.trim() === '' ? 'empty' : 'not JSON' };
  }
}

export function isRecord(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The object under `key`, when there is one. A key that only the prototype has doesn't count. */
export function recordAt(value: unknown, key: string): Json | null {
  if (!isRecord(value) || !Object.hasOwn(value, key)) return null;
  const found = value[key];
  return isRecord(found) ? found : null;
}

/** An id of Intercom's: text, or a number in older versions. Null for what can't stand in a path. */
export function readId(value: unknown): string | null {
  const text = typeof value === 'number' && Number.isSafeInteger(value) ? String(value) : value;
  return typeof text === 'string' && isId(text) ? text : null;
}

/** Ids go into request paths: nothing but these characters may ever reach one. */
export function isId(text: string): boolean {
  return /^[A-Za-z0-9_-]{1,128}$/.test(text);
}
