import type Database from 'better-sqlite3';
import {
  PARKED_LIMIT,
  parkedNotificationItem,
  mergeParked,
  parkedWriteItem,
  readParkedPlace,
  type ParkedRow,
} from '../plan/parked-list.js';
import type { ParkedItem } from '../ports/queries.js';
import type { Tables } from './tables.js';

/** What it is read from, by the store or by a command that only looks. */
export interface ParkedTables {
  readonly sqlite: Database.Database;
  readonly parkedObjects: Pick<Tables['parkedObjects'], 'list'>;
  readonly writes: Pick<Tables['writes'], 'waiting'>;
}

/**
 * What waits for a person, oldest first; of one moment notifications by number, then writes by contact, then objects that
 * can't be read. Each kind is walked along its own index no further than the page reaches. See {@link QueryStore.parked}.
 */
export function listParked(
  { sqlite, parkedObjects, writes }: ParkedTables,
  { limit = PARKED_LIMIT, after = null }: { readonly limit?: number; readonly after?: string | null } = {},
): ParkedItem[] {
  const place = readParkedPlace(after);
  const notifications = sqlite
    .prepare<[number, number, number], ParkedRow>(
      `select id, topic, reason, attempts, settled_at_ms as sinceMs from inbox
       where status = 'parked' and (settled_at_ms, id) > (?, ?) order by settled_at_ms, id limit ?`,
    )
    .all(place.sinceMs, place.afterNumber, limit);
  const whole = sqlite
    .prepare<[number, string, number], ParkedRow>(
      `select contact_id as id, null as topic, reason, attempts, parked_at_ms as sinceMs
       from outbox where state = 'parked' and (parked_at_ms, contact_id) > (?, ?)
       order by parked_at_ms, contact_id limit ?`,
    )
    .all(place.sinceMs, place.afterContactId, limit);
  const alone = sqlite
    .prepare<[number, string, number], ParkedRow>(
      `select contact_id as id, null as topic, null as reason, max(attempts) as attempts,
         min(parked_at_ms) as sinceMs
       from writes where outcome = 'waiting' and parked_at_ms is not null
         and contact_id not in (select contact_id from outbox where state = 'parked')
       group by contact_id having (min(parked_at_ms), contact_id) > (?, ?)
       order by sinceMs, contact_id limit ?`,
    )
    .all(place.sinceMs, place.afterContactId, limit);
  const writesOf = (row: ParkedRow) => writes.waiting(String(row.id));
  return mergeParked(
    {
      notifications: notifications.map(parkedNotificationItem),
      writes: [
        ...whole.map((row) => parkedWriteItem(row, writesOf(row), true)),
        ...alone.map((row) => parkedWriteItem(row, writesOf(row), false)),
      ],
      objects: parkedObjects.list(place, limit),
    },
    limit,
  );
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
