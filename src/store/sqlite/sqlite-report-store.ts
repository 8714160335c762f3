import Database from 'better-sqlite3';
import { AppError } from '../../errors.js';
import type { ReportStore } from '../ports/reports.js';
import { createReportStore } from '../report-sql/create-report-store.js';
import type { Query, RawRow, Runner } from '../report-sql/reading.js';
import { SQLITE_DIALECT } from './sqlite-dialect.js';
import { asStoreError, guarded } from './store-errors.js';

/**
 * Reports of the database file at `path`, on a connection that can only read: readers see the last commit and never
 * hold the writer up. Lists are read in small batches, so that a long one leaves room for everything else.
 * @throws AppError `store_unavailable` when there is no such database.
 */
export function openSqliteReportStore({ path }: { readonly path: string }): ReportStore {
  return createReportStore(SQLITE_DIALECT, createRunner(open(path)));
}

function createRunner(sqlite: Database.Database): Runner {
  const read = createReader(sqlite);
  return {
    run: async (reading) => {
      if (!sqlite.open) throw new AppError('store_unavailable', 'later', 'the database has been closed');
      return guarded(() => {
        const queries = reading();
        let step = queries.next();
        while (step.done !== true) step = queries.next(read(step.value));
        return step.value;
      });
    },
    close: async () => {
      await guarded(() => sqlite.close());
    },
  };
}

/** Values are always bound, so there are only as many statements as there are combinations of filters; kept up to this. */
const MAX_STATEMENTS = 500;

function createReader(sqlite: Database.Database): (query: Query) => readonly RawRow[] {
  const prepared = new Map<string, Database.Statement<[object], RawRow>>();
  return ({ statement, params }) => {
    const known = prepared.get(statement) ?? sqlite.prepare<[object], RawRow>(statement).raw();
    if (prepared.size >= MAX_STATEMENTS) prepared.clear();
    prepared.set(statement, known);
    return known.all(bound(params));
  };
}

/** Lists as JSON, as {@link SQLITE_DIALECT} reads them. */
function bound(params: Query['params']): object {
  return Object.fromEntries(
    Object.entries(params).map(([name, value]) => [
      name,
      typeof value === 'object' && value !== null ? JSON.stringify(value) : value,
    ]),
  );
}

const LOCK_TIMEOUT_MS = 400;

function open(path: string): Database.Database {
  try {
    // Readers wait for nobody in WAL mode; where another program has locked the whole file, for this long.
    const sqlite = new Database(path, { readonly: true, fileMustExist: true, timeout: LOCK_TIMEOUT_MS });
    // Sorting must not leave personal data in temporary files.
    sqlite.pragma('temp_store = MEMORY');
    return sqlite;
  } catch (error) {
    throw asStoreError(error);
  }
}
