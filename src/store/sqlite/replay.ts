import type { Store, Subject } from '../store.js';
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
  where state = 'parked'`;

async function* replayAll(tables: Tables, nowMs: number, inPiece: InPiece): AsyncGenerator<number> {
  const { connection, parkedObjects } = tables;
  // What fails again meanwhile is parked anew: that belongs to the next time.
  let left = 0;
  await inPiece(() => (left = countParked(connection.sqlite)));
  const notifications = connection.sqlite.prepare<[number]>(
    `${NOTIFICATION} and id in (select id from inbox where status = 'parked' order by settled_at_ms limit ?)`,
  );
  const writes = connection.sqlite.prepare<[number]>(
    `${WRITE} and contact_id in (select contact_id from outbox where state = 'parked' order by parked_at_ms limit ?)`,
  );
  for (const [kind, some] of [
    ['inbox', notifications],
    ['writes', writes],
  ] as const) {
    for (let count = 1; count > 0 && left > 0; left -= count) {
      count = await inPiece(() => connection.transact(() => some.run(Math.min(left, MAX_ROWS)).changes));
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

/** Objects that could not be read are read again by id. */
function readAgain({ inbox, parkedObjects }: Tables, objects: readonly Subject[], nowMs: number): number {
  const parked = objects.filter(({ kind, id }) => parkedObjects.makeDue(kind, id));
  for (const subject of parked) {
    const { kind, id } = subject;
    // One without an id can't be asked for: the next whole run names it again, if it is still there.
    if (id.startsWith('#')) parkedObjects.release(kind, id);
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
  const write = sqlite.prepare<[string]>(`${WRITE} and contact_id = ?`);
  yield await inPiece(() =>
    transact(() => {
      const some = [...new Set(notifications)].reduce((sum, id) => sum + notification.run(id).changes, 0);
      const others = [...new Set(writes)].reduce((sum, id) => sum + write.run(id).changes, 0);
      if (some > 0) bell.ring('inbox');
      if (others > 0) bell.ring('writes');
      return some + others + readAgain(tables, objects, nowMs);
    }),
  );
}
