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

/**
 * Before 2.17 Intercom compares a contact's dates by calendar day in the workspace's time zone, and `>` begins with
 * the next day: two days back, every instant since is in the answer, in any zone.
 */
const DAY_GRANULAR_OVERLAP_SECONDS = 2 * 86_400;

/** All members, oldest first: the order can't change while pages are read, and new members come last. */
export function allMembers(): Search {
  return {
    query: { field: 'role', operator: '=', value: 'user' },
    perPage: PER_PAGE,
    cursor: null,
    sort: { field: 'created_at', order: 'ascending' },
  };
}

/** Members that changed at or after `sinceAt` (Unix seconds), and some that changed up to three days before it. */
export function membersUpdatedSince(sinceAt: number): Search {
  return {
    ...allMembers(),
    query: {
      operator: 'AND',
      value: [
        { field: 'role', operator: '=', value: 'user' },
        { field: 'updated_at', operator: '>', value: sinceAt - DAY_GRANULAR_OVERLAP_SECONDS },
      ],
    },
  };
}

/**
 * Conversations that changed at or after `sinceAt` (Unix seconds). Whether Intercom's `>` includes the instant itself
 * depends on the page one reads, so the instant before is asked for.
 */
export function conversationsChangedSince(sinceAt: number): Search {
  return {
    query: { field: 'updated_at', operator: '>', value: Math.max(0, sinceAt - 1) },
    perPage: PER_PAGE,
    cursor: null,
  };
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
