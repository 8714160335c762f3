import type { Store } from '../ports/store.js';
import type { Piece } from '../ports/upkeep.js';
import type { Tables } from './tables.js';

/** What one transaction may delete: some milliseconds. */
const MAX_ROWS = 500;

interface Entry {
  readonly id: number;
  readonly isEnded: 0 | 1;
  readonly isYoung: 0 | 1;
}

export interface InboxPruner {
  readonly prune: (before: Parameters<Store['pruneInbox']>[0]) => Piece;
}

/**
 * Deletes what has long been settled, and with it what kept a notification from being stored twice: by then Intercom has
 * long given up on it. Walks the inbox in the order in which it was filled, from where the last piece ended, and stops
 * at the first entry that is too young: no index is kept for it, and what has to stay is passed over once.
 */
export function createInboxPruner({ connection }: Pick<Tables, 'connection'>): InboxPruner {
  const { sqlite, transact } = connection;
  const some = sqlite.prepare<
    { afterId: number; settledBeforeMs: number; parkedBeforeMs: number; limit: number },
    Entry
  >(
    `select id,
       received_at_ms >= @settledBeforeMs as isYoung,
       has_payload = 0 and case
         when status in ('done', 'ignored') then coalesce(settled_at_ms, received_at_ms) < @settledBeforeMs
         when status = 'parked' then settled_at_ms < @parkedBeforeMs
         else false end as isEnded
     from inbox where id > @afterId order by id limit @limit`,
  );
  const remove = sqlite.prepare<[number]>('delete from inbox where id = ?');
  let afterId = 0;
  return {
    prune: (before) => {
      const entries = some.all({ ...before, afterId, limit: MAX_ROWS });
      // Our own entries carry the time at which they fall due, so a single young one says little.
      const isEnd = entries.length < MAX_ROWS || entries.every(({ isYoung }) => isYoung === 1);
      const ended = entries.filter(({ isEnded }) => isEnded === 1);
      if (ended.length > 0) transact(() => ended.forEach(({ id }) => remove.run(id)));
      afterId = isEnd ? 0 : (entries.at(-1)?.id ?? 0);
      return { erased: ended.length, hasMore: !isEnd };
    },
  };
}

/**
 * Deletes old runs, one by one because each may have thousands of rows of drift: those go first, a piece at a time. The
 * last one of each job that ended well stays, because the next one asks for it; so does an unfinished one.
 */
export function pruneRuns(
  { connection: { sqlite, transact } }: Pick<Tables, 'connection'>,
  { sweepsBeforeMs, othersBeforeMs }: Parameters<Store['pruneRuns']>[0],
): Piece {
  const old = sqlite
    .prepare<[number, number], string>(
      `select id from runs as one
       where status <> 'running' and started_at_ms < case job when 'sweep' then ? else ? end
         and id <> (select id from runs as other where other.job = one.job
           order by (status = 'done' and coalesce(json_extract(params, '$.dryRun'), 0) = 0) desc,
             started_at_ms desc limit 1)
       order by started_at_ms limit 1`,
    )
    .pluck()
    .get(sweepsBeforeMs, othersBeforeMs);
  if (old === undefined) return { erased: 0, hasMore: false };
  return transact(() => {
    const drift = sqlite
      .prepare('delete from drift where rowid in (select rowid from drift where run_id = ? limit ?)')
      .run(old, MAX_ROWS).changes;
    if (drift < MAX_ROWS) sqlite.prepare("delete from runs where id = ? and status <> 'running'").run(old);
    return { erased: drift + 1, hasMore: true };
  });
}
