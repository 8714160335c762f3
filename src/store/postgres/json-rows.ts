import type { AnyTable, Row } from '../tables/describe-table.js';
import { readText } from './stored-text.js';
import type { TableRows } from './table-rows.js';

/** Rows of several tables in one answer: a piece of a `select`, and how to read what it answers. */
export interface JsonRows<Described extends AnyTable> {
  /** @param from what comes behind `from`; only columns of the table may be in sight. */
  readonly select: (from: string) => string;
  readonly read: (held: unknown) => Row<Described>[];
}

export function createJsonRows<Described extends AnyTable>(
  described: Described,
  { columns, read }: TableRows<Described>,
): JsonRows<Described> {
  const texts = Object.entries(described.columns).flatMap(([property, { kind }]) =>
    kind === 'text' || kind === 'json' ? [property] : [],
  );
  return {
    select: (from) =>
      `(select coalesce(json_agg(found), '[]') from (select ${columns} from ${from}) as found)`,
    read: (held) => {
      if (!Array.isArray(held)) throw new TypeError(`rows of ${described.name} were not selected`);
      return held.map((row: object) => {
        for (const property of texts) {
          const value: unknown = Reflect.get(row, property);
          if (typeof value === 'string') Reflect.set(row, property, readText(value));
        }
        return read(row);
      });
    },
  };
}
