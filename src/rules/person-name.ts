import { parseFullName } from 'parse-full-name';

export interface PersonName {
  /** Without middle names. */
  readonly first: string;
  /** With its particles ("van der Berg"), without suffixes ("Jr."). */
  readonly last: string;
}

/**
 * Splits a name as one person writes it: "Søren van der Berg Jr.", "Berg, Søren van der". Titles, nicknames, middle
 * names and suffixes belong to neither part; a single name is a first name. What doesn't look like a name is kept.
 */
export function splitName(name: string | null): PersonName {
  const words = (name ?? '').trim();
  if (words === '') return { first: '', last: '' };
  // The case stays as written, oddities are no errors, and only common titles and suffixes are looked for.
  const { first = '', middle = '', last = '' } = parseFullName(words, 'all', 0, 0, 0);
  if (first === '') return splitLast(last === '' ? words : last);
  return { first, last: [...particlesAtEnd(middle, words), last].join(' ').trim() };
}

/** The library takes "Van Johnson" for two words of a last name; in lower case the first word is a particle. */
function splitLast(last: string): PersonName {
  const [word = '', ...rest] = last.split(' ');
  if (rest.length === 0) return { first: word, last: '' };
  return isLowerCase(word) ? { first: '', last } : { first: word, last: rest.join(' ') };
}

/** "Maria von und zu" before "Liechtenstein": lower-case words at the end are no middle names. */
function particlesAtEnd(middle: string, whole: string): string[] {
  if (middle === '' || isLowerCase(whole)) return [];
  const words = middle.split(' ');
  const lastName = words.findLastIndex((word) => !isLowerCase(word));
  return words.slice(lastName + 1);
}

function isLowerCase(text: string): boolean {
  return text === text.toLowerCase() && text !== text.toUpperCase();
}
