import { existsSync } from 'node:fs';
import Database from 'better-sqlite3';
import { drizzle } from 'drizzle-orm/better-sqlite3';
import { AppError } from '../../errors.js';
import type { ParkedItem } from '../look-store.js';
import { refuseNewer, refuseOlder } from './connection.js';
import { listParked } from './look.js';
import { asStoreError } from './store-errors.js';
import { createWrites } from './writes.js';

/**
 * What is parked in the database at `path`, whatever settings it is used with: nothing is made, migrated or written.
 * @throws AppError `store_unavailable` or `store_newer_than_program`
 */
export function readParked(path: string): ParkedItem[] {
  assertDatabase(path);
  try {
    const sqlite = new Database(path, { readonly: true, fileMustExist: true });
    try {
      refuseNewer(sqlite);
      refuseOlder(sqlite);
      return listParked({ sqlite, writes: createWrites({ db: drizzle(sqlite) }) });
    } finally {
      sqlite.close();
    }
  } catch (error) {
    throw asStoreError(error);
  }
}

/** @throws AppError `store_unavailable` where there is no file: a command that only touches what is there makes none. */
export function assertDatabase(path: string): void {
  if (existsSync(path)) return;
  throw new AppError('store_unavailable', 'never', `there is no database at ${path}: set DATABASE_PATH`);
}
