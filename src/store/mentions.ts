import { MAX_MARKED_LENGTH } from './person-mark.js';

/** As much of a payload is looked at in one go: a millisecond or two. */
export const CHUNK_BYTES = 64 * 1024;
/** Chunks overlap by the longest text that is looked for, each character of it six bytes as `\u0040` may be. */
export const OVERLAP_BYTES = 6 * MAX_MARKED_LENGTH;

/** Stands for an escaped quote, so that it doesn't end its string. */
const ESCAPED_QUOTE = '\u0001';
const EITHER_QUOTE = new RegExp(`["${ESCAPED_QUOTE}]`);
const BEFORE_AT = /[\p{L}\p{M}\p{N}._%+'-]{1,64}$/u;
/** What may be of the text around an address rather than of the address. */
const PUNCTUATION_BEFORE = /^[._%+'-]+/;
const BEHIND_AT = /^[\p{L}\p{N}.-]{1,255}/u;
/** Numbers of ten digits that begin with 1 are times: they would be looked up by the hundred. */
const NUMBERS = /(?<![\d.])(?!1\d{9}(?!\d))\d{4,20}(?![\d.])/g;
/** What stands between two strings of JSON, and strings of digits. */
const NO_WORDS = /^(?:[\s:,[\]{}\d.-]|null|true|false)*$/;
/** What keys of Intercom's own look like: they are never somebody's. */
const KEY = /^[a-z_]{1,40}$/;

/** Every text of a payload that may name somebody, at any length: see {@link textsOfChunk}. */
export function* textsOf(body: Uint8Array): Generator<string> {
  for (let offset = 0; offset < body.length; offset += CHUNK_BYTES) {
    yield* textsOfChunk(body.subarray(offset, offset + CHUNK_BYTES + OVERLAP_BYTES));
  }
}

/**
 * The same for a piece of a payload. It need not be JSON, nor whole: what cut-off bodies hold counts too. Looked at are
 * whole values (ids, User IDs, names), numbers, and e-mail addresses wherever they stand.
 */
export function* textsOfChunk(chunk: Uint8Array): Generator<string> {
  const text = unescape(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length).toString('utf8'));
  // Most of a payload repeats itself: each text is looked at once.
  const seen = new Set<string>();
  const isNew = (one: string): boolean => seen.size !== seen.add(one).size;
  // Between each two quotes there is a string, or what stands between two strings: no need to know which.
  // Those of JSON within JSON are the texts between escaped quotes, which also stand within names.
  const parts = text.split('"');
  if (text.includes(ESCAPED_QUOTE)) parts.push('', ...text.split(EITHER_QUOTE));
  for (const [at, part] of parts.entries()) {
    if (part.length === 0 || part.length > MAX_MARKED_LENGTH || seen.has(part)) continue;
    if (parts[at + 1]?.startsWith(':') === true && KEY.test(part)) continue;
    seen.add(part);
    if (NO_WORDS.test(part)) {
      for (const [number] of part.matchAll(NUMBERS)) if (isNew(number)) yield number;
      if (!/^\d+$/.test(part)) continue;
    }
    yield part.replaceAll(ESCAPED_QUOTE, '"');
  }
  for (const address of addressesIn(text)) if (isNew(address)) yield address;
}

/** Walks from one @ to the next, so that a long text without any costs next to nothing. */
function* addressesIn(text: string): Generator<string> {
  for (let at = text.indexOf('@'); at !== -1; at = text.indexOf('@', at + 1)) {
    const [before] = BEFORE_AT.exec(text.slice(Math.max(0, at - 64), at)) ?? [];
    const [behind] = BEHIND_AT.exec(text.slice(at + 1, at + 256)) ?? [];
    if (before === undefined || behind === undefined) continue;
    const domain = behind.replace(/[.-]+$/, '');
    yield `${before}@${domain}`;
    const bare = before.replace(PUNCTUATION_BEFORE, '');
    if (bare !== '' && bare !== before) yield `${bare}@${domain}`;
  }
}

/** As far as it matters to recognizing somebody: JSON's escapes, also of JSON within JSON, and those of links and HTML. */
function unescape(raw: string): string {
  let text = raw;
  if (text.includes('\\')) {
    text = text
      .replaceAll('\\"', ESCAPED_QUOTE)
      .replaceAll('\\/', '/')
      .replaceAll(/\\[bfnrt]/g, ' ')
      .replaceAll(/\\{1,8}u([0-9a-fA-F]{4})/g, (_, code: string) => characterOf(code, 16));
  }
  if (text.includes('%')) {
    text = text.replaceAll(/%([2-7][0-9a-fA-F])/g, (_, code: string) => characterOf(code, 16));
  }
  if (!text.includes('&')) return text;
  return text
    .replaceAll('&commat;', '@')
    .replaceAll(/&#(\d{2,4});/g, (_, code: string) => characterOf(code, 10))
    .replaceAll(/&#[xX]([0-9a-fA-F]{2,4});/g, (_, code: string) => characterOf(code, 16));
}

/** A quote that was written in another way ends no string. */
function characterOf(code: string, radix: number): string {
  const character = String.fromCharCode(Number.parseInt(code, radix));
  return character === '"' ? ESCAPED_QUOTE : character;
}
