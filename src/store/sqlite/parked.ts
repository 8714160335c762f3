import { PARKED_PLACE, type ParkedItem } from '../look-store.js';
import type { Tables } from './tables.js';

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
 * What waits for a person, oldest first; of one moment notifications by number, then writes by contact. Each of the two
 * tables is walked along its own index no further than the page reaches. See {@link LookStore.parked}.
 */
export function listParked(
  { connection, writes }: Tables,
  { limit = DEFAULT_LIMIT, after = null }: { readonly limit?: number; readonly after?: string | null } = {},
): ParkedItem[] {
  const { sqlite } = connection;
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
    .all(place.sinceMs, place.kind === 'write' ? place.id : '', limit);
  return [...notifications, ...contacts]
    .sort((one, other) => (one.sinceMs ?? 0) - (other.sinceMs ?? 0))
    .slice(0, limit)
    .map((row) => ({
      kind: row.kind,
      id: String(row.id),
      topic: row.topic,
      attributes: row.kind === 'write' ? writes.waiting(String(row.id)).map((write) => write.attribute) : [],
      reason: row.reason ?? '',
      attempts: row.attempts,
      sinceMs: row.sinceMs ?? 0,
    }));
}

export function countParked({ connection }: Tables): number {
  const count = connection.sqlite
    .prepare<[], number>(
      `select (select count(*) from inbox where status = 'parked')
            + (select count(*) from outbox where state = 'parked')`,
    )
    .pluck()
    .get();
  return count ?? 0;
}

interface Place {
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
    kind: kind === 'write' ? 'write' : 'notification',
    id,
    number: Number(id),
  };
}
