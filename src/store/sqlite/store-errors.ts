import { AppError } from '../../errors.js';

/** SQLite's result codes that say "not now": disk full, no access, another process holds the file. */
const UNAVAILABLE = /^SQLITE_(?:FULL|IOERR|READONLY|CANTOPEN|BUSY|LOCKED|PROTOCOL|NOMEM)/;
/** Codes that say that the file itself is damaged or is no database: waiting does not fix it. */
const DAMAGED = /^SQLITE_(?:CORRUPT|NOTADB)/;

/** What an error of the database means to the rest of the product; anything else is a defect and passes unchanged. */
export function asStoreError(error: unknown): unknown {
  const code = sqliteCode(error);
  if (code === null) return error;
  if (UNAVAILABLE.test(code)) {
    return new AppError('store_unavailable', 'later', `the database can't be used now (${code})`, {
      cause: error,
    });
  }
  if (DAMAGED.test(code)) {
    return new AppError('store_unavailable', 'never', `the database file is damaged (${code})`, {
      cause: error,
    });
  }
  return error;
}

/** The promise of what `work` returns; errors of the database reject as `AppError('store_unavailable')`. */
export async function guarded<Result>(work: () => Result | Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    throw asStoreError(error);
  }
}

/** Drizzle wraps what the driver throws, sometimes twice. */
export function sqliteCode(error: unknown): string | null {
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    if ('code' in at && typeof at.code === 'string' && at.code.startsWith('SQLITE_')) return at.code;
  }
  return null;
}
