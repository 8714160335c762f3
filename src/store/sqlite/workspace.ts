import { randomBytes } from 'node:crypto';
import { inArray, isNotNull } from 'drizzle-orm';
import { lookAfterTakeOver } from '../plan/taken-over.js';
import type { Coach } from '../ports/cache.js';
import type { Alive, Beat } from '../ports/replicas.js';
import type { BoundWorkspace } from '../ports/workspace.js';
import { prepareUpsert } from './prepare-upsert.js';
import { coaches, inbox, outbox, runs } from './schema.js';
import type { Tables } from './tables.js';

/** Ties the database to a workspace once; its time zone may change. See {@link Store.bindWorkspace}. */
export function bindWorkspace({ connection, meta }: Tables, workspace: BoundWorkspace): BoundWorkspace {
  return connection.transact(() => {
    const bound = meta.read('workspace');
    if (bound !== null && bound.id !== workspace.id) return bound;
    meta.save('workspace', workspace);
    return workspace;
  });
}

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

/** Makes it at the first look; where two do that at the same time, the first one's stays. */
export function readFormKey({ connection, meta }: Tables): string {
  return connection.transact(() => {
    const known = meta.read('form_key');
    if (known !== null) return known;
    const made = randomBytes(32).toString('base64url');
    meta.save('form_key', made);
    return made;
  });
}

/** Coaches that Intercom lists no longer stay, because conversations go on naming them. */
export function saveCoaches({ connection, meta }: Tables, listed: readonly Coach[]): void {
  const known = connection.sqlite.prepare<[string, string | null, string | null], 1>(
    'select 1 from coaches where id = ? and name is ? and email is ?',
  );
  const save = prepareUpsert(connection, coaches, [coaches.id]);
  connection.transact(() => {
    const news = listed.filter(({ id, name, email }) => known.get(id, name, email) === undefined);
    for (const { id, name, email } of news) save({ id, name, email });
    if (news.length > 0) meta.renewDataVersion();
  });
}

/** As long as most notifications are: it has to fit into new pages, as they have. */
const PROBE_BYTES = 8192;

/**
 * True when a notification could be stored now and a value be written and read back, the disk taking part.
 */
export function canWrite({ connection, meta }: Tables): boolean {
  const { sqlite, transact } = connection;
  const probe = (meta.read('write_probe') ?? 0) + 1;
  transact(() => {
    sqlite
      .prepare(
        // A number of its own, so that the next notification is numbered as if nobody had asked.
        `insert into inbox (id, origin, dedupe_key, received_at_ms, status, due_at_ms, attempts)
         values (-1, 'webhook', 'probe', 0, 'done', 0, 0)`,
      )
      .run();
    sqlite
      .prepare('insert into payloads (inbox_id, body, size) values (-1, zeroblob(?), 0)')
      .run(PROBE_BYTES);
    sqlite.prepare("delete from inbox where dedupe_key = 'probe'").run();
    meta.save('write_probe', probe);
  });
  // In one piece: a probe may have closed its half of the connection, and then hears of nothing that comes later.
  connection.toDiskNow();
  return meta.read('write_probe') === probe;
}
