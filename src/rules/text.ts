/*
 * What people have typed, before anything looks at it. Everything here takes time in proportion to the limit at most,
 * however long the text is.
 */

/** The longest text of an attribute that is kept and compared. Intercom's own limit is 255 characters. */
export const MAX_TEXT_LENGTH = 2000;
/** The longest piece of a text that stands in a sentence. */
const MAX_QUOTED_LENGTH = 80;

/**
 * Every kind of blank: those that JavaScript knows (no-break, ideographic, tabs, line ends, byte order mark), and the
 * next-line control, the Mongolian separator, zero-width space and word joiner, and the blank of Braille.
 */
const BLANKS = /[\s\u0085\u180e\u200b\u2060\u2800]+/gu;
/** Nearly all texts: printable ASCII with single blanks inside. */
const PLAIN = /^[!-~]+(?: [!-~]+)*$/;

/**
 * The form of a text that every database keeps as it is: NUL and halves of surrogate pairs, which no engine keeps or only
 * one does, become U+FFFD.
 */
export function storableText(text: string): string {
  return text.toWellFormed().replaceAll('\0', '\ufffd');
}

/** Cuts a text to what is kept of one, between two characters; see {@link storableText}. */
export function cutText(text: string, maxLength = MAX_TEXT_LENGTH): string {
  if (text.length <= maxLength) return storableText(text);
  const cut = text.slice(0, maxLength);
  // Half of a surrogate pair is no character.
  return storableText(/[\ud800-\udbff]$/.test(cut) ? cut.slice(0, -1) : cut);
}

/** Each run of blanks as one space, none at the ends. */
export function squeezeBlanks(text: string): string {
  const short = cutText(text);
  return PLAIN.test(short) ? short : short.replaceAll(BLANKS, ' ').trim();
}

/**
 * The form in which values are compared: Unicode NFKC, every kind of blank as one space, trimmed, in one case; of a
 * longer text its first 2,000 characters.
 */
export function fold(text: string): string {
  const short = cutText(text);
  if (PLAIN.test(short)) return short.toLowerCase();
  return squeezeBlanks(short.normalize('NFKC')).toLowerCase();
}

/** A piece of text for a sentence: blanks squeezed, what is too long ends in `…`. */
export function quoteText(text: string): string {
  const squeezed = squeezeBlanks(text);
  return squeezed.length <= MAX_QUOTED_LENGTH ? squeezed : `${cutText(squeezed, MAX_QUOTED_LENGTH)}…`;
}
