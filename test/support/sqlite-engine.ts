import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Engine } from '../../src/store/exercise/engine.js';
import { openSqliteReportStore } from '../../src/store/sqlite/sqlite-report-store.js';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.js';
import { copyEmptyDatabase } from './empty-database.js';

export const engine: Engine = {
  name: 'SQLite',
  module: import.meta.url,
  createPlace: async ({ isNew }) => {
    const directory = mkdtempSync(join(tmpdir(), 'engagement-store-'));
    const place = join(directory, 'engagement.db');
    if (!isNew) await copyEmptyDatabase(place);
    return { place, remove: async () => rmSync(directory, { recursive: true, force: true }) };
  },
  open: async (path, settings) => openSqliteStore({ path, ...settings }),
  openReports: async (path) => openSqliteReportStore({ path }),
  can: { wakesAcross: false, ownTime: false },
};
