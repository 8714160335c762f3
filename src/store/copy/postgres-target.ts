import type { PoolClient } from 'pg';
import { AppError } from '../../errors.js';
import { readText, writeText } from '../postgres/stored-text.js';
import type { ColumnKind } from '../tables/describe-table.js';
import type { CopiedTable } from './copied-table.js';
import type { CopiedValue } from './row-checksum.js';

/** Rows that are read back at once. */
const FETCH = 1000;

/** @throws AppError `store_unavailable` when a table has rows: they would be mixed with those of another database. */
export async function assertEmpty(client: PoolClient, tables: readonly CopiedTable[]): Promise<void> {
  for (const { name } of tables) {
    const { rowCount } = await client.query(`select 1 from ${name} limit 1`);
    if (rowCount === 0) continue;
    throw new AppError(
      'store_unavailable',
      'never',
      `the database that is copied to is not empty (${name}): name an empty one`,
    );
  }
}

/** Inserts the rows, each column as one array: a statement has a limit of values, and these are its columns. */
export async function insertRows(
  client: PoolClient,
  { name, columns }: CopiedTable,
  rows: readonly (readonly CopiedValue[])[],
): Promise<void> {
  const names = columns.map((column) => column.name).join(', ');
  const arrays = columns.map(({ kind }, at) => `$${at + 1}::${ARRAYS[kind]}`).join(', ');
  const values = columns.map(({ kind }, at) => rows.map((row) => toPostgres(kind, row[at] ?? null)));
  await client.query(`insert into ${name} (${names}) select * from unnest(${arrays})`, values);
}

/** Every row in the order of the key, as the source has handed it over. */
export async function* readRowsBack(
  client: PoolClient,
  { name, columns, key }: CopiedTable,
): AsyncGenerator<readonly CopiedValue[]> {
  const names = columns.map((column) => column.name).join(', ');
  await client.query(
    `declare copied no scroll cursor for select ${names} from ${name} order by ${key.join(', ')}`,
  );
  for (;;) {
    const { rows } = await client.query<unknown[]>({ text: `fetch ${FETCH} from copied`, rowMode: 'array' });
    if (rows.length === 0) break;
    for (const row of rows) yield columns.map(({ kind }, at) => fromPostgres(kind, row[at] ?? null));
  }
  await client.query('close copied');
}

/** The next number is the one behind `last`. */
export async function continueNumbers(
  client: PoolClient,
  { name, identity }: CopiedTable,
  last: number,
): Promise<void> {
  await client.query('select setval(pg_get_serial_sequence($1, $2), $3)', [name, identity, last]);
}

const ARRAYS: Readonly<Record<ColumnKind, string>> = {
  text: 'text[]',
  json: 'text[]',
  integer: 'bigint[]',
  boolean: 'boolean[]',
  bytes: 'bytea[]',
};

function toPostgres(kind: ColumnKind, value: CopiedValue): unknown {
  if (kind === 'text' && typeof value === 'string') return writeText(value);
  return kind === 'boolean' && value !== null ? value === 1 : value;
}

function fromPostgres(kind: ColumnKind, value: unknown): CopiedValue {
  if (typeof value === 'boolean') return value ? 1 : 0;
  if (typeof value === 'string') return kind === 'text' ? readText(value) : value;
  if (typeof value === 'number' || value === null || Buffer.isBuffer(value)) return value;
  throw new TypeError('a value of no kind that is copied');
}
