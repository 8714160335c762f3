import type { Store } from '../store.js';
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
  inPiece: InPiece,
): Promise<number> {
  const pieces = what === 'all' ? replayAll(tables, inPiece) : replayNamed(tables, what, inPiece);
  let replayed = 0;
  for await (const count of pieces) replayed += count;
  return replayed;
}

const NOTIFICATION = `update inbox set attempts = 0, reason = null, status = 'waiting', due_at_ms = received_at_ms,
  settled_at_ms = null where status = 'parked'`;
const WRITE = `update outbox set attempts = 0, reason = null, state = 'ready', parked_at_ms = null
  where state = 'parked'`;

async function* replayAll(tables: Tables, inPiece: InPiece): AsyncGenerator<number> {
  const { connection } = tables;
  // What fails again meanwhile is parked anew: that belongs to the next time.
  let left = 0;
  await inPiece(() => (left = countParked(tables)));
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
}

async function* replayNamed(
  { connection: { sqlite, transact }, bell }: Tables,
  { notifications = [], writes = [] }: Exclude<Parameters<Store['replay']>[0], 'all'>,
  inPiece: InPiece,
): AsyncGenerator<number> {
  const notification = sqlite.prepare<[number]>(`${NOTIFICATION} and id = ?`);
  const write = sqlite.prepare<[string]>(`${WRITE} and contact_id = ?`);
  yield await inPiece(() =>
    transact(() => {
      const some = [...new Set(notifications)].reduce((sum, id) => sum + notification.run(id).changes, 0);
      const others = [...new Set(writes)].reduce((sum, id) => sum + write.run(id).changes, 0);
      if (some > 0) bell.ring('inbox');
      if (others > 0) bell.ring('writes');
      return some + others;
    }),
  );
}
