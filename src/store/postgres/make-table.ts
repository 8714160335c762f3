import { getTableColumns, sql } from 'drizzle-orm';
import {
  bigint,
  boolean,
  customType,
  index,
  pgTable,
  primaryKey,
  uniqueIndex,
  type ExtraConfigColumn,
  type PgColumn,
  type PgColumnBuilderBase,
  type PgTable,
  type PgTableWithColumns,
} from 'drizzle-orm/pg-core';
import type { AnyColumn, AnyTable, Predicates, Table } from '../tables/describe-table.js';
import type { DrizzleColumns } from '../tables/drizzle-columns.js';
import { readText, writeText } from './stored-text.js';

/** A table of Postgres with the columns and row types of its description. */
export type PostgresTableOf<Described extends AnyTable> =
  Described extends Table<infer Name, infer Columns>
    ? PgTableWithColumns<{
        name: Name;
        schema: undefined;
        dialect: 'pg';
        columns: {
          [Key in keyof Columns]: PgColumn<DrizzleColumns<Name, Columns>[Key]>;
        };
      }>
    : never;

export const POSTGRES_PREDICATES: Predicates = {
  isTrue: (name) => name,
  isFalse: (name) => `not ${name}`,
};

/** Compared and sorted by bytes, so that lists and cursors are the same with every engine. */
const text = customType<{ data: string; driverData: string }>({
  dataType: () => 'text collate "C"',
  toDriver: writeText,
  fromDriver: readText,
});

/**
 * JSON as a text, not `jsonb`: that knows neither U+0000 nor halves of surrogate pairs, which JSON escapes, and sorts
 * the names of an object. Nothing looks into it with SQL.
 */
const json = customType<{ data: unknown; driverData: string }>({
  dataType: () => 'text collate "C"',
  toDriver: (value) => JSON.stringify(value),
  fromDriver: (held): unknown => JSON.parse(held),
});

const bytes = customType<{ data: Buffer; driverData: Buffer }>({ dataType: () => 'bytea' });

/** One for each description, because foreign keys name the tables that are used. */
const made = new Map<AnyTable, PgTable>();

export function makePostgresTable<Described extends AnyTable>(
  described: Described,
): PostgresTableOf<Described> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- made from this description, column by column
  return tableOf(described) as unknown as PostgresTableOf<Described>;
}

function tableOf(described: AnyTable): PgTable {
  const table = made.get(described) ?? make(described);
  made.set(described, table);
  return table;
}

function make({ name, columns, keys }: AnyTable): PgTable {
  const builders = Object.entries(columns).map(([property, column]): [string, PgColumnBuilderBase] => [
    property,
    makeColumn(column),
  ]);
  const propertyOf = new Map(Object.entries(columns).map(([property, column]) => [column, property]));
  return pgTable(name, Object.fromEntries(builders), (table) => {
    const own = (column: AnyColumn): ExtraConfigColumn => {
      const found = table[propertyOf.get(column) ?? ''];
      if (found === undefined) throw new TypeError(`${name} has no column ${column.name}`);
      return found;
    };
    return keys.map((key) => {
      const [first, ...others] = key.columns.map(own);
      if (first === undefined) throw new TypeError(`a key of ${name} without columns`);
      if (key.kind === 'primary key') return primaryKey({ columns: [first, ...others] });
      const whole = (key.isUnique ? uniqueIndex : index)(key.name).on(first, ...others);
      return key.predicate === null ? whole : whole.where(sql.raw(key.predicate(POSTGRES_PREDICATES)));
    });
  });
}

function makeColumn(column: AnyColumn) {
  if (column.isIdentity)
    return bigint(column.name, { mode: 'number' }).primaryKey().generatedByDefaultAsIdentity();
  const bare = startColumn(column);
  if (column.isPrimaryKey) bare.primaryKey();
  else if (column.isNotNull) bare.notNull();
  if (column.hasDefault) bare.default(defaultOf(column));
  const { target } = column;
  if (target !== null) {
    const { table, column: property, onDelete } = target;
    const named = (): PgColumn => {
      const found = getTableColumns<PgTable>(tableOf(table()))[property];
      if (found === undefined)
        throw new TypeError(`a foreign key to a column that is not there: ${property}`);
      return found;
    };
    bare.references(named, { onDelete });
  }
  return bare;
}

/** A default is a piece of the table's statement, where a value of ours would be written without the column's conversion. */
function defaultOf({ kind, defaultValue }: AnyColumn) {
  if (kind !== 'json' && typeof defaultValue !== 'string') return sql.raw(String(defaultValue));
  const held = typeof defaultValue === 'string' ? defaultValue : JSON.stringify(defaultValue);
  return sql.raw(`'${held.replaceAll("'", "''")}'`);
}

function startColumn({ kind, name }: AnyColumn) {
  switch (kind) {
    case 'text':
      return text(name);
    case 'integer':
      return bigint(name, { mode: 'number' });
    case 'boolean':
      return boolean(name);
    case 'json':
      return json(name);
    case 'bytes':
      return bytes(name);
  }
}
