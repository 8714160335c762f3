import type Database from 'better-sqlite3';
import { AppError } from '../../../errors.js';
import type { ReportList } from '../../ports/reports.js';
import { guarded } from '../store-errors.js';

export type SqlValue = string | number | null;
export type Params = Readonly<Record<string, SqlValue>>;
/** The columns in the order of the statement: making an object of them takes half as long again. */
export type RawRow = readonly SqlValue[];

/** A column that the rows are sorted by, as the statement names it. Never null: nulls have no place behind them. */
export interface SortKey {
  readonly column: string;
  readonly isDescending?: boolean;
}

/** Where a page begins and ends: pieces for the statement that reads it. */
export interface RowPlace {
  /** True behind the place where the last page ended. */
  readonly behind: string;
  /** `order by … limit …`. */
  readonly orderAndLimit: string;
}

/** Rows that follow an index: only then does each page cost no more than its own rows. */
export interface ListPart {
  /** Sorts the parts of one list; every row's cursor begins with it. */
  readonly key: readonly (string | number)[];
  /** Together they settle every tie. */
  readonly sort: readonly SortKey[];
  readonly params: Params;
  /** The statement; its last columns are the sort keys. */
  readonly rows: (place: RowPlace) => string;
}

/** Rows to be counted: `from … where …` without anything that counting doesn't need. */
export interface Counted {
  readonly from: string;
  readonly params: Params;
}

export interface ListKind<Filter, Row> {
  /** Tells cursors of different lists apart. */
  readonly name: string;
  readonly parts: (filter: Filter) => readonly ListPart[];
  readonly counted: (filter: Filter) => readonly Counted[];
  readonly present: (raw: RawRow) => Row;
}

/** Rows read at once while a whole list is streamed: some milliseconds, then others have their turn. */
const BATCH = 500;

/** Runs what reads the database, with everything read anew that it relies on. */
type Ask = <Result>(work: () => Result) => Promise<Result>;

/** Runs `work`, which reads; rejects with `store_unavailable` when the database can't be used. */
export async function reading<Result>(sqlite: Database.Database, work: () => Result): Promise<Result> {
  if (!sqlite.open) throw new AppError('store_unavailable', 'later', 'the database has been closed');
  return guarded(work);
}

/**
 * A list that is read by its sort keys: each page, and each batch of the whole list, begins behind the place where the
 * last one ended. No statement is left open between them, so that nobody holds the write-ahead log up.
 */
export function createList<Filter, Row>(
  ask: Ask,
  sqlite: Database.Database,
  kind: ListKind<Filter, Row>,
): ReportList<Filter, Row> {
  const read = createReader(sqlite);
  const pageAt = (filter: Filter, limit: number, after: string | null) =>
    ask(() => {
      const parts = kind.parts(filter);
      const cursor = after === null ? null : readCursor(kind.name, parts, after);
      const { rows, last, hasMore } = readPage(read, parts, limit, cursor);
      const next = hasMore && last !== null ? writeCursor(kind.name, last) : null;
      return { rows: rows.map(kind.present), next };
    });
  return {
    count: (filter) =>
      ask(() =>
        kind
          .counted(filter)
          .map(({ from, params }) =>
            sqlite.prepare<[object], number>(`select count(*) ${from}`).pluck().get(params),
          )
          .reduce<number>((sum, count) => sum + (count ?? 0), 0),
      ),
    page: (filter, { limit, after }) => pageAt(filter, limit, after),
    async *all(filter) {
      let after: string | null = null;
      do {
        const { rows, next }: { readonly rows: readonly Row[]; readonly next: string | null } = await pageAt(
          filter,
          BATCH,
          after,
        );
        if (rows.length > 0) yield rows;
        after = next;
        // Webhooks that came meanwhile go first.
        await new Promise((resolve) => setImmediate(resolve));
      } while (after !== null);
    },
  };
}

type Read = (statement: string, params: object) => RawRow[];

/** Values are always bound, so there are only as many statements as there are combinations of filters. */
function createReader(sqlite: Database.Database): Read {
  const prepared = new Map<string, Database.Statement<[object], RawRow>>();
  return (statement, params) => {
    const known = prepared.get(statement) ?? sqlite.prepare<[object], RawRow>(statement).raw();
    prepared.set(statement, known);
    return known.all(params);
  };
}

