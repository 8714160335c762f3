import type { Log } from '../../log.js';
import { createCore, type CoreStore } from './create-core.js';
import { createDatabase } from './database.js';
import type { TimeSource } from './engine-time.js';
import { migratePostgres } from './migrations.js';
import { createParts } from './parts.js';
import { makeMarkKey } from './person-marks.js';
import { createPool } from './pool.js';

export interface PostgresStoreOptions {
  readonly url: string;
  /** Report time zone (IANA name): in it the dates that reports filter by are read. */
  readonly timeZone: string;
  /** By what time leases end and work falls due; left out, by that of the server. */
  readonly time?: TimeSource;
  /** Units of work at the same time; others wait. */
  readonly maxConnections?: number;
  readonly log?: Pick<Log, 'warn'>;
}

const MAX_CONNECTIONS = 10;

/**
 * Opens the store on one Postgres database, which several processes may share: it is brought up to this program's version.
 * @throws AppError `store_newer_than_program`, or `store_unavailable` when the database can't be used.
 */
export async function openPostgresStore(options: PostgresStoreOptions): Promise<CoreStore> {
  const { url, timeZone, time, maxConnections = MAX_CONNECTIONS, log } = options;
  const pool = createPool({ url, applicationName: 'intercom-engagement', maxConnections, log });
  try {
    await migratePostgres(pool, { mayMigrate: true });
    const database = createDatabase(pool);
    await makeMarkKey(database);
    return createCore(createParts(database, { timeZone, time }));
  } catch (error) {
    await pool.end();
    throw error;
  }
}
