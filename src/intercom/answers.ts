import { cutText } from '../rules/text.js';
import { isRecord, readId, recordAt } from './json.js';
import type { SearchPage } from './search.js';

/** `GET /me` → `app`: the workspace and its IANA time zone. Null when the answer doesn't name them. */
export function readWorkspace(body: unknown): { readonly id: string; readonly timeZone: string } | null {
  const app = recordAt(body, 'app');
  const id = readId(app?.['id_code']);
  const timeZone = readText(app?.['timezone']);
  return id === null || timeZone === null ? null : { id, timeZone };
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

/**
 * A page of search results: items under `key`, the cursor in `pages.next.starting_after`. Null when it is none, or
 * when `readOne` can't read one of its items: a page is never silently shorter than Intercom's.
 */
export function readPage<Item>(
  body: unknown,
  key: string,
  readOne: (raw: unknown) => Item | null,
): SearchPage<Item> | null {
  if (!isRecord(body)) return null;
  const { [key]: list, total_count: totalCount } = body;
  if (!Array.isArray(list) || typeof totalCount !== 'number') return null;
  const items: Item[] = [];
  for (const raw of list) {
    const item = readOne(raw);
    if (item === null) return null;
    items.push(item);
  }
  const next = recordAt(recordAt(body, 'pages'), 'next');
  return { items, totalCount, nextCursor: readText(next?.['starting_after']) };
}

function readText(value: unknown): string | null {
  return typeof value === 'string' && value.trim() !== '' ? cutText(value) : null;
}
