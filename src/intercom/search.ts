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
  /** Over all pages. */
  readonly totalCount: number;
  /** Opaque cursor of the next page; null on the last one. */
  readonly nextCursor: string | null;
}

/** The most that Intercom gives at once. */
const PER_PAGE = 150;

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
  return { query: or(since('updated_at', sinceAt)), perPage: PER_PAGE, cursor: null };
}

/**
 * Conversations closed at or after `sinceAt` (Unix seconds), and perhaps some closed earlier on that day. Asked beside
 * `updated_at`, which does not move with every change.
 */
export function conversationsClosedSince(sinceAt: number): Search {
  return { query: or(since('statistics.last_close_at', sinceAt)), perPage: PER_PAGE, cursor: null };
}

function members(): Search {
  return { query: { field: 'role', operator: '=', value: 'user' }, perPage: PER_PAGE, cursor: null };
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
    perPage: PER_PAGE,
    cursor: null,
  };
}

/**
 * The pages of a search, one after the other, as they are asked for. Ends at the last page, and also where a cursor
 * comes again or a page is empty, because Intercom's cursors can then lead round in circles.
 * @throws AppError of `searchOnePage`
 */
export async function* pagesOf<Item>(
  searchOnePage: (search: Search) => Promise<SearchPage<Item>>,
  search: Search,
): AsyncGenerator<SearchPage<Item>> {
  const seen = new Set<string>();
  let cursor = search.cursor;
  do {
    if (cursor !== null) seen.add(cursor);
    const page = await searchOnePage({ ...search, cursor });
    yield page;
    cursor = page.items.length === 0 ? null : page.nextCursor;
  } while (cursor !== null && !seen.has(cursor));
}
