import { dueOf, NO_LEASE, RANKS } from '../plan/outbox-row.js';
import type { OutboxRow } from '../plan/rows.js';
import type { Lease } from '../ports/leases.js';
import type { LeasedWrite } from '../ports/outbox.js';
import { causeOf, waitingChange, type WriteRow } from '../write-row.js';
import type { Unit } from './database.js';
import type { EngineTime } from './engine-time.js';
import { passGate, tryLockContacts } from './locks.js';
import { readMeta, saveMeta } from './meta.js';
import { ROWS } from './row-sets.js';
import { countAttempts, readyWrites } from './writes.js';

/** Leases contacts with waiting writes; see {@link OutboxStore.leaseWrites}. Those that somebody is at work on come later. */
export async function leaseWrites(unit: Unit, time: EngineTime, request: Lease): Promise<LeasedWrite[]> {
  const { owner, leaseMs, limit, nowMs: callerMs } = request;
  await passGate(unit, 'outbox');
  // After the wait.
  const nowMs = await time.at(unit, callerMs);
  const ids = await tryLockContacts(unit, await findDue(unit, nowMs, limit));
  if (ids.length === 0) return [];
  // Before they were locked somebody may have settled one.
  const rows = await ROWS.outbox.find(
    unit,
    `contact_id = any (@ids) and state = 'ready' and due_at_ms <= @nowMs
       and (lease_owner is null or lease_until_ms <= @nowMs)`,
    { ids, nowMs },
  );
  const rowOf = new Map(rows.map((row) => [row.contactId, row]));
  const ready = await readyWrites(unit, [...rowOf.keys()]);
  let token = (await readMeta(unit, ['lease_token'])).lease_token ?? 0;
  const put: OutboxRow[] = [];
  const removed: string[] = [];
  const leased = ids.flatMap((contactId): LeasedWrite[] => {
    const row = rowOf.get(contactId);
    if (row === undefined) return [];
    const all = ready.filter((write) => write.contactId === contactId);
    if (all.length === 0) {
      removed.push(contactId);
      return [];
    }
    // Whoever held the expired lease may have come as far as sending.
    const outcomeUnknown = row.outcomeUnknown || row.leaseOwner !== null;
    const waiting = all.filter((write) => write.notBeforeMs <= nowMs);
    const newest = waiting.at(-1);
    if (newest === undefined) {
      put.push({ ...row, ...NO_LEASE, outcomeUnknown, dueAtMs: dueOf(all, nowMs) });
      return [];
    }
    token += 1;
    const taken: OutboxRow = {
      ...row,
      leaseOwner: owner,
      leasedAtMs: nowMs,
      leaseUntilMs: nowMs + leaseMs,
      leaseToken: token,
      attempts: row.attempts + 1,
      outcomeUnknown,
    };
    put.push(taken);
    return [leasedWrite(taken, waiting, newest, callerMs + leaseMs)];
  });
  await ROWS.outbox.put(unit, put);
  await unit.run('delete from outbox where contact_id = any (@removed)', { removed });
  if (leased.length === 0) return [];
  await countAttempts(
    unit,
    leased.map(({ contactId }) => contactId),
    nowMs,
  );
  await saveMeta(unit, { lease_token: token });
  return leased;
}

function leasedWrite(
  { contactId, leaseOwner, leaseToken, rank, attempts, outcomeUnknown }: OutboxRow,
  waiting: readonly WriteRow[],
  newest: WriteRow,
  leaseUntilMs: number,
): LeasedWrite {
  return {
    contactId,
    lease: { owner: leaseOwner ?? '', token: leaseToken },
    leaseUntilMs,
    priority: rank === RANKS.soon ? 'soon' : 'sweep',
    changes: waiting.map(waitingChange),
    cause: causeOf(newest),
    attempt: attempts,
    outcomeUnknown,
    queuedAtMs: Math.min(...waiting.map(({ queuedAtMs }) => queuedAtMs)),
  };
}

/** One rank after the other: ordering both in one query would walk past every entry of the first that is not due yet. */
async function findDue(unit: Unit, nowMs: number, limit: number): Promise<string[]> {
  const rows = await unit.rows<{ readonly id: string }>(
    `select due.contact_id as id from unnest(@ranks::bigint[]) with ordinality as of_rank (number, place)
     cross join lateral (
       select contact_id, due_at_ms from outbox
       where state = 'ready' and rank = number and due_at_ms <= @nowMs
         and (lease_owner is null or lease_until_ms <= @nowMs)
       order by due_at_ms limit @limit) as due
     order by place, due_at_ms limit @limit`,
    { ranks: Object.values(RANKS), nowMs, limit },
  );
  return rows.map(({ id }) => id);
}
