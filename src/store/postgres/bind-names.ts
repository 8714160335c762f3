import type { Params } from '../report-sql/reading.js';
import { writeText } from './stored-text.js';

/** A statement as Postgres wants it, with the names of the values in the order of `$1`, `$2` … */
export interface Bound {
  readonly text: string;
  readonly names: readonly string[];
}

/** `@name` → `$1`; the same name is the same value. */
export function bindNames(statement: string): Bound {
  const places = new Map<string, number>();
  const text = statement.replaceAll(/@(\w+)/g, (_, name: string) => {
    const place = places.get(name) ?? places.size + 1;
    places.set(name, place);
    return `$${place}`;
  });
  return { text, names: [...places.keys()] };
}

/** @throws TypeError when a value is missing: it would be taken for null. */
export function valuesFor({ names }: Bound, params: Params): unknown[] {
  return names.map((name) => {
    const value = params[name];
    if (value === undefined) throw new TypeError(`no value for @${name}`);
    if (typeof value === 'string') return writeText(value);
    return typeof value === 'object' && value !== null ? value.map(writeText) : value;
  });
}
