import { dueOf, NO_LEASE } from '../plan/outbox-row.js';
import type { OutboxRow } from '../plan/rows.js';
import type { Retry, Settlement } from '../ports/leases.js';
import type { LeasedContact, OutboxStore, WriteFailure } from '../ports/outbox.js';
import type { Query, Unit } from './database.js';
import type { EngineTime } from './engine-time.js';
import { lockObjects } from './locks.js';
import type { Parts } from './parts.js';
import { ROWS } from './row-sets.js';
import { parkWrites, readyWrites, setReason, uncountAttempt } from './writes.js';

/*
 * Contacts that have something to be written: one row, one lease, one request to Intercom for each. A piece of work saves
 * the whole row that it has loaded, so whoever changes one has its contact first.
 */

/** The row while `lease` is its current one. */
export async function findHeldWrite(
  query: Query,
  { contactId, lease: { owner, token } }: LeasedContact,
): Promise<OutboxRow | undefined> {
  const [row] = await ROWS.outbox.find(
    query,
    'contact_id = @contactId and lease_owner = @owner and lease_token = @token',
    { contactId, owner, token },
  );
  return row;
}

/**
 * True while the lease is the current one. In a durable unit it is on disk then: the row is written again, because a
 * commit that has written nothing waits for no disk.
 */
export async function holdsWrite(
  unit: Unit,
  { contactId, lease: { owner, token } }: LeasedContact,
): Promise<boolean> {
  const changed = await unit.run(
    `update outbox set lease_token = lease_token
     where contact_id = @contactId and lease_owner = @owner and lease_token = @token`,
    { contactId, owner, token },
  );
  return changed > 0;
}

/** Answers the contacts whose leases are no longer the current ones. */
export async function renewWrites(
  unit: Unit,
  held: readonly LeasedContact[],
  untilMs: number,
): Promise<string[]> {
  const contactIds = held.map(({ contactId }) => contactId);
  await lockObjects(unit, contactIds);
  const renewed = await unit.rows<{ readonly id: string }>(
    `update outbox set lease_until_ms = @untilMs
     from unnest(@contactIds::text[], @owners::text[], @tokens::bigint[]) as held (id, owner, token)
     where contact_id = id and lease_owner = owner and lease_token = token
     returning id`,
    {
      untilMs,
      contactIds,
      owners: held.map(({ lease }) => lease.owner),
      tokens: held.map(({ lease }) => lease.token),
    },
  );
  const still = new Set(renewed.map(({ id }) => id));
  return contactIds.filter((id) => !still.has(id));
}

export function retryWrite(
  unit: Unit,
  parts: Parts,
  failure: WriteFailure & Retry & { readonly outcomeUnknown: boolean },
): Promise<Settlement> {
  const { contactId, reason, dueAtMs, outcomeUnknown, waitsForIntercom = false } = failure;
  return whileHeld(unit, failure, async (row) => {
    await setReason(unit, contactId, reason);
    if (waitsForIntercom) await uncountAttempt(unit, contactId);
    const attempts = waitsForIntercom ? Math.max(0, row.attempts - 1) : row.attempts;
    const isUnknown = outcomeUnknown || row.outcomeUnknown;
    const due = parts.time.fromCaller(dueAtMs);
    await giveBack(unit, parts, row, { reason, dueAtMs: due, attempts, outcomeUnknown: isUnknown });
  });
}

export function parkChanges(
  unit: Unit,
  parked: Parameters<OutboxStore['parkChanges']>[0],
): Promise<Settlement> {
  return whileHeld(unit, parked, (row) =>
    parkWrites(unit, parked.contactId, parked.changes, row.leasedAtMs ?? 0),
  );
}

export function parkWrite(unit: Unit, parts: Parts, failure: WriteFailure): Promise<Settlement> {
  const { contactId, reason } = failure;
  return whileHeld(unit, failure, async (row) => {
    await setReason(unit, contactId, reason);
    const waiting = await readyWrites(unit, [contactId]);
    const tried = waiting.filter((write) => write.attempts > 0);
    const untried = waiting.filter((write) => write.attempts === 0);
    if (untried.length === 0) {
      return giveBack(unit, parts, row, { state: 'parked', reason, parkedAtMs: row.leasedAtMs });
    }
    // What joined since, or still has to wait because it is fought over, goes on without them.
    const parkedAtMs = row.leasedAtMs ?? 0;
    const changes = tried.map((write) => ({ writeId: write.id, reason }));
    await parkWrites(unit, contactId, changes, parkedAtMs);
    const dueAtMs = dueOf(untried, parkedAtMs);
    return giveBack(unit, parts, row, { state: 'ready', attempts: 0, reason: null, dueAtMs });
  });
}

export function holdWrite(unit: Unit, parts: Parts, held: LeasedContact): Promise<Settlement> {
  return whileHeld(unit, held, (row) => giveBack(unit, parts, row, { state: 'held' }));
}

/** At most `limit` of them. Answers how many. */
export async function releaseHeld(unit: Unit, { bell }: Parts, limit: number): Promise<number> {
  const rows = await unit.rows<{ readonly id: string }>(
    `select contact_id as id from outbox where state = 'held' limit @limit`,
    { limit },
  );
  const ids = rows.map(({ id }) => id);
  await lockObjects(unit, ids);
  const released = await unit.run(
    `update outbox set state = 'ready', attempts = 0 where state = 'held' and contact_id = any (@ids)`,
    { ids },
  );
  if (released > 0) unit.afterCommit(() => bell.ring('writes'));
  return released;
}

export async function nextWriteDueAtMs(query: Query, time: EngineTime): Promise<number | null> {
  const [row] = await query.rows<{ readonly at: number | null }>(
    `select least(
       (select min(due_at_ms) from outbox where state = 'ready' and lease_owner is null),
       (select min(lease_until_ms) from outbox where lease_owner is not null)) as at`,
  );
  return typeof row?.at === 'number' ? time.toCaller(row.at) : null;
}

async function whileHeld(
  unit: Unit,
  held: LeasedContact,
  work: (row: OutboxRow) => Promise<void>,
): Promise<Settlement> {
  await lockObjects(unit, [held.contactId]);
  const row = await findHeldWrite(unit, held);
  if (row === undefined) return 'lease-lost';
  await work(row);
  return 'settled';
}

/** Ends an attempt without success; a change that joined after it began is not to suffer for it. */
async function giveBack(unit: Unit, { bell }: Parts, row: OutboxRow, set: Partial<OutboxRow>): Promise<void> {
  const { contactId, leasedAtMs } = row;
  const waiting = await readyWrites(unit, [contactId]);
  if (waiting.length === 0) {
    await unit.run('delete from outbox where contact_id = @contactId', { contactId });
    return;
  }
  const isUntried = waiting.some((write) => write.attempts === 0 && write.notBeforeMs <= (leasedAtMs ?? 0));
  await ROWS.outbox.put(unit, [{ ...row, ...NO_LEASE, ...set, ...(isUntried ? { state: 'ready' } : {}) }]);
  unit.afterCommit(() => bell.ring('writes'));
}
