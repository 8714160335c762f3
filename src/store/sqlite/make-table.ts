import { getTableColumns, sql } from 'drizzle-orm';
import {
  blob,
  index,
  integer,
  primaryKey,
  sqliteTable,
  text,
  uniqueIndex,
  type SQLiteColumn,
  type SQLiteColumnBuilderBase,
  type SQLiteTable,
  type SQLiteTableWithColumns,
} from 'drizzle-orm/sqlite-core';
import type { AnyColumn, AnyTable, Predicates, Table } from '../tables/describe-table.js';
import type { DrizzleColumns } from '../tables/drizzle-columns.js';

/** A table of SQLite with the columns and row types of its description. */
export type SqliteTableOf<Described extends AnyTable> =
  Described extends Table<infer Name, infer Columns>
    ? SQLiteTableWithColumns<{
        name: Name;
        schema: undefined;
        dialect: 'sqlite';
        columns: {
          [Key in keyof Columns]: SQLiteColumn<DrizzleColumns<Name, Columns>[Key]>;
        };
      }>
    : never;

export const SQLITE_PREDICATES: Predicates = {
  isTrue: (name) => `${name} = 1`,
  isFalse: (name) => `${name} = 0`,
};

/** One for each description, because foreign keys name the tables that are used. */
const made = new Map<AnyTable, SQLiteTable>();

export function makeSqliteTable<Described extends AnyTable>(described: Described): SqliteTableOf<Described> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- made from this description, column by column
  return tableOf(described) as unknown as SqliteTableOf<Described>;
}

function tableOf(described: AnyTable): SQLiteTable {
  const table = made.get(described) ?? make(described);
  made.set(described, table);
  return table;
}

function make({ name, columns, keys }: AnyTable): SQLiteTable {
  const builders = Object.entries(columns).map(([property, column]): [string, SQLiteColumnBuilderBase] => [
    property,
    makeColumn(column),
  ]);
  const propertyOf = new Map(Object.entries(columns).map(([property, column]) => [column, property]));
  return sqliteTable(name, Object.fromEntries(builders), (table) => {
    const own = (column: AnyColumn): SQLiteColumn => {
      const found = table[propertyOf.get(column) ?? ''];
      if (found === undefined) throw new TypeError(`${name} has no column ${column.name}`);
      return found;
    };
    return keys.map((key) => {
      const [first, ...others] = key.columns.map(own);
      if (first === undefined) throw new TypeError(`a key of ${name} without columns`);
      if (key.kind === 'primary key') return primaryKey({ columns: [first, ...others] });
      const whole = (key.isUnique ? uniqueIndex : index)(key.name).on(first, ...others);
      return key.predicate === null ? whole : whole.where(sql.raw(key.predicate(SQLITE_PREDICATES)));
    });
  });
}

function makeColumn(column: AnyColumn) {
  if (column.isIdentity) return integer(column.name).primaryKey({ autoIncrement: true });
  const bare = startColumn(column);
  if (column.isPrimaryKey) bare.primaryKey();
  else if (column.isNotNull) bare.notNull();
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the description has typed it
  if (column.hasDefault) bare.default(column.defaultValue as never);
  const { target } = column;
  if (target !== null) {
    const { table, column: property, onDelete } = target;
    const named = (): SQLiteColumn => {
      const found = getTableColumns<SQLiteTable>(tableOf(table()))[property];
      if (found === undefined)
        throw new TypeError(`a foreign key to a column that is not there: ${property}`);
      return found;
    };
    bare.references(named, { onDelete });
  }
  return bare;
}

function startColumn({ kind, name }: AnyColumn) {
  switch (kind) {
    case 'text':
      return text(name);
    case 'integer':
      return integer(name);
    case 'boolean':
      return integer(name, { mode: 'boolean' });
    case 'json':
      return text(name, { mode: 'json' });
    case 'bytes':
      return blob(name, { mode: 'buffer' });
  }
}
