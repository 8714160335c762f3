import { type Clock } from '../../clock.js';
import type { Log } from '../../log.js';
import { unfit } from '../derived-by.js';
import type { ServiceSettings } from '../ports/service-settings.js';
import { openConnection, type Connection } from './connection.js';
import { rebuildDerived, refuseToRebuild } from './rebuild-derived.js';
import { watchPlace } from './file-place.js';
import type { openLogFile } from './log-sync.js';
import { createMeta, readKey } from './meta.js';
import { beginForOlder } from './payload-scrub.js';
import { watchSettings } from './settings-fit.js';
import { asStoreError } from './store-errors.js';
import { createTables } from './tables.js';
import { countOlderWebhooks } from './webhook-hours.js';

export interface SqliteStoreOptions {
  /** The database file; created with its directory where it is missing. */
  readonly path: string;
  /** Report time zone (IANA name): in it the dates that reports filter by are read. */
  readonly timeZone: string;
  /** Passes the time while another program holds the write lock. */
  readonly clock?: Pick<Clock, 'sleep'>;
  /** What else has to be the same for all that work on the file; left out by what decides and writes nothing. */
  readonly settings?: ServiceSettings;
  readonly log?: Pick<Log, 'warn'> & Partial<Pick<Log, 'error'>>;
  /** How the write-ahead log is forced to disk; tests see by it what a power cut would leave. */
  readonly openLog?: typeof openLogFile;
}

/** Opens the file and brings it up to this program and these settings, or refuses to: see `sqlite-store.ts`. */
export function openDatabase(
  { path, timeZone, settings, openLog }: SqliteStoreOptions,
  role: 'service' | 'command',
) {
  try {
    const bare = openConnection(path, { mayMigrate: role === 'service', openLog });
    try {
      const meta = createMeta(bare);
      const whyTakenOver = watchSettings(bare.sqlite, meta, { timeZone, settings });
      // Again inside each transaction, before which another process may have come in.
      const connection: Connection = {
        ...bare,
        transact: (work) =>
          bare.transact(() => {
            const why = whyTakenOver();
            if (why !== null) throw unfit(why);
            return work();
          }),
      };
      const tables = createTables(connection, timeZone, bare);
      if (role === 'command') refuseToRebuild(tables, { timeZone, settings });
      // A command begins what is new, and meets the check above once more should a service begin it at the same moment.
      rebuildDerived(role === 'command' ? tables : { ...tables, connection: bare }, timeZone);
      // By itself: a work that is rolled back must not have marked anybody with it.
      readKey(bare, meta, 'mark_key');
      if (role === 'service') {
        countOlderWebhooks(bare);
        beginForOlder({ ...tables, connection: bare });
        if (settings !== undefined) bare.transact(() => meta.save('service_settings', settings));
      }
      connection.beginServing();
      return { connection, tables, whyMoved: watchPlace(path), whyTakenOver };
    } catch (error) {
      bare.sqlite.close();
      throw error;
    }
  } catch (error) {
    throw asStoreError(error);
  }
}
