import type { ParkedPlace } from './parked-objects.js';
import type Database from 'better-sqlite3';
import { PARKED_PLACE, type ParkedItem } from '../ports/queries.js';
import type { Tables } from './tables.js';
import type { WriteRow } from '../write-row.js';

/** What it is read from, by the store or by a command that only looks. */
export interface ParkedTables {
  readonly sqlite: Database.Database;
  readonly parkedObjects: Pick<Tables['parkedObjects'], 'list'>;
  readonly writes: Pick<Tables['writes'], 'waiting'>;
}

const DEFAULT_LIMIT = 1000;

interface ParkedRow {
  readonly kind: ParkedItem['kind'];
  readonly id: string | number;
  readonly topic: string | null;
  readonly reason: string | null;
  readonly attempts: number;
  readonly sinceMs: number | null;
}

/**
 * What waits for a person, oldest first; of one moment notifications by number, then writes by contact, then objects that
 * can't be read. Each kind is walked along its own index no further than the page reaches. See {@link QueryStore.parked}.
 */
export function listParked(
  { sqlite, parkedObjects, writes }: ParkedTables,
  { limit = DEFAULT_LIMIT, after = null }: { readonly limit?: number; readonly after?: string | null } = {},
): ParkedItem[] {
  const place = readPlace(after);
  const notifications = sqlite
    .prepare<[number, number, number], ParkedRow>(
      `select 'notification' as kind, id, topic, reason, attempts, settled_at_ms as sinceMs from inbox
       where status = 'parked' and (settled_at_ms, id) > (?, ?) order by settled_at_ms, id limit ?`,
    )
    .all(place.sinceMs, place.kind === 'notification' ? place.number : Number.MAX_SAFE_INTEGER, limit);
  const whole = sqlite
    .prepare<[number, string, number], ParkedRow>(
      `select 'write' as kind, contact_id as id, null as topic, reason, attempts, parked_at_ms as sinceMs
       from outbox where state = 'parked' and (parked_at_ms, contact_id) > (?, ?)
       order by parked_at_ms, contact_id limit ?`,
    )
    .all(place.sinceMs, afterWrite(place), limit);
  const alone = sqlite
    .prepare<[number, string, number], ParkedRow>(
      `select 'write' as kind, contact_id as id, null as topic, null as reason, max(attempts) as attempts,
         min(parked_at_ms) as sinceMs
       from writes where outcome = 'waiting' and parked_at_ms is not null
         and contact_id not in (select contact_id from outbox where state = 'parked')
       group by contact_id having (min(parked_at_ms), contact_id) > (?, ?)
       order by sinceMs, contact_id limit ?`,
    )
    .all(place.sinceMs, afterWrite(place), limit);
  const contacts = [
    ...whole.map((row) => writeItem(row, writes.waiting(String(row.id)), true)),
    ...alone.map((row) => writeItem(row, writes.waiting(String(row.id)), false)),
  ].sort((one, other) => one.sinceMs - other.sinceMs || (one.id < other.id ? -1 : 1));
  const objects = parkedObjects.list(place, limit);
  const items = notifications.map((row) => ({ ...shared(row), kind: row.kind, attributes: [] }));
  return [...items, ...contacts, ...objects]
    .sort((one, other) => one.sinceMs - other.sinceMs)
    .slice(0, limit);
}

/** One for each contact: of some only single attributes are parked (`isWhole` false), of some everything. */
function writeItem(row: ParkedRow, waiting: readonly WriteRow[], isWhole: boolean): ParkedItem {
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

function shared(row: ParkedRow): Omit<ParkedItem, 'kind' | 'attributes'> {
  const { topic, reason, attempts, sinceMs } = row;
  return { id: String(row.id), topic, reason: reason ?? '', attempts, sinceMs: sinceMs ?? 0 };
}

export function countParked(sqlite: Database.Database): number {
  const count = sqlite
    .prepare<[], number>(
      `select (select count(*) from inbox where status = 'parked')
            + (select count(*) from (
                select contact_id from outbox where state = 'parked'
                union select contact_id from writes where outcome = 'waiting' and parked_at_ms is not null
              ))
            + (select count(*) from parked_objects)`,
    )
    .pluck()
    .get();
  return count ?? 0;
}

/** Behind which contact id the writes of that very moment go on; behind all of them where the place is an object. */
function afterWrite({ kind, id }: ParkedPlace): string {
  if (kind === 'write') return id;
  return kind === 'notification' ? '' : '\uffff';
}

/** A text that is no place means the beginning. */
function readPlace(after: string | null): ParkedPlace {
  const [, sinceMs, kind, id = ''] = PARKED_PLACE.exec(after ?? '') ?? [];
  if (sinceMs === undefined) return { sinceMs: -1, kind: 'notification', id: '', number: -1 };
  return {
    sinceMs: Number(sinceMs),
    kind: isParkedKind(kind) ? kind : 'notification',
    id,
    number: Number(id),
  };
}

function isParkedKind(text: string | undefined): text is ParkedItem['kind'] {
  return text === 'notification' || text === 'write' || text === 'contact' || text === 'conversation';
}
