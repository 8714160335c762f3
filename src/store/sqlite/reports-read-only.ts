import { existsSync } from 'node:fs';
import Database from 'better-sqlite3';
import { AppError } from '../../errors.js';
import { refuseOtherGeneration, settingsRefused } from '../derived-by.js';
import type { ReadOnlyReports } from '../ports/read-only.js';
import type { Freshness } from '../ports/queries.js';
import { whyNotTheSame } from '../ports/service-settings.js';
import { refuseNewer, refuseOlder } from './connection.js';
import { asStoreError, guarded } from './store-errors.js';
import { openSqliteReportStore } from './sqlite-report-store.js';

/**
 * Opens the database file at `path` for reports alone: nothing is made, migrated or written, and a service that runs on
 * the file is not disturbed.
 * @throws AppError `store_unavailable` or `store_newer_than_program` for a file that this program can't read as it is,
 * `config_invalid` when its dates were worked out in another report time zone.
 */
export function openReportsReadOnly(options: {
  readonly path: string;
  readonly timeZone: string;
}): ReadOnlyReports {
  const { path, timeZone } = options;
  if (!existsSync(path)) {
    throw unready(`there is no database at ${path}: set DATABASE_PATH, or start the service first`);
  }
  try {
    const sqlite = new Database(path, { readonly: true, fileMustExist: true });
    try {
      assertFits(sqlite, timeZone);
      const reports = openSqliteReportStore({ path });
      return {
        reports,
        freshness: () => guarded(() => readFreshness(sqlite)),
        close: async () => {
          await reports.close();
          sqlite.close();
        },
      };
    } catch (error) {
      sqlite.close();
      throw error;
    }
  } catch (error) {
    throw asStoreError(error);
  }
}

function assertFits(sqlite: Database.Database, timeZone: string): void {
  refuseNewer(sqlite);
  refuseOlder(sqlite);
  refuseOtherGeneration(readMeta(sqlite, 'derived_by'));
  const left = { timeZone: String(readMeta(sqlite, 'report_time_zone')), settings: null };
  const why = whyNotTheSame({ timeZone }, left);
  if (why !== null) throw settingsRefused(why);
}

function readFreshness(sqlite: Database.Database): Freshness {
  const at = (name: string): number | null => {
    const value = readMeta(sqlite, name);
    return typeof value === 'number' ? value : null;
  };
  return {
    appliedAt: at('applied_at'),
    sweptAt: at('swept_at'),
    sweptUntilAt: at('swept_until_at'),
    completeAt: at('complete_at'),
    coverageFromAt: at('coverage_from_at'),
    silentSinceAt: at('silent_since_at'),
  };
}

export function readMeta(sqlite: Database.Database, name: string): unknown {
  const text = sqlite.prepare<[string], string>('select value from meta where name = ?').pluck().get(name);
  return text === undefined ? null : JSON.parse(text);
}

function unready(message: string): AppError {
  return new AppError('store_unavailable', 'never', message);
}
