import { isRecord } from '../intercom/json.js';
import { invalid, Refusal } from './refusal.js';
import { compileQuery, type Dialect, type SearchField } from './search-query.js';
import type { Shelf } from './shelf.js';

/** What one search endpoint adds to the common machinery. */
export interface SearchEndpoint<Item extends { readonly id: string }> {
  readonly shelf: Shelf<Item>;
  readonly dialect: Dialect<Item>;
  readonly defaultPerPage: number;
  /** Order when the request asks for none: newest change first, so rows do move while a client pages. */
  readonly defaultSort: string;
  readonly isVisible: (item: Item) => boolean;
  readonly cache: SearchCache<Item>;
}

export interface SearchAnswer<Item> {
  readonly items: readonly Item[];
  readonly totalCount: number;
  readonly pages: Readonly<Record<string, unknown>>;
}

/** Sorted results of the last queries, so that paging through many pages doesn't sort everything again each time. */
export interface SearchCache<Item> {
  find(key: string): readonly Item[] | undefined;
  keep(key: string, items: readonly Item[]): void;
}

/** Highest `per_page` (documented for conversations; connectors use the same for contacts). */
const MAX_PER_PAGE = 150;
const KEPT_RESULTS = 3;

export function createSearchCache<Item>(): SearchCache<Item> {
  const results = new Map<string, readonly Item[]>();
  return {
    find: (key) => results.get(key),
    keep: (key, items) => {
      results.set(key, items);
      for (const oldest of results.keys()) {
        if (results.size <= KEPT_RESULTS) break;
        results.delete(oldest);
      }
    },
  };
}

/**
 * Answers one page of a search. The cursor names the last row's sort value and id, so a page goes on after that place
 * in the order, wherever rows have moved meanwhile.
 */
export function search<Item extends { readonly id: string }>(
  endpoint: SearchEndpoint<Item>,
  body: Readonly<Record<string, unknown>>,
): SearchAnswer<Item> {
  const { query, pagination, sort } = body;
  const matches = compileQuery(query, endpoint.dialect);
  const { perPage, after } = readPagination(pagination, endpoint.defaultPerPage);
  const { name, field, isAscending } = readSort(sort, endpoint);
  const compare = comparison(field, isAscending);

  const { items, revision } = endpoint.shelf.searchable();
  const key = JSON.stringify([revision, query, name, isAscending]);
  let sorted = endpoint.cache.find(key);
  if (sorted === undefined) {
    const found: Row<Item>[] = [];
    for (const item of items.values()) {
      if (endpoint.isVisible(item) && matches(item)) found.push({ value: sortValue(field, item), item });
    }
    sorted = found.sort((a, b) => compare(a.value, a.item.id, b.value, b.item.id)).map((row) => row.item);
    endpoint.cache.keep(key, sorted);
  }

  const start =
    after === null
      ? 0
      : firstAfter(sorted, (item) => compare(sortValue(field, item), item.id, after.value, after.id));
  const page = sorted.slice(start, start + perPage);
  const last = page.at(-1);
  const isLastPage = last === undefined || start + perPage >= sorted.length;
  const pageNumber = after?.page ?? 1;
  return {
    items: page,
    totalCount: sorted.length,
    pages: {
      type: 'pages',
      page: pageNumber,
      per_page: perPage,
      total_pages: Math.ceil(sorted.length / perPage),
      ...(isLastPage
        ? {}
        : {
            next: {
              per_page: perPage,
              starting_after: writeCursor({
                value: sortValue(field, last),
                id: last.id,
                page: pageNumber + 1,
              }),
            },
          }),
    },
  };
}

type SortValue = string | number;

interface Row<Item> {
  readonly value: SortValue;
  readonly item: Item;
}

interface Cursor {
  readonly value: SortValue;
  readonly id: string;
  readonly page: number;
}

function sortValue<Item>(field: SearchField<Item>, item: Item): SortValue {
  const value = field.read(item);
  if (typeof value === 'number' || typeof value === 'string') return value;
  if (typeof value === 'boolean') return value ? 1 : 0;
  return field.type === 'string' ? '' : -1;
}

type Compare = (value: SortValue, id: string, otherValue: SortValue, otherId: string) => number;

function comparison<Item>(field: SearchField<Item>, isAscending: boolean): Compare {
  const sign = isAscending ? 1 : -1;
  return (value, id, otherValue, otherId) => {
    const order =
      typeof value === 'number' && typeof otherValue === 'number' && field.type !== 'string'
        ? value - otherValue
        : compareText(String(value), String(otherValue));
    return sign * (order === 0 ? compareText(id, otherId) : order);
  };
}

/** Ids of digits compare as numbers: the longer one is the greater. */
function compareText(text: string, other: string): number {
  if (text === other) return 0;
  if (/^\d+$/.test(text) && /^\d+$/.test(other) && text.length !== other.length)
    return text.length - other.length;
  return text < other ? -1 : 1;
}

/** Place of the first item that comes after the cursor; `order` is at most 0 up to it. */
function firstAfter<Item>(sorted: readonly Item[], order: (item: Item) => number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const item = sorted[middle];
    if (item !== undefined && order(item) <= 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

function readPagination(
  pagination: unknown,
  defaultPerPage: number,
): { readonly perPage: number; readonly after: Cursor | null } {
  if (pagination === undefined || pagination === null) return { perPage: defaultPerPage, after: null };
  if (!isRecord(pagination)) throw invalid('pagination must be an object');
  const { per_page: perPage = defaultPerPage, starting_after: startingAfter } = pagination;
  if (typeof perPage !== 'number' || !Number.isInteger(perPage) || perPage < 1 || perPage > MAX_PER_PAGE) {
    throw invalid(`per_page must be a whole number from 1 to ${MAX_PER_PAGE}`);
  }
  if (startingAfter === undefined || startingAfter === null) return { perPage, after: null };
  // Connectors report that an empty cursor makes Intercom fail, instead of being taken for none.
  if (startingAfter === '') throw new Refusal(500, 'server_error', 'Server Error');
  return { perPage, after: readCursor(startingAfter) };
}

function readSort<Item extends { readonly id: string }>(
  sort: unknown,
  endpoint: SearchEndpoint<Item>,
): { readonly name: string; readonly field: SearchField<Item>; readonly isAscending: boolean } {
  if (sort !== undefined && sort !== null && !isRecord(sort)) throw invalid('sort must be an object');
  const { field: name = endpoint.defaultSort, order = 'descending' } = sort ?? {};
  if (order !== 'ascending' && order !== 'descending') {
    throw new Refusal(
      400,
      'invalid_sort_order',
      `Invalid sort order '${String(order)}'. Must be one of: ascending, descending`,
    );
  }
  const field = typeof name === 'string' ? endpoint.dialect.field(name) : null;
  if (typeof name !== 'string' || field === null) throw invalid(`Cannot sort by '${String(name)}'`);
  return { name, field, isAscending: order === 'ascending' };
}

function writeCursor(cursor: Cursor): string {
  return Buffer.from(JSON.stringify([cursor.value, cursor.id, cursor.page])).toString('base64');
}

function readCursor(text: unknown): Cursor {
  try {
    const parsed: unknown = JSON.parse(Buffer.from(String(text), 'base64').toString('utf8'));
    if (Array.isArray(parsed)) {
      const [value, id, page]: unknown[] = parsed;
      if (
        (typeof value === 'string' || typeof value === 'number') &&
        typeof id === 'string' &&
        typeof page === 'number'
      ) {
        return { value, id, page };
      }
    }
  } catch {
    // Not one of ours: refused below.
  }
  throw invalid('starting_after is not a valid cursor');
}
