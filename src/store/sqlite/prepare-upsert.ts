import type Database from 'better-sqlite3';
import { getTableColumns, getTableName, type InferSelectModel } from 'drizzle-orm';
import type { SQLiteColumn, SQLiteTable } from 'drizzle-orm/sqlite-core';
import type { Connection } from './connection.js';

/**
 * A prepared "insert, or bring the row with this key in step" for whole rows. Only columns that differ are written, and
 * nothing where none does: naming a column makes SQLite write each index that has it, changed or not, and most of what
 * becomes known changes one value or two. It is made from the schema's own columns and conversions; building it with the
 * query builder for each row takes several times as long as SQLite needs to run it.
 */
export type Upsert<Row> = (
  row: Row,
  /** The row as it is in the table, null for none, where the caller has read it in this transaction. */
  before?: Row | null,
) => void;

export function prepareUpsert<Table extends SQLiteTable>(
  { sqlite }: Pick<Connection, 'sqlite'>,
  table: Table,
  keys: readonly SQLiteColumn[],
): Upsert<InferSelectModel<Table>> {
  const tableName = getTableName(table);
  const columns = Object.entries<SQLiteColumn>(getTableColumns(table));
  const names = columns.map(([, column]) => column.name);
  const keyAt = keys.map((key) => names.indexOf(key.name));
  const isKey = keys.map((key) => `${key.name} = ?`).join(' and ');
  const find = sqlite
    .prepare<unknown[], unknown[]>(`select ${names.join(', ')} from ${tableName} where ${isKey}`)
    .raw();
  const insert = sqlite.prepare(
    `insert into ${tableName} (${names.join(', ')}) values (${names.map(() => '?').join(', ')})`,
  );
  /** One for each set of columns that have differed so far: which do is much the same each time. */
  const updates = new Map<string, Database.Statement>();
  const updateOf = (changed: readonly number[]): Database.Statement => {
    const key = changed.join(',');
    const known = updates.get(key);
    if (known !== undefined) return known;
    const set = changed.map((at) => `${names[at]} = ?`).join(', ');
    const made = sqlite.prepare(`update ${tableName} set ${set} where ${isKey}`);
    if (updates.size >= MAX_UPDATES) updates.clear();
    updates.set(key, made);
    return made;
  };

  const valuesOf = (row: InferSelectModel<Table>): unknown[] => {
    const given = new Map<string, unknown>(Object.entries(row));
    return columns.map(([property, column]) => {
      const value = given.get(property) ?? null;
      return value === null ? null : column.mapToDriverValue(value);
    });
  };

  return (row, before) => {
    const values = valuesOf(row);
    const key = keyAt.map((at) => values[at]);
    const known = before === undefined ? find.get(...key) : before === null ? undefined : valuesOf(before);
    if (known === undefined) {
      insert.run(...values);
      return;
    }
    const changed = values.flatMap((value, at) => (known[at] === value ? [] : [at]));
    if (changed.length > 0) updateOf(changed).run(...changed.map((at) => values[at]), ...key);
  };
}

/** Statements kept for one table; more than its columns change in different ways together. */
const MAX_UPDATES = 200;
