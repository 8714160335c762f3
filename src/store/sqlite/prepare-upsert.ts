import { getTableColumns, getTableName, type InferSelectModel } from 'drizzle-orm';
import type { SQLiteColumn, SQLiteTable } from 'drizzle-orm/sqlite-core';
import type { Connection } from './connection.js';

/**
 * A prepared "insert, or replace the other columns of the row with this key" for whole rows. It is made from the
 * schema's own columns and conversions; building it with the query builder for each row takes several times as long
 * as SQLite needs to run it.
 */
export function prepareUpsert<Table extends SQLiteTable>(
  { sqlite }: Connection,
  table: Table,
  keys: readonly SQLiteColumn[],
): (row: InferSelectModel<Table>) => void {
  const columns = Object.entries<SQLiteColumn>(getTableColumns(table));
  const names = columns.map(([, column]) => column.name);
  const keyNames = keys.map((key) => key.name);
  const replaced = names.filter((name) => !keyNames.includes(name));
  const statement = sqlite.prepare(
    `insert into ${getTableName(table)} (${names.join(', ')}) values (${names.map(() => '?').join(', ')})
     on conflict (${keyNames.join(', ')})
     do update set ${replaced.map((name) => `${name} = excluded.${name}`).join(', ')}`,
  );
  return (row) => {
    const values = new Map<string, unknown>(Object.entries(row));
    statement.run(
      columns.map(([property, column]) => {
        const value = values.get(property) ?? null;
        return value === null ? null : column.mapToDriverValue(value);
      }),
    );
  };
}
