import type { Engine } from '../../src/store/exercise/engine.js';
import { openPostgresReports } from '../../src/store/postgres/postgres-report-store.js';
import { openPostgresStore } from '../../src/store/postgres/postgres-store.js';
import { createDatabase } from './postgres-server.js';

/** The environment variable that names a database whose tables are there, which nobody uses. */
export const TEMPLATE = 'TEST_POSTGRES_TEMPLATE';

/** Postgres where leases end by the time that each request tells. */
export const engine: Engine = {
  name: 'Postgres',
  module: import.meta.url,
  createPlace: async ({ isNew }) => {
    const { url, drop } = await createDatabase(isNew ? undefined : process.env[TEMPLATE]);
    return { place: url, remove: drop };
  },
  open: async (url, settings) => openPostgresStore({ url, ...settings, time: 'callers', maxConnections: 4 }),
  openReports: async (url) => openPostgresReports({ url }),
  can: { wakesAcross: true, ownTime: false },
};

/** The same with a time of its own: the clock of the settings stands for the server's. */
export const engineWithOwnTime: Engine = {
  ...engine,
  name: 'Postgres, by its own time',
  open: async (url, settings) =>
    openPostgresStore({ url, ...settings, time: settings.clock, maxConnections: 4 }),
  can: { ...engine.can, ownTime: true },
};
