/*
 * Postgres's text holds every character but U+0000. So that such a text comes back as it went in, and sorts and compares
 * with others as it does elsewhere, U+0000 is written as U+0001 U+0001, and U+0001, which is as rare, as U+0001 U+0002:
 * by their bytes, written texts are in the order of the texts. Halves of surrogate pairs have no bytes in UTF-8 and
 * become U+FFFD with every engine.
 */

// oxlint-disable no-control-regex -- it looks for exactly these
const HELD_OTHERWISE = /[\0\u0001]/;
const PAIR = /\u0001([\u0001\u0002])/g;
// oxlint-enable no-control-regex

/** As the database holds the text. */
export function writeText(text: string): string {
  if (!HELD_OTHERWISE.test(text)) return text;
  return text.replaceAll('\u0001', '\u0001\u0002').replaceAll('\0', '\u0001\u0001');
}

/** The text that {@link writeText} was given. */
export function readText(held: string): string {
  if (!held.includes('\u0001')) return held;
  return held.replaceAll(PAIR, (_, which) => (which === '\u0001' ? '\0' : '\u0001'));
}
