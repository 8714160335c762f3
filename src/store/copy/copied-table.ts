import type { AnyColumn, AnyTable, ColumnKind } from '../tables/describe-table.js';

/** What copying has to know of a table. */
export interface CopiedTable {
  readonly name: string;
  readonly columns: readonly { readonly name: string; readonly kind: ColumnKind }[];
  /** Names of the columns that the rows are in the order of: the primary key. */
  readonly key: readonly string[];
  /** The column whose values the database counts up; null where there is none. */
  readonly identity: string | null;
}

export function copiedTable({ name, columns, keys }: AnyTable): CopiedTable {
  const all = Object.values(columns);
  const composite = keys.find(({ kind }) => kind === 'primary key')?.columns ?? [];
  const key = composite.length > 0 ? composite : all.filter(({ isPrimaryKey }) => isPrimaryKey);
  if (key.length === 0) throw new TypeError(`${name} has no primary key, so its rows have no order`);
  const nameOf = (column: AnyColumn): string => column.name;
  return {
    name,
    columns: all.map((column) => ({ name: column.name, kind: column.kind })),
    key: key.map(nameOf),
    identity: all.find(({ isIdentity }) => isIdentity)?.name ?? null,
  };
}
