import type { Alive, Beat } from '../ports/replicas.js';
import { lookAfterTakeOver, MAX_DEAD } from '../plan/taken-over.js';
import type { CoreParts } from './core-parts.js';
import type { Query, Unit } from './database.js';
import { lockObjects } from './locks.js';

/** What ending leases needs: whoever may take the work now is woken after the commit. */
type Ending = Pick<CoreParts, 'ring'>;

/** See {@link ReplicaStore.beat}. */
export async function beat(
  unit: Unit,
  { time, ring, addRereads }: Pick<CoreParts, 'time' | 'ring' | 'addRereads'>,
  { owner, role, nowMs: callerMs, aliveForMs }: Beat,
): Promise<Alive> {
  const nowMs = await time.at(unit, callerMs);
  await unit.run(
    `insert into replicas (owner, role, started_at_ms, last_beat_at_ms, alive_until_ms)
     values (@owner, @role, @nowMs, @nowMs, @untilMs)
     on conflict (owner) do update set role = excluded.role, last_beat_at_ms = excluded.last_beat_at_ms,
       alive_until_ms = excluded.alive_until_ms`,
    { owner, role, nowMs, untilMs: nowMs + aliveForMs },
  );
  // One that is just saying that it is at work, or is looked at by another process, is left alone.
  const dead = await unit.rows<{ readonly owner: string }>(
    `select owner from replicas where alive_until_ms <= @nowMs and owner <> @owner
     order by alive_until_ms limit @most for update skip locked`,
    { nowMs, owner, most: MAX_DEAD },
  );
  const owners = dead.map((row) => row.owner);
  if (owners.length === 0) return { ...(await countAlive(unit, nowMs)), takenOver: 0 };
  const writes = await unit.rows<{ readonly contactId: string; readonly leaseToken: number }>(
    `select contact_id as "contactId", lease_token as "leaseToken" from outbox
     where lease_owner = any (@owners) order by contact_id`,
    { owners },
  );
  const takenOver = await endLeases(unit, ring, owners);
  await addRereads(
    unit,
    writes.map((write) => lookAfterTakeOver(write, nowMs)),
  );
  await remove(unit, owners);
  return { ...(await countAlive(unit, nowMs)), takenOver };
}

/** See {@link ReplicaStore.leave}. */
export async function leave(unit: Unit, { ring }: Ending, owner: string): Promise<void> {
  await endLeases(unit, ring, [owner]);
  await remove(unit, [owner]);
}

/** Ends the leases of owners that `isDead`, who count no more; the work itself stays where it was. Answers how many. */
export async function releaseDeadLeases(
  unit: Unit,
  { ring }: Ending,
  isDead: (owner: string) => boolean,
): Promise<number> {
  const found = await unit.rows<{ readonly owner: string }>(
    `select lease_owner as owner from inbox where lease_owner is not null
     union select lease_owner from outbox where lease_owner is not null
     union select lease_owner from runs where lease_owner is not null
     union select owner from replicas`,
  );
  const owners = found.flatMap(({ owner }) => (isDead(owner) ? [owner] : []));
  if (owners.length === 0) return 0;
  const released = await endLeases(unit, ring, owners);
  await remove(unit, owners);
  return released;
}

export async function countAlive(query: Query, nowMs: number): Promise<Omit<Alive, 'takenOver'>> {
  const [count] = await query.rows<Omit<Alive, 'takenOver'>>(
    `select count(*) filter (where role = 'service') as services, count(*) as processes
     from replicas where alive_until_ms > @nowMs`,
    { nowMs },
  );
  return count ?? { services: 0, processes: 0 };
}

async function remove(unit: Unit, owners: readonly string[]): Promise<void> {
  await unit.run('delete from replicas where owner = any (@owners)', { owners });
}

async function endLeases(unit: Unit, ring: Ending['ring'], owners: readonly string[]): Promise<number> {
  const free = 'lease_owner = null, lease_until_ms = null';
  const isTheirs = 'lease_owner = any (@owners)';
  let released = await unit.run(`update inbox set ${free} where ${isTheirs}`, { owners });
  const contacts = await unit.rows<{ readonly id: string }>(
    `select contact_id as id from outbox where ${isTheirs}`,
    { owners },
  );
  await lockObjects(
    unit,
    contacts.map(({ id }) => id),
  );
  // Dead owners may have come as far as sending.
  released += await unit.run(`update outbox set ${free}, outcome_unknown = true where ${isTheirs}`, {
    owners,
  });
  released += await unit.run(`update runs set ${free} where ${isTheirs}`, { owners });
  if (released > 0) {
    unit.afterCommit(() => {
      ring('inbox');
      ring('writes');
    });
  }
  return released;
}
