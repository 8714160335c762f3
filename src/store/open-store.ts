import type { Log } from '../log.js';
import type { DatabaseFacts } from './ports/database-facts.js';
import type { ReadOnlyParked, ReadOnlyReports } from './ports/read-only.js';
import type { ReportStore } from './ports/reports.js';
import type { OwnSettings } from './ports/service-settings.js';
import type { Store } from './ports/store.js';

/** The settings that say where the database is. */
export interface DatabasePlace {
  /** A file of SQLite's. */
  readonly databasePath: string;
  /** A Postgres database; the file is not used then. */
  readonly databaseUrl?: string | null | undefined;
  /** Connections of this process, for its work and again for reports; left out, as many as the settings' defaults. */
  readonly databaseConnections?: number | undefined;
  readonly databaseReportConnections?: number | undefined;
}

/** Only that of the settings: what goes to another thread is copied. */
export function placeOf(settings: DatabasePlace): DatabasePlace {
  const { databasePath, databaseUrl, databaseConnections, databaseReportConnections } = settings;
  return { databasePath, databaseUrl, databaseConnections, databaseReportConnections };
}

export interface StoreOptions extends OwnSettings {
  /** Only the service brings a database in step with a newer program or other settings; a command takes it as it is left. */
  readonly as: 'service' | 'command';
  /** Where there is no database, none is made. */
  readonly mustExist?: boolean;
  readonly log?: Pick<Log, 'warn' | 'error'>;
}

/** The ways into one database, whichever engine keeps it. An engine is loaded when it is used. */
export interface DatabaseDoors {
  /**
   * @throws AppError `store_newer_than_program`, or `store_unavailable` when the database can't be used; for a command
   * also `config_invalid` when the service works with other settings.
   */
  readonly openStore: (options: StoreOptions) => Promise<Store>;
  /** Reports beside the store that has brought the database up to date. @throws AppError `store_unavailable` */
  readonly openReports: () => Promise<ReportStore>;
  /**
   * For reports alone: nothing is made, migrated or written, and a service that uses the database is not disturbed.
   * @throws AppError `store_unavailable` or `store_newer_than_program` for a database that this program can't read as it
   * is, `config_invalid` when its dates were worked out in another report time zone.
   */
  readonly openReportsOnly: (timeZone: string) => Promise<ReadOnlyReports>;
  /** The same for what is parked, whatever settings the database is used with. */
  readonly openParkedOnly: () => Promise<ReadOnlyParked>;
  /** Looks at it beside a service that may be using it, and changes nothing. */
  readonly inspect: () => Promise<DatabaseFacts>;
}

/** Picks the engine. But for copies of a file (`backup`, `copy-to`) no other module knows one. */
export function databaseAt(place: DatabasePlace): DatabaseDoors {
  const { databaseUrl = null, databasePath } = place;
  return databaseUrl === null ? sqliteAt(databasePath) : postgresAt(databaseUrl, place);
}

function postgresAt(
  url: string,
  { databaseConnections, databaseReportConnections }: DatabasePlace,
): DatabaseDoors {
  return {
    openStore: async ({ as, timeZone, settings, log }) => {
      const { joinPostgresStore, openPostgresStore } = await import('./postgres/postgres-store.js');
      const open = as === 'service' ? openPostgresStore : joinPostgresStore;
      return open({ url, timeZone, settings, maxConnections: databaseConnections, log });
    },
    openReports: async () => {
      const { openPostgresReports } = await import('./postgres/postgres-report-store.js');
      return openPostgresReports({ url, maxConnections: databaseReportConnections });
    },
    openReportsOnly: async (timeZone) => {
      const { openPostgresReportsReadOnly } = await import('./postgres/reports-read-only.js');
      return openPostgresReportsReadOnly({ url, timeZone });
    },
    openParkedOnly: async () => {
      const { openPostgresParkedReadOnly } = await import('./postgres/parked-read-only.js');
      return openPostgresParkedReadOnly(url);
    },
    inspect: async () => {
      const { inspectPostgres } = await import('./postgres/inspect.js');
      return inspectPostgres(url);
    },
  };
}

function sqliteAt(path: string): DatabaseDoors {
  return {
    openStore: async ({ as, mustExist = false, timeZone, settings, log }) => {
      const { joinSqliteStore, openSqliteStore } = await import('./sqlite/sqlite-store.js');
      if (mustExist) {
        const { assertDatabase } = await import('./sqlite/parked-read-only.js');
        assertDatabase(path);
      }
      const open = as === 'service' ? openSqliteStore : joinSqliteStore;
      return open({
        path,
        timeZone,
        ...(settings === undefined ? {} : { settings }),
        ...(log === undefined ? {} : { log }),
      });
    },
    openReports: async () => {
      const { openSqliteReportStore } = await import('./sqlite/sqlite-report-store.js');
      return openSqliteReportStore({ path });
    },
    openReportsOnly: async (timeZone) => {
      const { openReportsReadOnly } = await import('./sqlite/reports-read-only.js');
      return openReportsReadOnly({ path, timeZone });
    },
    openParkedOnly: async () => {
      const { openParkedReadOnly } = await import('./sqlite/parked-read-only.js');
      return openParkedReadOnly(path);
    },
    inspect: async () => {
      const { inspectDatabase } = await import('./sqlite/inspect.js');
      return inspectDatabase(path);
    },
  };
}
