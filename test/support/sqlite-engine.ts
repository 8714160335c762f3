import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SETTINGS } from '../../src/store/exercise/samples.js';
import type { Engine } from '../../src/store/exercise/engine.js';
import { openSqliteReportStore } from '../../src/store/sqlite/report-sql/sqlite-report-store.js';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.js';

export const engine: Engine = {
  name: 'SQLite',
  module: import.meta.url,
  createPlace: async ({ isNew }) => {
    const directory = mkdtempSync(join(tmpdir(), 'engagement-store-'));
    const place = join(directory, 'engagement.db');
    if (!isNew) copyFileSync(await findEmpty(), place);
    return { place, remove: async () => rmSync(directory, { recursive: true, force: true }) };
  },
  open: async (path, settings) => openSqliteStore({ path, ...settings }),
  openReports: async (path) => openSqliteReportStore({ path }),
  can: { wakesAcross: false, ownTime: false },
};

let empty: string | null = null;

/** A database in which there are tables and nothing else. */
async function findEmpty(): Promise<string> {
  if (empty !== null) return empty;
  const directory = mkdtempSync(join(tmpdir(), 'engagement-empty-'));
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
  const path = join(directory, 'engagement.db');
  await openSqliteStore({ path, ...SETTINGS }).close();
  return (empty = path);
}
