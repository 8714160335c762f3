import { queued } from '../plan/outbox-row.js';
import type { OutboxRow } from '../plan/rows.js';
import { isNameless } from '../plan/parked-object.js';
import type { Store } from '../ports/store.js';
import type { Subject } from '../ports/subject.js';
import { ALL_TABLES } from '../tables/all-tables.js';
import type { CoreParts } from './core-parts.js';
import type { Database, Query, Unit } from './database.js';
import { allParkedObjects, makeDue, releaseObjects } from './parked-objects.js';
import { countParked } from './parked.js';
import { createTableRows } from './table-rows.js';

const OUTBOX = createTableRows(ALL_TABLES.outbox, ['contactId']);
/** What one transaction may touch: some milliseconds. */
const MAX_ROWS = 500;
/** A person was told that it is done. */
const DURABLY = { isDurable: true } as const;

type Core = Pick<CoreParts, 'addRereads' | 'lockContacts' | 'ring'>;

/**
 * Puts parked work back into the flow, due at once, as if it had never been tried. Answers how many. Everything goes in
 * pieces, oldest first, so that an outage's worth of it holds up nobody.
 */
export async function replay(
  database: Database,
  core: Core,
  what: Parameters<Store['replay']>[0],
  nowMs: number,
): Promise<number> {
  if (what === 'all') return replayAll(database, core, nowMs);
  const { notifications = [], writes = [], objects = [] } = what;
  return database.unit(async (unit) => {
    const some = await replayNotifications(unit, core, 'id = any (@ids)', { ids: notifications });
    const others = await replayWrites(unit, core, [...new Set(writes)].sort(), nowMs);
    return some + others + (await readAgain(unit, core, objects, nowMs));
  }, DURABLY);
}

async function replayAll(database: Database, core: Core, nowMs: number): Promise<number> {
  // What fails again meanwhile is parked anew: that belongs to the next time.
  let left = await database.read(countParked);
  let replayed = 0;
  const takeNotifications = (unit: Unit, limit: number): Promise<number> =>
    replayNotifications(
      unit,
      core,
      "id in (select id from inbox where status = 'parked' order by settled_at_ms limit @limit for update skip locked)",
      { limit },
    );
  const takeContacts = async (unit: Unit, limit: number): Promise<number> =>
    replayWrites(unit, core, await parkedContacts(unit, limit), nowMs);
  for (const takeSome of [takeNotifications, takeContacts]) {
    for (let count = 1; count > 0 && left > 0; left -= count) {
      const limit = Math.min(left, MAX_ROWS);
      count = await database.unit((unit) => takeSome(unit, limit), DURABLY);
      replayed += count;
    }
  }
  const objects = await database.read(allParkedObjects);
  for (let at = 0; at < objects.length; at += MAX_ROWS) {
    const some = objects.slice(at, at + MAX_ROWS);
    replayed += await database.unit((unit) => readAgain(unit, core, some, nowMs), DURABLY);
  }
  return replayed;
}

async function replayNotifications(
  unit: Unit,
  { ring }: Core,
  isAsked: string,
  values: Parameters<Query['run']>[1],
): Promise<number> {
  const count = await unit.run(
    `update inbox set attempts = 0, reason = null, status = 'waiting', due_at_ms = received_at_ms,
       settled_at_ms = null
     where status = 'parked' and ${isAsked}`,
    values,
  );
  if (count > 0) unit.afterCommit(() => ring('inbox'));
  return count;
}

/** Of some contacts everything is parked, of others only single attributes. In order. */
async function parkedContacts(query: Query, limit: number): Promise<string[]> {
  const rows = await query.rows<{ id: string }>(
    `select id from (
       (select contact_id as id from outbox where state = 'parked' order by parked_at_ms limit @limit)
       union
       (select distinct contact_id from writes
        where outcome = 'waiting' and parked_at_ms is not null and contact_id is not null limit @limit)
     ) as contacts_parked order by id limit @limit`,
    { limit },
  );
  return rows.map(({ id }) => id);
}

/** Puts back what is parked of contacts, the whole or single attributes. Answers of how many there was any. */
async function replayWrites(
  unit: Unit,
  { lockContacts, ring }: Core,
  contactIds: readonly string[],
  nowMs: number,
): Promise<number> {
  if (contactIds.length === 0) return 0;
  await lockContacts(unit, contactIds);
  const known = await OUTBOX.find(unit, 'contact_id = any (@contactIds)', { contactIds });
  const whole = known
    .filter(({ state }) => state === 'parked')
    .map((row) => ({ ...row, attempts: 0, reason: null, state: 'ready' as const, parkedAtMs: null }));
  await unit.run(
    "update writes set is_replayed = true where contact_id = any (@ids) and outcome = 'waiting'",
    { ids: whole.map(({ contactId }) => contactId) },
  );
  const writes = await unit.rows<{ contactId: string }>(
    `update writes set parked_at_ms = null, is_replayed = true, attempts = 0, reason = null
     where contact_id = any (@contactIds) and outcome = 'waiting' and parked_at_ms is not null
     returning contact_id as "contactId"`,
    { contactIds },
  );
  const rows = new Map(known.map((row) => [row.contactId, row]));
  const changed = new Map<string, OutboxRow>(whole.map((row) => [row.contactId, row]));
  for (const { contactId } of writes) {
    const before = changed.get(contactId) ?? rows.get(contactId);
    changed.set(contactId, queued(contactId, before, 'soon', { nowMs, dueAtMs: nowMs }));
  }
  await OUTBOX.put(unit, [...changed.values()]);
  if (changed.size > 0) unit.afterCommit(() => ring('writes'));
  return changed.size;
}

/** Objects that could not be read are read again by id. */
async function readAgain(
  unit: Unit,
  { addRereads }: Core,
  objects: readonly Subject[],
  nowMs: number,
): Promise<number> {
  if (objects.length === 0) return 0;
  const parked = await makeDue(unit, objects);
  // The next whole run names those again that can't be asked for, if they are still there.
  await releaseObjects(
    unit,
    parked.filter(({ id }) => isNameless(id)),
  );
  const rereads = parked
    .filter(({ id }) => !isNameless(id))
    .map((subject) => ({
      dedupeKey: `parked:${subject.kind}:${subject.id}:${nowMs}`,
      origin: 'reread' as const,
      subject,
      lane: subject.kind === 'contact' ? subject.id : `conversation:${subject.id}`,
      dueAtMs: nowMs,
    }));
  await addRereads(unit, rereads);
  return parked.length;
}
