import type { ReportList } from '../ports/reports.js';
import type { Coaches } from './coaches.js';
import { compareKeys, invalidCursor, readCursor, writeCursor, type Cursor } from './cursor.js';
import { readCount, readRows, type Params, type RawRow, type Reading, type SqlValue } from './reading.js';

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
  readonly parts: (filter: Filter, coaches: Coaches) => Reading<readonly ListPart[]>;
  readonly counted: (filter: Filter, coaches: Coaches) => readonly Counted[];
  readonly present: (raw: RawRow, coaches: Coaches) => Row;
}

/** Rows read at once while a whole list is streamed: some milliseconds, then others have their turn. */
const BATCH = 500;

/** Answers a question with the coaches as they are called now. */
export type Ask = <Result>(question: (coaches: Coaches) => Reading<Result>) => Promise<Result>;

/**
 * A list that is read by its sort keys: each page, and each batch of the whole list, begins behind the place where the
 * last one ended. No statement is left open between them, so that nobody holds the write-ahead log up.
 */
export function createList<Filter, Row>(ask: Ask, kind: ListKind<Filter, Row>): ReportList<Filter, Row> {
  const pageAt = (filter: Filter, limit: number, after: string | null) =>
    ask(function* readRowsOfPage(coaches) {
      const parts = yield* kind.parts(filter, coaches);
      const cursor = after === null ? null : readCursor(kind.name, parts, after);
      const { rows, last, hasMore } = yield* readPage(parts, limit, cursor);
      const next = hasMore && last !== null ? writeCursor(kind.name, last) : null;
      return { rows: rows.map((raw) => kind.present(raw, coaches)), next };
    });
  return {
    count: (filter) =>
      ask(function* countRows(coaches) {
        let sum = 0;
        for (const { from, params } of kind.counted(filter, coaches)) {
          sum += yield* readCount(`select count(*) ${from}`, params);
        }
        return sum;
      }),
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

interface RawPage {
  readonly rows: readonly RawRow[];
  /** Where the last row lies. */
  readonly last: Cursor | null;
  readonly hasMore: boolean;
}

function* readPage(parts: readonly ListPart[], limit: number, cursor: Cursor | null): Reading<RawPage> {
  const rows: RawRow[] = [];
  let last: Cursor | null = null;
  for (const part of parts) {
    const order = cursor === null ? 1 : compareKeys(part.key, cursor);
    if (order < 0) continue;
    const after = order === 0 && cursor !== null ? cursor.slice(part.key.length) : null;
    if (after !== null && after.length !== part.sort.length) throw invalidCursor();
    // One more than fits says whether there is another page.
    const found = yield* readPart(part, limit + 1 - rows.length, after);
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
  { sort, rows, params }: ListPart,
  limit: number,
  after: readonly SqlValue[] | null,
): Reading<readonly RawRow[]> {
  const direction = ({ isDescending }: SortKey): string => (isDescending === true ? ' desc' : '');
  const statement = rows({
    behind: after === null ? 'true' : behind(sort),
    orderAndLimit: `order by ${sort.map((key) => key.column + direction(key)).join(', ')} limit @limit`,
  });
  const place = Object.fromEntries((after ?? []).map((value, index) => [`after${index}`, value]));
  return readRows(statement, { ...params, ...place, limit });
}

/** The condition in a form that begins with a bound on the first key, from which an index can be walked. */
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
  return first === undefined ? 'false' : `${first.column} ${beyond(first)}= @after0 and (${isBehind})`;
}
