/*
 * The words in which the tables are described, once for all engines: `sqlite/make-table.ts` and `postgres/make-table.ts`
 * make an engine's own tables from the descriptions.
 */

/** `integer`: up to 2^53, as numbers are in JavaScript. `json`: a text that JSON.stringify has made. */
export type ColumnKind = 'text' | 'integer' | 'boolean' | 'json' | 'bytes';

interface ColumnFacts {
  readonly kind: ColumnKind;
  readonly name: string;
  readonly isNotNull: boolean;
  readonly isPrimaryKey: boolean;
  /** The database counts it up; no number is given twice. */
  readonly isIdentity: boolean;
  readonly defaultValue: unknown;
  readonly target: Reference | null;
}

/** A foreign key. A function, because the table may be described further below. */
export interface Reference {
  readonly table: () => AnyTable;
  readonly column: string;
  /** What happens to this row when that one is deleted. */
  readonly onDelete: 'cascade';
}

/** One column; nullable until `notNull` or `primaryKey` says otherwise. */
export interface Column<
  Data,
  IsNotNull extends boolean = false,
  HasDefault extends boolean = false,
> extends ColumnFacts {
  /** Never there: what the column holds, for types alone. */
  readonly data?: Data;
  readonly isNotNull: IsNotNull;
  readonly hasDefault: HasDefault;
  readonly notNull: () => Column<Data, true, HasDefault>;
  readonly default: (value: Data) => Column<Data, IsNotNull, true>;
  readonly primaryKey: () => Column<Data, true, HasDefault>;
  readonly references: (
    table: Reference['table'],
    column: string,
    actions: Pick<Reference, 'onDelete'>,
  ) => Column<Data, IsNotNull, HasDefault>;
}

/** What engines read of a column, whatever it holds. */
export type AnyColumn = ColumnFacts & { readonly hasDefault: boolean };
export type AnyColumns = Readonly<Record<string, AnyColumn>>;

export interface Table<Name extends string, Columns extends AnyColumns> {
  readonly name: Name;
  /** By the names that the code has for them. */
  readonly columns: Columns;
  readonly keys: readonly (IndexOf | CompositeKey)[];
}

export type AnyTable = Table<string, AnyColumns>;

/** A whole row, as every engine hands it over. */
export type Row<Described extends AnyTable> = {
  [Key in keyof Described['columns']]: Described['columns'][Key] extends Column<
    infer Data,
    infer IsNotNull,
    boolean
  >
    ? IsNotNull extends true
      ? Data
      : Data | null
    : never;
};

/** How an engine writes what engines write differently. */
export interface Predicates {
  /** The column, by its name in the database, is true. */
  readonly isTrue: (name: string) => string;
  readonly isFalse: (name: string) => string;
}

export interface CompositeKey {
  readonly kind: 'primary key';
  readonly columns: readonly AnyColumn[];
}

export interface IndexOf {
  readonly kind: 'index';
  readonly name: string;
  readonly isUnique: boolean;
  readonly columns: readonly AnyColumn[];
  /** Which rows it holds; null for all. */
  readonly predicate: ((predicates: Predicates) => string) | null;
}

interface PartialIndex extends IndexOf {
  /** Only the rows for which this is true, in the words in which queries say it. */
  readonly where: (predicate: string | ((predicates: Predicates) => string)) => IndexOf;
}

export function describeTable<const Name extends string, Columns extends AnyColumns>(
  name: Name,
  columns: Columns,
  keys: (columns: Columns) => Table<Name, Columns>['keys'] = () => [],
): Table<Name, Columns> {
  return { name, columns, keys: keys(columns) };
}

/** @param values those that it may have; for types alone, the database takes any. */
export function text<const Values extends string = string>(
  name: string,
  _values?: readonly Values[],
): Column<Values> {
  return column<Values, false, false>(namedColumn('text', name));
}

export function integer(name: string): Column<number> {
  return column<number, false, false>(namedColumn('integer', name));
}

/** A primary key that the database counts up. */
export function identity(name: string): Column<number, true, true> {
  const facts = { ...namedColumn('integer', name), isPrimaryKey: true, isIdentity: true };
  return column<number, true, true>({ ...facts, isNotNull: true, hasDefault: true });
}

export function boolean(name: string): Column<boolean> {
  return column<boolean, false, false>(namedColumn('boolean', name));
}

export function json<Data>(name: string): Column<Data> {
  return column<Data, false, false>(namedColumn('json', name));
}

export function bytes(name: string): Column<Buffer> {
  return column<Buffer, false, false>(namedColumn('bytes', name));
}

export function primaryKey({ columns }: { readonly columns: readonly AnyColumn[] }): CompositeKey {
  return { kind: 'primary key', columns };
}

export function index(name: string) {
  return indexNamed(name, false);
}

export function uniqueIndex(name: string) {
  return indexNamed(name, true);
}

function indexNamed(name: string, isUnique: boolean) {
  return {
    on: (...columns: readonly AnyColumn[]): PartialIndex => {
      const whole = { kind: 'index', name, isUnique, columns, predicate: null } as const;
      return {
        ...whole,
        where: (predicate) => ({
          ...whole,
          predicate: typeof predicate === 'string' ? () => predicate : predicate,
        }),
      };
    },
  };
}

type FactsOf<IsNotNull extends boolean, HasDefault extends boolean> = ColumnFacts & {
  readonly isNotNull: IsNotNull;
  readonly hasDefault: HasDefault;
};

function namedColumn(kind: ColumnKind, name: string): FactsOf<false, false> {
  const none = { isPrimaryKey: false, isIdentity: false, defaultValue: undefined, target: null };
  return { kind, name, isNotNull: false, hasDefault: false, ...none };
}

function column<Data, IsNotNull extends boolean, HasDefault extends boolean>(
  facts: FactsOf<IsNotNull, HasDefault>,
): Column<Data, IsNotNull, HasDefault> {
  return {
    ...facts,
    notNull: () => column<Data, true, HasDefault>({ ...facts, isNotNull: true }),
    default: (value) => column<Data, IsNotNull, true>({ ...facts, defaultValue: value, hasDefault: true }),
    primaryKey: () => column<Data, true, HasDefault>({ ...facts, isNotNull: true, isPrimaryKey: true }),
    references: (table, name, { onDelete }) =>
      column<Data, IsNotNull, HasDefault>({ ...facts, target: { table, column: name, onDelete } }),
  };
}
