import type Database from 'better-sqlite3';
import { PARKED_PLACE, type ParkedItem } from '../look-store.js';
import type { Tables } from './tables.js';

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
 * can't be read. Each of the three tables is walked along its own index no further than the page reaches. See
 * {@link LookStore.parked}.
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
  const contacts = sqlite
    .prepare<[number, string, number], ParkedRow>(
      `select 'write' as kind, contact_id as id, null as topic, reason, attempts, parked_at_ms as sinceMs
       from outbox where state = 'parked' and (parked_at_ms, contact_id) > (?, ?)
       order by parked_at_ms, contact_id limit ?`,
    )
    .all(place.sinceMs, afterWrite(place), limit);
  const objects = parkedObjects.list(place, limit);
  const others = [...notifications, ...contacts].map((row) => ({
    kind: row.kind,
    id: String(row.id),
    topic: row.topic,
    attributes: row.kind === 'write' ? writes.waiting(String(row.id)).map((write) => write.attribute) : [],
    reason: row.reason ?? '',
    attempts: row.attempts,
    sinceMs: row.sinceMs ?? 0,
  }));
  return [...others, ...objects].sort((one, other) => one.sinceMs - other.sinceMs).slice(0, limit);
}

export function countParked(sqlite: Database.Database): number {
  const count = sqlite
    .prepare<[], number>(
      `select (select count(*) from inbox where status = 'parked')
            + (select count(*) from outbox where state = 'parked')
            + (select count(*) from parked_objects)`,
    )
    .pluck()
    .get();
  return count ?? 0;
}

/** Behind which contact id the writes of that very moment go on; behind all of them where the place is an object. */
function afterWrite({ kind, id }: Place): string {
  if (kind === 'write') return id;
  return kind === 'notification' ? '' : '\uffff';
}

export interface Place {
  readonly sinceMs: number;
  readonly kind: ParkedItem['kind'];
  readonly id: string;
  readonly number: number;
}

/** A text that is no place means the beginning. */
function readPlace(after: string | null): Place {
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
