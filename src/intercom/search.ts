import { AppError } from '../errors.js';

export interface Search {
  readonly query: SearchQuery;
  readonly perPage: number;
  readonly cursor: string | null;
  readonly sort?: { readonly field: string; readonly order: 'ascending' | 'descending' };
}

/** Intercom's search language: one filter, or a group of at most 15 filters, nested at most twice. */
export type SearchQuery =
  | {
      readonly field: string;
      readonly operator: SearchOperator;
      readonly value: string | number | boolean | null | readonly (string | number)[];
    }
  | { readonly operator: 'AND' | 'OR'; readonly value: readonly SearchQuery[] };

export type SearchOperator = '=' | '!=' | 'IN' | 'NIN' | '<' | '>' | '<=' | '>=' | '~' | '!~' | '^' | '$';

export interface SearchPage<Item> {
  readonly items: readonly Item[];
  /** Entries that can't be taken as they stand; they count as entries of the page. */
  readonly unreadable: readonly UnreadableEntry[];
  /** Over all pages; null where Intercom doesn't say. */
  readonly totalCount: number | null;
  /** Opaque cursor of the next page; null where none is named, which proves nothing: see `search-end.ts`. */
  readonly nextCursor: string | null;
}

export interface UnreadableEntry {
  /** Null where it has none: then only its place tells which one it is. */
  readonly id: string | null;
  /** Its place on the page, from 1. */
  readonly place: number;
  /** What of it is missing or can't be read; never its value. */
  readonly field: string;
  /** The contact whose conversation it seems to be; of a contact its own id. */
  readonly likelyOwnerId: string | null;
}

/** The most that Intercom gives at once. */
export const MAX_PER_PAGE = 150;

/** All members, oldest first: the order can't change while pages are read, and new members come last. */
export function allMembers(): Search {
  return { ...members(), sort: { field: 'created_at', order: 'ascending' } };
}

/**
 * All members, last changed first: reading as far as one wants to look back is exact to the second, which a filter by
 * date is not, and the total is that of all members. Whether the order is as asked has to be looked at.
 */
export function membersByChange(): Search {
  return { ...members(), sort: { field: 'updated_at', order: 'descending' } };
}

/** Members that changed at or after `sinceAt` (Unix seconds), and some that changed earlier on that day. */
export function membersUpdatedSince(sinceAt: number): Search {
  // Intercom's description allows groups of filters or groups of groups, but none that mixes both.
  const value = since('updated_at', sinceAt).map((changed) => and(members().query, changed));
  return { ...allMembers(), query: { operator: 'OR', value } };
}

/** Conversations that changed at or after `sinceAt` (Unix seconds), and perhaps some that changed earlier on that day. */
export function conversationsChangedSince(sinceAt: number): Search {
  return { query: or(since('updated_at', sinceAt)), perPage: MAX_PER_PAGE, cursor: null };
}

/**
 * Conversations closed at or after `sinceAt` (Unix seconds), and perhaps some closed earlier on that day. Asked beside
 * `updated_at`, which does not move with every change.
 */
export function conversationsClosedSince(sinceAt: number): Search {
  return { query: or(since('statistics.last_close_at', sinceAt)), perPage: MAX_PER_PAGE, cursor: null };
}

function members(): Search {
  return { query: { field: 'role', operator: '=', value: 'user' }, perPage: MAX_PER_PAGE, cursor: null };
}

/**
 * Up to 2.16 Intercom compares a contact's dates by calendar day in the workspace's time zone, where `>` begins with the
 * next day and `=` is the whole day, from 2.17 on by the second (changelog of 2.17); whether a conversation's `>` takes in the second itself depends on the page one
 * reads. Both together leave out nothing, whatever is true.
 */
function since(field: string, at: number): readonly SearchQuery[] {
  const value = Math.max(0, at);
  return [
    { field, operator: '>', value },
    { field, operator: '=', value },
  ];
}

function or(value: readonly SearchQuery[]): SearchQuery {
  return { operator: 'OR', value };
}

function and(...value: readonly SearchQuery[]): SearchQuery {
  return { operator: 'AND', value };
}

/** Every conversation that the contact takes part in. */
export function conversationsOfContact(contactId: string): Search {
  return {
    query: { field: 'contact_ids', operator: '=', value: contactId },
    perPage: MAX_PER_PAGE,
    cursor: null,
  };
}

/** More entries than this, beside twice what Intercom counts, and its cursors lead round in circles. */
const MAX_REPEATED_ENTRIES = 300;

/** True when so many entries have come that a search of `total` can't go on: it is read in circles. */
export function isEndless(entries: number, total: number | null): boolean {
  return entries > 2 * (total ?? 0) + MAX_REPEATED_ENTRIES;
}

/**
 * All pages of a search that is short enough to be kept in memory. Its end is believed only when as many different
 * entries have come as Intercom counts: a missing cursor, an empty page or one that leads back is no end by itself.
 * @throws AppError of `searchOnePage`, or `intercom_search_incomplete` (worth another try later)
 */
export async function readAllPages<Item extends { readonly id: string }>(
  searchOnePage: (search: Search) => Promise<SearchPage<Item>>,
  search: Search,
): Promise<{ readonly items: readonly Item[]; readonly unreadable: readonly UnreadableEntry[] }> {
  const items: Item[] = [];
  const unreadable: UnreadableEntry[] = [];
  const seen = new Set<string>();
  let nameless = 0;
  let entries = 0;
  let total: number | null = null;
  let cursor = search.cursor;
  do {
    const page: SearchPage<Item> = await searchOnePage({ ...search, cursor });
    const count = page.items.length + page.unreadable.length;
    const foundBefore = seen.size + nameless;
    entries += count;
    for (const item of page.items) if (!seen.has(item.id)) items.push(item);
    for (const entry of page.unreadable) if (entry.id === null || !seen.has(entry.id)) unreadable.push(entry);
    for (const { id } of [...page.items, ...page.unreadable]) {
      if (id === null) nameless += 1;
      else seen.add(id);
    }
    if (page.totalCount !== null) total = Math.max(total ?? 0, page.totalCount);
    // A page that shows nothing new is empty, or the cursors lead round in circles.
    cursor = seen.size + nameless === foundBefore ? null : page.nextCursor;
  } while (cursor !== null && !isEndless(entries, total));
  const found = seen.size + nameless;
  if (total === null || found < total) {
    throw new AppError(
      'intercom_search_incomplete',
      'later',
      `a search ended after ${found} results, but its total_count is ${total ?? 'missing'}`,
    );
  }
  return { items, unreadable };
}
