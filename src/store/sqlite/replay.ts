import { isNameless } from '../plan/parked-object.js';
import type { Store } from '../ports/store.js';
import type { Subject } from '../ports/subject.js';
import { countParked } from './parked.js';
import type { Tables } from './tables.js';

/** What one transaction may touch: some milliseconds. */
const MAX_ROWS = 500;

type InPiece = (work: () => number) => Promise<number>;

/**
 * Puts parked work back into the flow, due at once, as if it had never been tried. Answers how many. Everything goes in
 * pieces, oldest first, so that an outage's worth of it holds up nobody.
 * @param inPiece runs one transaction, waiting for the lock as long as its asker may wait.
 */
export async function replay(
  tables: Tables,
  what: Parameters<Store['replay']>[0],
  nowMs: number,
  inPiece: InPiece,
): Promise<number> {
  const pieces =
    what === 'all' ? replayAll(tables, nowMs, inPiece) : replayNamed(tables, what, nowMs, inPiece);
  let replayed = 0;
  for await (const count of pieces) replayed += count;
  return replayed;
}

const NOTIFICATION = `update inbox set attempts = 0, reason = null, status = 'waiting', due_at_ms = received_at_ms,
  settled_at_ms = null where status = 'parked'`;
const WRITE = `update outbox set attempts = 0, reason = null, state = 'ready', parked_at_ms = null
  where state = 'parked' and contact_id = ?`;

async function* replayAll(tables: Tables, nowMs: number, inPiece: InPiece): AsyncGenerator<number> {
  const { connection, parkedObjects } = tables;
  const { sqlite } = connection;
  // What fails again meanwhile is parked anew: that belongs to the next time.
  let left = 0;
  await inPiece(() => (left = countParked(sqlite)));
  const notifications = sqlite.prepare<[number]>(
    `${NOTIFICATION} and id in (select id from inbox where status = 'parked' order by settled_at_ms limit ?)`,
  );
  // Of some contacts everything is parked, of others only single attributes.
  const contacts = sqlite
    .prepare<[number, number], string>(
      `select contact_id from (select contact_id from outbox where state = 'parked' order by parked_at_ms limit ?)
       union select contact_id from (select distinct contact_id from writes
         where outcome = 'waiting' and parked_at_ms is not null and contact_id is not null limit ?)`,
    )
    .pluck();
  const replayContacts = (limit: number): number => {
    const some = contacts.all(limit, limit).slice(0, limit);
    for (const contactId of some) replayWrites(tables, contactId, nowMs);
    return some.length;
  };
  for (const [kind, takeSome] of [
    ['inbox', (limit: number) => notifications.run(limit).changes],
    ['writes', replayContacts],
  ] as const) {
    for (let count = 1; count > 0 && left > 0; left -= count) {
      count = await inPiece(() => connection.transact(() => takeSome(Math.min(left, MAX_ROWS))));
      if (count > 0) tables.bell.ring(kind);
      yield count;
      // Webhooks that came meanwhile go first.
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  const objects = (['contact', 'conversation'] as const).flatMap((kind) =>
    parkedObjects.idsOf(kind).map((id) => ({ kind, id })),
  );
  for (let at = 0; at < objects.length; at += MAX_ROWS) {
    const some = objects.slice(at, at + MAX_ROWS);
    yield await inPiece(() => connection.transact(() => readAgain(tables, some, nowMs)));
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Puts back what is parked of one contact, the whole or single attributes. Answers whether there was any. */
function replayWrites({ connection, outbox, writes }: Tables, contactId: string, nowMs: number): boolean {
  const isWhole = connection.sqlite.prepare<[string]>(WRITE).run(contactId).changes > 0;
  if (isWhole) writes.markReplayed(contactId);
  const isAlone = writes.replay(contactId);
  if (isAlone) outbox.putBack(contactId, nowMs);
  return isWhole || isAlone;
}

/** Objects that could not be read are read again by id. */
function readAgain({ inbox, parkedObjects }: Tables, objects: readonly Subject[], nowMs: number): number {
  const parked = objects.filter(({ kind, id }) => parkedObjects.makeDue(kind, id));
  for (const subject of parked) {
    const { kind, id } = subject;
    // The next whole run names it again, if it is still there.
    if (isNameless(id)) parkedObjects.release(kind, id);
    else
      inbox.addReread({
        dedupeKey: `parked:${kind}:${id}:${nowMs}`,
        origin: 'reread',
        subject,
        lane: kind === 'contact' ? id : `conversation:${id}`,
        dueAtMs: nowMs,
      });
  }
  return parked.length;
}

async function* replayNamed(
  tables: Tables,
  { notifications = [], writes = [], objects = [] }: Exclude<Parameters<Store['replay']>[0], 'all'>,
  nowMs: number,
  inPiece: InPiece,
): AsyncGenerator<number> {
  const { bell } = tables;
  const { sqlite, transact } = tables.connection;
  const notification = sqlite.prepare<[number]>(`${NOTIFICATION} and id = ?`);
  yield await inPiece(() =>
    transact(() => {
      const some = [...new Set(notifications)].reduce((sum, id) => sum + notification.run(id).changes, 0);
      const others = [...new Set(writes)].filter((id) => replayWrites(tables, id, nowMs)).length;
      if (some > 0) bell.ring('inbox');
      if (others > 0) bell.ring('writes');
      return some + others + readAgain(tables, objects, nowMs);
    }),
  );
}
