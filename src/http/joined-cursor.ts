import { AppError } from '../errors.js';

/*
 * One cursor for several lists that page together. Each list's own cursor stays what the store made it, so a place is
 * as safe against changing data as with one list.
 */

const PREFIX = 'all.';

/** Null when every list has ended. */
export function joinCursors(cursors: readonly (string | null)[]): string | null {
  if (cursors.every((cursor) => cursor === null)) return null;
  return PREFIX + Buffer.from(JSON.stringify(cursors)).toString('base64url');
}

/**
 * The lists' own cursors: undefined at the beginning, null for a list that has ended.
 * @throws AppError `cursor_invalid` for anything that {@link joinCursors} has not made.
 */
export function splitCursor(
  cursor: string | undefined,
  lists: number,
): readonly (string | null | undefined)[] {
  if (cursor === undefined) return Array.from({ length: lists }, () => undefined);
  const parsed = cursor.startsWith(PREFIX) ? parse(cursor.slice(PREFIX.length)) : null;
  if (!Array.isArray(parsed) || parsed.length !== lists) throw invalid();
  return parsed.map((part: unknown) => {
    if (part === null || typeof part === 'string') return part;
    throw invalid();
  });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(Buffer.from(text, 'base64url').toString());
  } catch {
    throw invalid();
  }
}

function invalid(): AppError {
  return new AppError('cursor_invalid', 'never', 'the cursor is none of this report');
}
