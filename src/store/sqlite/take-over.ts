import { inArray, isNotNull } from 'drizzle-orm';
import { lookAfterTakeOver } from '../plan/taken-over.js';
import type { Alive, Beat } from '../ports/replicas.js';
import { inbox, outbox, runs } from './schema.js';
import type { Tables } from './tables.js';

/** Ends the leases of owners that `isDead`, who count no more; the work itself stays where it was. Answers how many. */
export function releaseDeadLeases(tables: Tables, isDead: (owner: string) => boolean): number {
  const { connection, replicas } = tables;
  return connection.transact(() => {
    for (const owner of replicas.owners()) if (isDead(owner)) replicas.remove(owner);
    return endLeases(tables, isDead);
  });
}

/** See {@link ReplicaStore.beat}. */
export function beat(tables: Tables, own: Beat): Alive {
  const { connection, replicas } = tables;
  return connection.transact(() => {
    replicas.beat(own);
    const dead = new Set(replicas.findDead(own.owner, own.nowMs));
    const takenOver = dead.size === 0 ? 0 : takeOver(tables, dead, own.nowMs);
    for (const owner of dead) replicas.remove(owner);
    return { ...replicas.countAlive(own.nowMs), takenOver };
  });
}

function takeOver(tables: Tables, dead: ReadonlySet<string>, nowMs: number): number {
  const { connection, inbox: entries } = tables;
  const isTheirs = inArray(outbox.leaseOwner, [...dead]);
  for (const write of connection.db.select().from(outbox).where(isTheirs).all()) {
    entries.addReread(lookAfterTakeOver(write, nowMs));
  }
  return endLeases(tables, (owner) => dead.has(owner));
}

/** See {@link ReplicaStore.leave}. */
export function leave(tables: Tables, owner: string): void {
  tables.connection.transact(() => {
    endLeases(tables, (other) => other === owner);
    tables.replicas.remove(owner);
  });
}

function endLeases({ connection, bell }: Tables, isDead: (owner: string) => boolean): number {
  const { db } = connection;
  const free = { leaseOwner: null, leaseUntilMs: null };
  let released = 0;
  for (const table of [inbox, outbox, runs]) {
    const owners = db
      .selectDistinct({ owner: table.leaseOwner })
      .from(table)
      .where(isNotNull(table.leaseOwner))
      .all()
      .flatMap(({ owner }) => (owner !== null && isDead(owner) ? [owner] : []));
    if (owners.length === 0) continue;
    const isTheirs = inArray(table.leaseOwner, owners);
    // Dead owners may have come as far as sending.
    if (table === outbox) db.update(outbox).set({ outcomeUnknown: true }).where(isTheirs).run();
    released += db.update(table).set(free).where(isTheirs).run().changes;
  }
  if (released > 0) bell.ring('inbox');
  if (released > 0) bell.ring('writes');
  return released;
}
