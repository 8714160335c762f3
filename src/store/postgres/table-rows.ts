import type { AnyColumn, AnyTable, Row } from '../tables/describe-table.js';
import type { Query, Values } from './database.js';

/** Whole rows of one table, with the conversions of its description. */
export interface TableRows<Described extends AnyTable> {
  /** Rows for which `where` is true; what comes behind it (`order by`, `limit`, `for update`) may stand there too. */
  readonly find: (query: Query, where: string, values?: Values) => Promise<Row<Described>[]>;
  /** For statements that answer whole rows (`returning`): their list of columns, and how to read what they answer. */
  readonly columns: string;
  readonly read: (held: object) => Row<Described>;
  /** Inserts all of them, or brings those with these keys in step; rows that are the same already are not written. */
  readonly put: (query: Query, rows: readonly Row<Described>[]) => Promise<void>;
}

const ARRAYS = {
  text: 'text[]',
  json: 'text[]',
  integer: 'bigint[]',
  boolean: 'boolean[]',
  bytes: 'bytea[]',
} as const satisfies Record<AnyColumn['kind'], string>;

/** @param keys the columns, by their names in the code, of which one row has each combination */
export function createTableRows<Described extends AnyTable>(
  described: Described,
  keys: readonly (keyof Described['columns'] & string)[],
): TableRows<Described> {
  const columns = Object.entries(described.columns);
  const { name: table } = described;
  const list = columns.map(([property, { name }]) => `${name} as "${property}"`).join(', ');
  const json = columns.flatMap(([property, { kind }]) => (kind === 'json' ? [property] : []));
  const names = columns.map(([, { name }]) => name).join(', ');
  const keyNames = keys.map((key) => described.columns[key]?.name ?? key);
  const others = columns.map(([, { name }]) => name).filter((name) => !keyNames.includes(name));
  const update =
    others.length === 0
      ? 'nothing'
      : `update set ${others.map((name) => `${name} = excluded.${name}`).join(', ')}
         where (${others.map((name) => `${table}.${name}`).join(', ')})
           is distinct from (${others.map((name) => `excluded.${name}`).join(', ')})`;
  const put = `insert into ${table} (${names})
    select * from unnest(${columns.map(([property, { kind }]) => `@${property}::${ARRAYS[kind]}`).join(', ')})
    on conflict (${keyNames.join(', ')}) do ${update}`;

  const read = (held: object): Row<Described> => {
    for (const property of json) {
      const value: unknown = Reflect.get(held, property);
      if (typeof value === 'string') Reflect.set(held, property, JSON.parse(value));
    }
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- selected and converted column by column
    return held as Row<Described>;
  };
  return {
    columns: list,
    read,
    find: async (query, where, values) => {
      const rows = await query.rows<object>(`select ${list} from ${table} where ${where}`, values);
      return rows.map(read);
    },
    put: async (query, rows) => {
      if (rows.length === 0) return;
      const values = columns.map(([property, { kind }]) => [
        property,
        rows.map((row) => toHeld(kind, Reflect.get(row, property))),
      ]);
      await query.run(put, Object.fromEntries(values));
    },
  };
}

function toHeld(kind: AnyColumn['kind'], value: unknown): unknown {
  if (value === null || value === undefined) return null;
  return kind === 'json' ? JSON.stringify(value) : value;
}
