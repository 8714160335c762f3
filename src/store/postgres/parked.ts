import {
  PARKED_LIMIT,
  parkedNotificationItem,
  mergeParked,
  parkedWriteItem,
  readParkedPlace,
  type ParkedRow,
} from '../plan/parked-list.js';
import type { ParkedItem } from '../ports/queries.js';
import { ALL_TABLES } from '../tables/all-tables.js';
import type { Query } from './database.js';
import { listParkedObjects } from './parked-objects.js';
import { createTableRows } from './table-rows.js';

const WRITES = createTableRows(ALL_TABLES.writes, ['id']);

/**
 * What waits for a person, oldest first. Each kind is walked along its own index no further than the page reaches. See
 * {@link QueryStore.parked}.
 */
export async function listParked(
  query: Query,
  { limit = PARKED_LIMIT, after = null }: { readonly limit?: number; readonly after?: string | null } = {},
): Promise<ParkedItem[]> {
  const place = readParkedPlace(after);
  const { sinceMs, afterNumber, afterContactId } = place;
  const notifications = await query.rows<ParkedRow>(
    `select id, topic, reason, attempts, settled_at_ms as "sinceMs" from inbox
     where status = 'parked' and (settled_at_ms, id) > (@sinceMs, @afterNumber)
     order by settled_at_ms, id limit @limit`,
    { sinceMs, afterNumber, limit },
  );
  const whole = await query.rows<ParkedRow>(
    `select contact_id as id, null as topic, reason, attempts, parked_at_ms as "sinceMs"
     from outbox where state = 'parked' and (parked_at_ms, contact_id) > (@sinceMs, @afterContactId)
     order by parked_at_ms, contact_id limit @limit`,
    { sinceMs, afterContactId, limit },
  );
  const alone = await query.rows<ParkedRow>(
    `select contact_id as id, null as topic, null as reason, max(attempts) as attempts,
       min(parked_at_ms) as "sinceMs"
     from writes where outcome = 'waiting' and parked_at_ms is not null and contact_id is not null
       and not exists (select 1 from outbox where state = 'parked' and outbox.contact_id = writes.contact_id)
     group by contact_id having (min(parked_at_ms), contact_id) > (@sinceMs, @afterContactId)
     order by min(parked_at_ms), contact_id limit @limit`,
    { sinceMs, afterContactId, limit },
  );
  const waiting = await WRITES.find(query, "contact_id = any (@ids) and outcome = 'waiting' order by id", {
    ids: [...whole, ...alone].map(({ id }) => String(id)),
  });
  const ofContact = Map.groupBy(waiting, ({ contactId }) => contactId);
  const itemOf = (row: ParkedRow, isWhole: boolean): ParkedItem =>
    parkedWriteItem(row, ofContact.get(String(row.id)) ?? [], isWhole);
  return mergeParked(
    {
      notifications: notifications.map(parkedNotificationItem),
      writes: [...whole.map((row) => itemOf(row, true)), ...alone.map((row) => itemOf(row, false))],
      objects: await listParkedObjects(query, place, limit),
    },
    limit,
  );
}

export async function countParked(query: Query): Promise<number> {
  const [row] = await query.rows<{ count: number }>(
    `select (select count(*) from inbox where status = 'parked')
          + (select count(*) from (
              select contact_id from outbox where state = 'parked'
              union select contact_id from writes where outcome = 'waiting' and parked_at_ms is not null
            ) as contacts_parked)
          + (select count(*) from parked_objects) as count`,
  );
  return row?.count ?? 0;
}
