import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.js';

/** In which a copied database has been opened once. */
export const EMPTY_TIME_ZONE = 'America/New_York';

let empty: string | null = null;

/** Puts a database at `path` in which there are tables and nothing else: making them takes three times as long. */
export async function copyEmptyDatabase(path: string): Promise<void> {
  empty ??= await makeEmpty();
  copyFileSync(empty, path);
}

async function makeEmpty(): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'engagement-empty-'));
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
  const path = join(directory, 'engagement.db');
  await openSqliteStore({ path, timeZone: EMPTY_TIME_ZONE }).close();
  return path;
}