type Cursor = readonly SqlValue[];

interface RawPage {
  readonly rows: readonly RawRow[];
  /** Where the last row lies. */
  readonly last: Cursor | null;
  readonly hasMore: boolean;
}

function readPage(read: Read, parts: readonly ListPart[], limit: number, cursor: Cursor | null): RawPage {
  const rows: RawRow[] = [];
  let last: Cursor | null = null;
  for (const part of parts) {
    const order = cursor === null ? 1 : compareKeys(part.key, cursor);
    if (order < 0) continue;
    const after = order === 0 && cursor !== null ? cursor.slice(part.key.length) : null;
    if (after !== null && after.length !== part.sort.length) throw invalidCursor();
    // One more than fits says whether there is another page.
    const found = readPart(read, part, limit + 1 - rows.length, after);
    const shown = found.slice(0, limit - rows.length);
    rows.push(...shown);
    const lastRow = shown.at(-1);
    if (lastRow !== undefined) {
      last = [...part.key, ...lastRow.slice(lastRow.length - part.sort.length)];
    }
    if (found.length > shown.length) return { rows, last, hasMore: true };
  }
  return { rows, last, hasMore: false };
}

function readPart(
  read: Read,
  { sort, rows, params }: ListPart,
  limit: number,
  after: readonly SqlValue[] | null,
): RawRow[] {
  const direction = ({ isDescending }: SortKey): string => (isDescending === true ? ' desc' : '');
  const statement = rows({
    behind: after === null ? '1' : behind(sort),
    orderAndLimit: `order by ${sort.map((key) => key.column + direction(key)).join(', ')} limit @limit`,
  });
  const place = Object.fromEntries((after ?? []).map((value, index) => [`after${index}`, value]));
  return read(statement, { ...params, ...place, limit });
}

/** The condition in a form that begins with a bound on the first key, from which SQLite can walk an index. */
function behind(sort: readonly SortKey[]): string {
  const columns = sort.map(({ column }) => column);
  if (!sort.some(({ isDescending }) => isDescending === true)) {
    return `(${columns.join(', ')}) > (${columns.map((_, index) => `@after${index}`).join(', ')})`;
  }
  const beyond = ({ isDescending }: SortKey): string => (isDescending === true ? '<' : '>');
  const isBehind = sort
    .map((key, index) => {
      const same = columns.slice(0, index).map((column, before) => `${column} = @after${before} and `);
      return `${same.join('')}${key.column} ${beyond(key)} @after${index}`;
    })
    .join(' or ');
  const [first] = sort;
  return first === undefined ? '0' : `${first.column} ${beyond(first)}= @after0 and (${isBehind})`;
}

/** Numbers by size, texts by their bytes, as SQLite sorts them. */
export function compareKeys(one: readonly SqlValue[], other: readonly SqlValue[]): number {
  for (const [index, value] of one.entries()) {
    const against = other[index] ?? null;
    const order =
      typeof value === 'number' && typeof against === 'number'
        ? value - against
        : Buffer.compare(Buffer.from(String(value)), Buffer.from(String(against)));
    if (order !== 0) return order;
  }
  return 0;
}

function writeCursor(name: string, place: Cursor): string {
  return Buffer.from(JSON.stringify([name, ...place])).toString('base64url');
}

function readCursor(name: string, parts: readonly ListPart[], text: string): Cursor {
  const [itsName, ...place] = parse(text);
  const isOurs = itsName === name && parts.some(({ key, sort }) => place.length === key.length + sort.length);
  const values = place.flatMap((value) =>
    typeof value === 'string' || typeof value === 'number' ? [value] : [],
  );
  if (!isOurs || values.length !== place.length) {
    throw invalidCursor();
  }
  return values;
}

function invalidCursor(): AppError {
  return new AppError('cursor_invalid', 'never', 'this cursor is not of this list');
}

function parse(text: string): unknown[] {
  try {
    const place: unknown = JSON.parse(Buffer.from(text, 'base64url').toString());
    return Array.isArray(place) ? place : [];
  } catch {
    return [];
  }
}
