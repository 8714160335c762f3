import { inject } from 'vitest';
import type { Engine } from '../../src/store/exercise/engine.js';
import { copyToPostgres } from '../../src/store/copy/copy-to-postgres.js';
import { openPostgresReports } from '../../src/store/postgres/postgres-report-store.js';
import { createDatabase } from './postgres-server.js';
import { engine as sqlite } from './sqlite-engine.js';

/** Keeps everything in SQLite, and answers reports from a copy of it in Postgres, made when they are opened. */
export const copiedEngine: Engine = {
  ...sqlite,
  name: 'SQLite, copied to Postgres',
  openReports: async (path) => {
    const database = await createDatabase(inject('postgresUrl'));
    await copyToPostgres({ path, url: database.url });
    const reports = openPostgresReports({ url: database.url });
    return {
      ...reports,
      close: async () => {
        await reports.close();
        await database.drop();
      },
    };
  },
};
