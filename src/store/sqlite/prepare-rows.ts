import { Column, getTableColumns, getTableName, type InferSelectModel } from 'drizzle-orm';
import type { SQLiteColumn, SQLiteTable } from 'drizzle-orm/sqlite-core';
import type { Connection } from './connection.js';

export interface Rows<Row> {
  readonly get: (...parameters: readonly (string | number | null)[]) => Row | undefined;
  readonly all: (...parameters: readonly (string | number | null)[]) => Row[];
}

/**
 * A prepared query for whole rows of one table, with the schema's own conversions. The query builder's takes several times
 * as long as SQLite needs, and each notification asks a dozen times.
 * @param statement in which `columns` and `table` stand; every `?` is a parameter
 */
export function prepareRows<Table extends SQLiteTable>(
  { sqlite }: Pick<Connection, 'sqlite'>,
  table: Table,
  statement: (columns: string, table: string) => string,
): Rows<InferSelectModel<Table>> {
  const columns = Object.entries<SQLiteColumn>(getTableColumns(table));
  const names = columns.map(([property, column]) => `${column.name} as "${property}"`).join(', ');
  const converted = columns.filter(
    ([, column]) => column.mapFromDriverValue !== Column.prototype.mapFromDriverValue,
  );
  const prepared = sqlite.prepare<unknown[], InferSelectModel<Table> & object>(
    statement(names, getTableName(table)),
  );
  const convert = <Row extends object>(row: Row): Row => {
    for (const [property, column] of converted) {
      const value: unknown = Reflect.get(row, property);
      if (value !== null) Reflect.set(row, property, column.mapFromDriverValue(value));
    }
    return row;
  };
  return {
    get: (...parameters) => {
      const row = prepared.get(...parameters);
      return row === undefined ? undefined : convert(row);
    },
    all: (...parameters) => prepared.all(...parameters).map(convert),
  };
}
