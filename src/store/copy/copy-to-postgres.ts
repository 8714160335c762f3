import type { Pool, PoolClient } from 'pg';
import { AppError } from '../../errors.js';
import { lockForMigrations, migratePostgres } from '../postgres/migrations.js';
import { createPool, transact } from '../postgres/pool.js';
import { guarded } from '../postgres/postgres-errors.js';
import { ALL_TABLES } from '../tables/all-tables.js';
import { copiedTable, type CopiedTable } from './copied-table.js';
import { assertEmpty, continueNumbers, insertRows, readRowsBack } from './postgres-target.js';
import { createChecksum, type CopiedValue } from './row-checksum.js';
import { openSource, type Source } from './sqlite-source.js';

export interface CopyOptions {
  /** The database file that is copied; it is only read. */
  readonly path: string;
  /** An empty Postgres database. */
  readonly url: string;
  /** Stops the copy; the database is then as empty as before. */
  readonly signal?: AbortSignal;
  /** Hears of each table that was copied and compared, and how many of them were so far. */
  readonly onTable?: (copied: TableCopy, done: number, total: number) => void;
}

export interface TableCopy {
  readonly table: string;
  readonly rows: number;
  /** Over all values of all rows, and the same on both sides. */
  readonly checksum: string;
}

/** Rows that are sent at once, and their size: payloads have some megabytes. */
const MAX_BATCH_ROWS = 1000;
const MAX_BATCH_BYTES = 4 * 1024 * 1024;
/** A batch of large payloads on a slow disk. */
const STATEMENT_TIMEOUT_MS = 600_000;

/**
 * Copies a whole SQLite database into an empty Postgres database, and reads everything back: a number of rows or a
 * checksum that differs takes all of it back. What is written to the file meanwhile is not copied, so the service must
 * be stopped before.
 * @throws AppError `store_unavailable` or `store_newer_than_program` for a file of another version of this program, and for a
 * database that is not empty.
 */
export async function copyToPostgres(options: CopyOptions): Promise<readonly TableCopy[]> {
  const source = openSource(options.path);
  try {
    const pool = createPool({
      url: options.url,
      applicationName: 'intercom-engagement copy',
      maxConnections: 1,
      statementTimeoutMs: STATEMENT_TIMEOUT_MS,
    });
    try {
      return await guarded(() => copyAll(source, pool, options));
    } finally {
      await pool.end();
    }
  } finally {
    source.close();
  }
}

async function copyAll(source: Source, pool: Pool, options: CopyOptions): Promise<readonly TableCopy[]> {
  await migratePostgres(pool, { mayMigrate: false });
  const tables = Object.values(ALL_TABLES).map(copiedTable);
  const copies = await transact(pool, async (client) => {
    // A service that starts meanwhile waits, and finds either nothing or everything.
    await lockForMigrations(client);
    await assertEmpty(client, tables);
    const made: TableCopy[] = [];
    for (const table of tables) {
      const copy = await copyTable(source, client, table, options.signal);
      made.push(copy);
      options.onTable?.(copy, made.length, tables.length);
    }
    return made;
  });
  // So that the first questions find a good way, and counts need the indexes alone: left alone, that comes after minutes.
  for (const { name } of tables) await pool.query(`vacuum (analyze) ${name}`);
  return copies;
}

async function copyTable(
  source: Source,
  client: PoolClient,
  table: CopiedTable,
  signal: AbortSignal | undefined,
): Promise<TableCopy> {
  const [sent, found] = [createChecksum(), createChecksum()];
  for (const rows of inBatches(source.rowsOf(table))) {
    if (signal?.aborted === true)
      throw new AppError('stopped', 'never', 'the copy was stopped; nothing was copied');
    for (const row of rows) sent.add(row);
    await insertRows(client, table, rows);
  }
  for await (const row of readRowsBack(client, table)) found.add(row);
  const [expected, actual] = [sent.result(), found.result()];
  if (expected.rows !== actual.rows || expected.checksum !== actual.checksum) {
    throw new AppError(
      'store_unavailable',
      'never',
      `${table.name} came out otherwise than it went in (${expected.rows} rows, then ${actual.rows}); nothing was copied`,
    );
  }
  const last = table.identity === null ? null : source.lastNumber(table);
  if (last !== null) await continueNumbers(client, table, last);
  return { table: table.name, ...actual };
}

function* inBatches(rows: Iterable<readonly CopiedValue[]>): Generator<readonly (readonly CopiedValue[])[]> {
  let batch: (readonly CopiedValue[])[] = [];
  let bytes = 0;
  for (const row of rows) {
    batch.push(row);
    for (const value of row) bytes += typeof value === 'number' ? 8 : (value?.length ?? 0);
    if (batch.length < MAX_BATCH_ROWS && bytes < MAX_BATCH_BYTES) continue;
    yield batch;
    batch = [];
    bytes = 0;
  }
  if (batch.length > 0) yield batch;
}
