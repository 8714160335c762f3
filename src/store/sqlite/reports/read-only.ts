import { existsSync } from 'node:fs';
import Database from 'better-sqlite3';
import { AppError } from '../../../errors.js';
import type { ReportStore } from '../../report-store.js';
import type { Freshness } from '../../look-store.js';
import { ageOfFile, refuseNewer } from '../connection.js';
import { DERIVED_BY } from '../derive-again.js';
import { asStoreError, guarded } from '../store-errors.js';
import { openSqliteReportStore } from './sqlite-report-store.js';

/** All that answers to reports need, from a database that somebody else keeps. */
export interface ReadOnlyReports {
  readonly reports: ReportStore;
  freshness(): Promise<Freshness>;
  close(): Promise<void>;
}

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
      insistOnFit(sqlite, timeZone);
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

function insistOnFit(sqlite: Database.Database, timeZone: string): void {
  refuseNewer(sqlite);
  const stored = ageOfFile(sqlite) < 0 ? null : readMeta(sqlite, 'derived_by');
  if (typeof stored === 'number' && stored > DERIVED_BY) {
    throw unready('the database has been used by a newer version of this program: start that version');
  }
  if (stored !== DERIVED_BY) {
    throw unready('the database was last used by an older version of this program: start the service once');
  }
  const itsZone = readMeta(sqlite, 'report_time_zone');
  if (itsZone === timeZone) return;
  throw new AppError(
    'config_invalid',
    'never',
    `REPORT_TIMEZONE is ${timeZone}, but the dates in the database are those of ${String(itsZone)}: ` +
      'set it to that, or start the service once with the new one',
  );
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
