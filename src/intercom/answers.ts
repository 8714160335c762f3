import { isTimeZone } from '../rules/calendar.js';
import { cutText } from '../rules/text.js';
import { isRecord, readId, recordAt } from './json.js';
import type { SearchPage, UnreadableEntry } from './search.js';

/** A workspace as `GET /me` names it. */
export interface NamedWorkspace {
  readonly id: string;
  /** IANA name; UTC where Intercom names none, or one that is not known here. */
  readonly timeZone: string;
  /** Only there when `timeZone` is that substitute. */
  readonly lacksTimeZone?: true;
}

/**
 * `GET /me` → `app`: the workspace (`id_code`) and its time zone (`timezone`, an IANA name in Intercom's descriptions, null
 * or a name of another kind in some workspaces). Null when the answer doesn't name the workspace.
 */
export function readWorkspace(body: unknown): NamedWorkspace | null {
  const app = recordAt(body, 'app');
  const id = readId(app?.['id_code']);
  if (id === null) return null;
  const timeZone = readText(app?.['timezone'])?.trim() ?? '';
  return isTimeZone(timeZone) ? { id, timeZone } : { id, timeZone: 'UTC', lacksTimeZone: true };
}

/** `GET /admins` → `admins`. Entries without an id are nobody and left out. */
export function readAdmins(
  body: unknown,
): { readonly id: string; readonly name: string | null; readonly email: string | null }[] | null {
  const admins = isRecord(body) ? body['admins'] : null;
  if (!Array.isArray(admins)) return null;
  return admins.flatMap((admin: unknown) => {
    const id = isRecord(admin) ? readId(admin['id']) : null;
    return !isRecord(admin) || id === null
      ? []
      : [{ id, name: readText(admin['name']), email: readText(admin['email']) }];
  });
}

export type ReadEntry<Item> =
  | { readonly kind: 'ok'; readonly item: Item }
  | {
      readonly kind: 'unreadable';
      readonly id: string | null;
      readonly field: string;
      readonly likelyOwnerId: string | null;
    };

/**
 * A page of search results: entries under `key`, the cursor in `pages.next.starting_after`. Null when it is none. An
 * entry that `readOne` can't read is kept by its id and place: a page is never silently shorter than Intercom's. Search
 * names its next page by `starting_after` and nothing else (2.4 and later), so an address or a number there is no cursor.
 */
export function readPage<Item>(
  body: unknown,
  key: string,
  readOne: (raw: unknown) => ReadEntry<Item>,
): SearchPage<Item> | null {
  if (!isRecord(body)) return null;
  const list = body[key];
  if (!Array.isArray(list)) return null;
  const items: Item[] = [];
  const unreadable: UnreadableEntry[] = [];
  for (const [at, raw] of list.entries()) {
    const read = readOne(raw);
    if (read.kind === 'ok') items.push(read.item);
    else {
      const { id, field, likelyOwnerId } = read;
      unreadable.push({ id, place: at + 1, field, likelyOwnerId });
    }
  }
  const next = recordAt(recordAt(body, 'pages'), 'next');
  const nextCursor = readText(next?.['starting_after']);
  return { items, unreadable, totalCount: readCount(body['total_count']), nextCursor };
}

function readCount(value: unknown): number | null {
  const count = typeof value === 'string' && /^\d{1,12}$/.test(value) ? Number(value) : value;
  return typeof count === 'number' && Number.isSafeInteger(count) && count >= 0 ? count : null;
}

function readText(value: unknown): string | null {
  return typeof value === 'string' && value.trim() !== '' ? cutText(value) : null;
}
