import type { Engine } from '../../src/store/exercise/engine.js';
import type { Store } from '../../src/store/ports/store.js';
import { openPostgresReports } from '../../src/store/postgres/postgres-report-store.js';
import { openPostgresStore } from '../../src/store/postgres/postgres-store.js';
import { createDatabase } from './postgres-server.js';

/** Postgres where leases end by the time that each request tells, on the server that `DATABASE_URL` names. */
export const engine: Engine = {
  name: 'Postgres',
  module: import.meta.url,
  createPlace: createPlaceOn(process.env['DATABASE_URL'] ?? ''),
  open: async (url, { timeZone }) =>
    asStore(await openPostgresStore({ url, timeZone, time: 'callers', maxConnections: 4 })),
  openReports: async (url) => openPostgresReports({ url }),
  can: { wakesAcross: false, ownTime: false },
};

/** The same with a time of its own: the clock of the settings stands for the server's. */
export const engineWithOwnTime: Engine = {
  ...engine,
  name: 'Postgres, by its own time',
  open: async (url, { timeZone, clock }) =>
    asStore(await openPostgresStore({ url, timeZone, time: clock, maxConnections: 4 })),
  can: { ...engine.can, ownTime: true },
};

export function createPlaceOn(serverUrl: string): Engine['createPlace'] {
  return async () => {
    const { url, drop } = await createDatabase(serverUrl);
    return { place: url, remove: drop };
  };
}

/** Runs, sweeps, parked objects, sign-ins and upkeep are not there yet. */
function asStore(core: Partial<Store>): Store {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- whoever calls what is missing gets a TypeError
  return core as Store;
}
