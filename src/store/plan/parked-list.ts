import type { MaintainedAttribute } from '../../rules/vocabulary.js';
import { PARKED_PLACE, type ParkedItem } from '../ports/queries.js';

/** Items of one page where none is said. */
export const PARKED_LIMIT = 1000;

/** Where a page of the list of what is parked goes on: by time, kind and id. */
export interface ParkedPlace {
  readonly sinceMs: number;
  readonly kind: ParkedItem['kind'];
  readonly id: string;
  /** Behind which number the notifications of that very moment go on. */
  readonly afterNumber: number;
  /** The same for the contact ids of writes … */
  readonly afterContactId: string;
  /** … and for objects, kind and id. */
  readonly afterObject: readonly [kind: string, id: string];
}

/** A notification, or the writes of one contact, as a query finds them. */
export interface ParkedRow {
  readonly id: string | number;
  readonly topic: string | null;
  readonly reason: string | null;
  readonly attempts: number;
  readonly sinceMs: number | null;
}

/** What waits for one contact. */
interface ParkedWrite {
  readonly attribute: MaintainedAttribute;
  readonly parkedAtMs: number | null;
  readonly reason: string | null;
}

/** A text that is no place means the beginning. */
export function readParkedPlace(after: string | null): ParkedPlace {
  const [, since, text, id = ''] = PARKED_PLACE.exec(after ?? '') ?? [];
  const kind = since !== undefined && isParkedKind(text) ? text : 'notification';
  const number = since === undefined ? -1 : Number(id);
  const isObject = kind === 'contact' || kind === 'conversation';
  return {
    sinceMs: since === undefined ? -1 : Number(since),
    kind,
    id,
    afterNumber: kind === 'notification' && Number.isSafeInteger(number) ? number : Number.MAX_SAFE_INTEGER,
    afterContactId: afterContactId(kind, id),
    afterObject: isObject ? [kind, id] : ['', ''],
  };
}

/** Behind all of them where the place is an object. */
function afterContactId(kind: ParkedItem['kind'], id: string): string {
  if (kind === 'write') return id;
  return kind === 'notification' ? '' : '\uffff';
}

function isParkedKind(text: string | undefined): text is ParkedItem['kind'] {
  return text === 'notification' || text === 'write' || text === 'contact' || text === 'conversation';
}

/** One for each contact: of some only single attributes are parked (`isWhole` false), of some everything. */
export function parkedWriteItem(
  row: ParkedRow,
  waiting: readonly ParkedWrite[],
  isWhole: boolean,
): ParkedItem {
  const ownReasons = waiting.flatMap((write) =>
    write.parkedAtMs === null || write.reason === null ? [] : [write.reason],
  );
  const reasons = row.reason === null ? ownReasons : [row.reason, ...ownReasons];
  const parked = waiting.filter((write) => isWhole || write.parkedAtMs !== null);
  return {
    ...shared(row),
    kind: 'write',
    attributes: parked.map((write) => write.attribute),
    reason: [...new Set(reasons)].join('; '),
  };
}

export function parkedNotificationItem(row: ParkedRow): ParkedItem {
  return { ...shared(row), kind: 'notification', attributes: [] };
}

function shared({
  id,
  topic,
  reason,
  attempts,
  sinceMs,
}: ParkedRow): Omit<ParkedItem, 'kind' | 'attributes'> {
  return { id: String(id), topic, reason: reason ?? '', attempts, sinceMs: sinceMs ?? 0 };
}

/**
 * The page, oldest first; of one moment notifications by number, then writes by contact, then objects that can't be read.
 * Each list is in this order already and as long as the page.
 */
export function mergeParked(
  lists: {
    readonly notifications: readonly ParkedItem[];
    readonly writes: readonly ParkedItem[];
    readonly objects: readonly ParkedItem[];
  },
  limit: number,
): ParkedItem[] {
  const writes = lists.writes.toSorted(
    (one, other) => one.sinceMs - other.sinceMs || (one.id < other.id ? -1 : 1),
  );
  return [...lists.notifications, ...writes, ...lists.objects]
    .sort((one, other) => one.sinceMs - other.sinceMs)
    .slice(0, limit);
}
