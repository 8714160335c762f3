import { AppError } from '../../errors.js';
import type { SqlValue } from './reading.js';

/** Where a row lies in its list: the key of its part, then its own sort keys. */
export type Cursor = readonly SqlValue[];

/** What a part of a list is sorted by. */
interface Sorted {
  readonly key: readonly (string | number)[];
  readonly sort: readonly unknown[];
}

/** Numbers by size, texts by their bytes, as every engine sorts them. */
export function compareKeys(one: readonly SqlValue[], other: readonly SqlValue[]): number {
  for (const [index, value] of one.entries()) {
    const against = other[index] ?? null;
    const order =
      typeof value === 'number' && typeof against === 'number'
        ? value - against
        : Buffer.compare(Buffer.from(String(value)), Buffer.from(String(against)));
    if (order !== 0) return order;
  }
  return 0;
}

export function writeCursor(name: string, place: Cursor): string {
  return Buffer.from(JSON.stringify([name, ...place])).toString('base64url');
}

export function readCursor(name: string, parts: readonly Sorted[], text: string): Cursor {
  const [itsName, ...place] = parse(text);
  const isOurs = itsName === name && parts.some(({ key, sort }) => place.length === key.length + sort.length);
  const values = place.flatMap((value) =>
    typeof value === 'string' || typeof value === 'number' ? [value] : [],
  );
  if (!isOurs || values.length !== place.length) {
    throw invalidCursor();
  }
  return values;
}

export function invalidCursor(): AppError {
  return new AppError('cursor_invalid', 'never', 'this cursor is not of this list');
}

function parse(text: string): unknown[] {
  try {
    const place: unknown = JSON.parse(Buffer.from(text, 'base64url').toString());
    return Array.isArray(place) ? place : [];
  } catch {
    return [];
  }
}
