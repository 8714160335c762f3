import { parseFullName } from 'parse-full-name';
import { squeezeBlanks } from './text.js';

export interface PersonName {
  /** Without middle names. */
  readonly first: string;
  /** With its particles ("van der Berg"), without suffixes ("Jr.") and credentials ("RN"). */
  readonly last: string;
}

/** The library's time grows with the square of the length; the longest names of people have some 100 characters. */
const MAX_PARSED_LENGTH = 200;

/** Words that belong to the last name behind them, however they are written. */
const PARTICLES: ReadonlySet<string> = new Set(
  (
    'abu al bar bin bint da dal das de degli del dela della den der di do dos du el ibn la las le los ' +
    'san santa st st. ste ste. ten ter van vel ver vom von zu zum zur'
  ).split(' '),
);

/** Behind a name these are no part of it. */
const CREDENTIALS: ReadonlySet<string> = new Set(
  (
    'RN LPN LVN APRN ARNP CRNP NP FNP FNP-C FNP-BC CNP CNM CNS CRNA CNA BSN MSN DNP MD DDS DMD DPT OTR OTR/L COTA ' +
    'PTA PA-C PHARMD RPH PHD PSYD EDD MBA MPH MHA LCSW LMSW LICSW LCPC LMFT LPC LPCC LMHC MSW RDN CDE CDCES CCM ' +
    'NBC-HWC NBHWC CHES BCBA EMT EMT-P CPA FACP ESQ'
  ).split(' '),
);
/** These are names too ("Jack Ma"): credentials only in capitals behind a whole name that is not in capitals. */
const RARER_CREDENTIALS: ReadonlySet<string> = new Set('BA BS DC DO JD LD MA MS OT PA PT RD RT'.split(' '));

/**
 * Splits a name as one person writes it: "Søren van der Berg Jr.", "Berg, Søren van der", "Rosa Dos Santos", "Jane
 * Smith, RN". Titles, nicknames, middle names, suffixes and credentials belong to neither part; a single name is a first
 * name. What doesn't look like a name is kept. Blanks of every kind part words. Of more than 200 characters the first
 * word is the first name, all the rest the last.
 */
export function splitName(name: string | null): PersonName {
  const whole = squeezeBlanks(name ?? '');
  if (whole === '') return { first: '', last: '' };
  if (whole.length > MAX_PARSED_LENGTH) return splitAtBlank(whole);
  const words = withoutCredentials(asWritten(whole)) || whole;
  const inverted = splitInverted(words);
  if (inverted !== null) return inverted;
  // The case stays as written, oddities are no errors, and only common titles and suffixes are looked for.
  const { first = '', middle = '', last = '' } = parseFullName(words, 'all', 0, 0, 0);
  if (first === '') return splitLast(last === '' ? words : last);
  return { first, last: [...particlesAtEnd(middle, words), last].join(' ').trim() };
}

/**
 * "García López, María": the library takes what follows two words and a comma for a suffix. Null for everything else: it
 * knows "López, María", and what looks like a suffix or like credentials is left to it.
 */
function splitInverted(words: string): PersonName | null {
  const [before = '', after = '', ...more] = words.split(', ');
  if (!before.includes(' ') || after === '' || more.length > 0) return null;
  const isAbbreviation = !after.includes(' ') && after.length > 1 && after === after.toUpperCase();
  if (SUFFIX.test(after) || (isAbbreviation && words !== words.toUpperCase())) return null;
  // With some last name behind them the given names are parted as usual.
  const { first = '', middle = '' } = parseFullName(`${after} Lastname`, 'all', 0, 0, 0);
  return {
    first: first === '' ? after : first,
    last: [...particlesAtEnd(middle, words), before].join(' '),
  };
}

const SUFFIX = /^(?:jr|jnr|sr|snr|ii|iii|iv|v|2|esq|esquire)\b/i;

function splitAtBlank(whole: string): PersonName {
  const end = whole.indexOf(' ');
  return end === -1 ? { first: whole, last: '' } : { first: whole.slice(0, end), last: whole.slice(end + 1) };
}

/** A blank behind each comma, and initials that the library would take for a Spanish "and" with their dot. */
function asWritten(whole: string): string {
  return whole
    .replaceAll(/\s?[,\uff0c](?=\S)/g, ', ')
    .split(' ')
    .map((word, index) => (index > 0 && /^[EY]$/.test(word) ? `${word}.` : word))
    .join(' ');
}

function withoutCredentials(whole: string): string {
  const isShouted = whole === whole.toUpperCase();
  const words = whole.split(' ');
  while (words.length > 1) {
    const word = (words.at(-1) ?? '').replace(/,$/, '');
    const bare = word.replaceAll('.', '');
    const isRarer = RARER_CREDENTIALS.has(bare) && words.length > 2 && !isShouted;
    if (!isRarer && !CREDENTIALS.has(bare.toUpperCase())) break;
    words.pop();
  }
  return words.join(' ').replace(/,$/, '');
}

/** The library takes "Van Johnson" for two words of a last name; in lower case the first word is a particle. */
function splitLast(last: string): PersonName {
  const [word = '', ...rest] = last.split(' ');
  if (rest.length === 0) return { first: word, last: '' };
  return isLowerCase(word) ? { first: '', last } : { first: word, last: rest.join(' ') };
}

/** "Maria von und zu" before "Liechtenstein", "Dos" before "Santos": such words at the end are no middle names. */
function particlesAtEnd(middle: string, whole: string): string[] {
  if (middle === '') return [];
  const saysCase = !isLowerCase(whole);
  const words = middle.split(' ');
  const lastName = words.findLastIndex(
    (word) => !PARTICLES.has(word.toLowerCase()) && !(saysCase && isLowerCase(word)),
  );
  return words.slice(lastName + 1);
}

function isLowerCase(text: string): boolean {
  return text === text.toLowerCase() && text !== text.toUpperCase();
}
