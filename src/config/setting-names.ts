/** A variable that is set and not read, and the setting that was probably meant. */
export interface NameNotRead {
  readonly name: string;
  readonly meant: string;
}

/** What other programs call it. */
const OTHER_NAMES: Readonly<Record<string, string>> = {
  POSTGRES_URL: 'DATABASE_URL',
  PG_URL: 'DATABASE_URL',
  DATABASE_POOL_SIZE: 'DATABASE_CONNECTIONS',
  DATABASE_FILE: 'DATABASE_PATH',
  DB_PATH: 'DATABASE_PATH',
  INTERCOM_TOKEN: 'INTERCOM_ACCESS_TOKEN',
  INTERCOM_API_KEY: 'INTERCOM_ACCESS_TOKEN',
  INTERCOM_SECRET: 'INTERCOM_CLIENT_SECRET',
  INTERCOM_WEBHOOK_SECRET: 'INTERCOM_CLIENT_SECRET',
  INTERCOM_API_VERSION: 'INTERCOM_VERSION',
  INTERCOM_BASE_URL: 'INTERCOM_API_BASE',
  INTERCOM_API_URL: 'INTERCOM_API_BASE',
  BIND: 'HOST',
  LISTEN: 'HOST',
  TIMEZONE: 'REPORT_TIMEZONE',
};

/** Below so many letters everything resembles everything. */
const MIN_COMPARED_LETTERS = 6;
const MAX_TYPOS = 2;
/** An environment may hold anything; longer names are nobody's slip of the pen. */
const MAX_NAME_LETTERS = 60;

/**
 * The names of `env` that come close to a setting without being one: `DRYRUN`, `dry_run`, `INTERCOM_ACCES_TOKEN`.
 * @param known the names that are read.
 */
export function namesNotRead(
  env: Readonly<Record<string, string | undefined>>,
  known: readonly string[],
): readonly NameNotRead[] {
  return Object.keys(env).flatMap((name) => {
    if (
      known.includes(visibleName(name)) ||
      name.length > MAX_NAME_LETTERS ||
      (env[name] ?? '').trim() === ''
    )
      return [];
    const meant = OTHER_NAMES[name.toUpperCase()] ?? known.find((one) => isAlmost(name, one));
    return meant === undefined || !known.includes(meant) ? [] : [{ name: printable(name), meant }];
  });
}

/** The name without what can't be seen: a byte order mark, blanks, zero-width characters. */
export function visibleName(name: string): string {
  return name.replaceAll(/[\s\u200b-\u200d\u2060\ufeff]/gu, '');
}

function isAlmost(name: string, known: string): boolean {
  const [one, other] = [letters(name), letters(known)];
  if (one === other) return true;
  if (Math.min(one.length, other.length) < MIN_COMPARED_LETTERS) return false;
  return Math.abs(one.length - other.length) <= MAX_TYPOS && typos(one, other) <= MAX_TYPOS;
}

function letters(name: string): string {
  return name.toUpperCase().replaceAll(/[^A-Z0-9]/g, '');
}

function printable(name: string): string {
  return name.replaceAll(/[^\x21-\x7e]/g, '?');
}

/** Levenshtein distance. */
function typos(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (const [index, letter] of one.split('').entries()) {
    const next = [index + 1];
    for (const [place, there] of other.split('').entries()) {
      const replaced = (row[place] ?? 0) + (letter === there ? 0 : 1);
      next.push(Math.min(replaced, (row[place + 1] ?? 0) + 1, (next[place] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}
