import { existsSync } from 'node:fs';
import Database from 'better-sqlite3';
import { drizzle } from 'drizzle-orm/better-sqlite3';
import { AppError } from '../../errors.js';
import type { ReadOnlyParked } from '../ports/read-only.js';
import { refuseNewer, refuseOlder } from './connection.js';
import { createParkedObjects } from './parked-objects.js';
import { countParked, listParked } from './parked.js';
import { asStoreError, guarded } from './store-errors.js';
import { createWrites } from './writes.js';

/**
 * What is parked in the database at `path`, whatever settings it is used with: nothing is made, migrated or written.
 * @throws AppError `store_unavailable` or `store_newer_than_program`
 */
export function openParkedReadOnly(path: string): ReadOnlyParked {
  assertDatabase(path);
  try {
    const sqlite = new Database(path, { readonly: true, fileMustExist: true });
    try {
      refuseNewer(sqlite);
      refuseOlder(sqlite);
    } catch (error) {
      sqlite.close();
      throw error;
    }
    const tables = {
      sqlite,
      parkedObjects: createParkedObjects({ sqlite }),
      writes: createWrites({ db: drizzle(sqlite), sqlite }),
    };
    return {
      parked: (page) => guarded(() => listParked(tables, page)),
      countParked: () => guarded(() => countParked(sqlite)),
      close: () => void sqlite.close(),
    };
  } catch (error) {
    throw asStoreError(error);
  }
}

/** @throws AppError `store_unavailable` where there is no file: a command that only touches what is there makes none. */
export function assertDatabase(path: string): void {
  if (existsSync(path)) return;
  throw new AppError('store_unavailable', 'never', `there is no database at ${path}: set DATABASE_PATH`);
}
