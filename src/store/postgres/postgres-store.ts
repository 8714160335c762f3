import { systemClock, type Clock } from '../../clock.js';
import type { Log } from '../../log.js';
import type { OwnSettings } from '../ports/service-settings.js';
import type { Store } from '../ports/store.js';
import { createWorkBell, type WorkBell } from '../work-bell.js';
import type { CoreParts } from './core-parts.js';
import { createCore } from './create-core.js';
import { createDatabase } from './database.js';
import type { TimeSource } from './engine-time.js';
import { loadSlice } from './load-slice.js';
import { lockObjects } from './locks.js';
import { readMeta, saveMeta } from './meta.js';
import { migratePostgres } from './migrations.js';
import { createParts, type Parts } from './parts.js';
import { makeMarkKey } from './person-marks.js';
import { createPool } from './pool.js';
import { bringInStep } from './rebuild-derived.js';
import { createRest } from './rest.js';
import { guardUnits, watchSettings } from './settings-fit.js';
import { createWakeUps } from './wake-ups.js';

export interface PostgresStoreOptions extends OwnSettings {
  /** `postgres://user:password@host:port/database`. */
  readonly url: string;
  /** Units of work at the same time; others wait. */
  readonly maxConnections?: number | undefined;
  /** By what time leases end and work falls due; left out, by that of the server. */
  readonly time?: TimeSource;
  /** Passes the time in pauses. */
  readonly clock?: Pick<Clock, 'sleep'>;
  readonly log?: Pick<Log, 'warn' | 'error'> | undefined;
}

const MAX_CONNECTIONS = 10;

/**
 * Opens the store on one Postgres database, which several processes may share, for the service: it is brought up to this
 * program's version and to these settings.
 * @throws AppError `store_newer_than_program`, or `store_unavailable` when the database can't be used.
 */
export function openPostgresStore(options: PostgresStoreOptions): Promise<Store> {
  return openStore(options, 'service');
}

/**
 * The same for a command beside the service, or before its first start: a database that is in use is taken as it is or not
 * at all.
 * @throws AppError as above; `config_invalid` when the service works with other settings, `store_unavailable` when an
 * older program does.
 */
export function joinPostgresStore(options: PostgresStoreOptions): Promise<Store> {
  return openStore(options, 'command');
}

async function openStore(options: PostgresStoreOptions, role: 'service' | 'command'): Promise<Store> {
  const { url, timeZone, settings, time = 'server', maxConnections = MAX_CONNECTIONS, log } = options;
  const own = { timeZone, settings };
  const pool = createPool({ url, applicationName: 'intercom-engagement', maxConnections, log });
  const unguarded = createDatabase(pool);
  try {
    await migratePostgres(pool, { mayMigrate: role === 'service' });
    await bringInStep(unguarded, { read: readMeta, save: saveMeta }, own, role);
    await makeMarkKey(unguarded);
  } catch (error) {
    await pool.end();
    throw error;
  }
  const whyUnfit = watchSettings(own, log);
  const database = guardUnits(unguarded, whyUnfit);
  const here = createWorkBell();
  const wakeUps = createWakeUps({ url, onHeard: here.ring, clock: options.clock ?? systemClock, log });
  const bell: WorkBell = {
    ring: (kind) => {
      here.ring(kind);
      wakeUps.tell(kind);
    },
    listen: here.listen,
  };
  const parts = createParts({ database, unguarded, timeZone, bell, time });
  const core = createCore(parts);
  const rest = createRest({ ...partsOfRest(parts), database, unguarded, whyUnfit, log });
  await wakeUps.started;
  return {
    ...core,
    ...rest,
    close: async () => {
      await wakeUps.close();
      await core.close();
    },
  };
}

function partsOfRest({ timeZone, time, inbox, hours, bell }: Parts): CoreParts {
  return {
    meta: { read: readMeta, save: saveMeta },
    time,
    loadSlice: (unit, named, families) => loadSlice(unit, timeZone, named, families),
    lockContacts: lockObjects,
    addRereads: inbox.addRereads,
    keepCounts: hours.keep,
    ring: bell.ring,
  };
}
