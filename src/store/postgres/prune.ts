import type { Store } from '../ports/store.js';
import type { Piece } from '../ports/upkeep.js';
import type { Database, Query } from './database.js';

/** What one transaction may delete: some milliseconds. */
const MAX_ROWS = 500;

interface Entry {
  readonly id: number;
  readonly isEnded: boolean;
  readonly isYoung: boolean;
}

/**
 * Deletes what has long been settled, and with it what kept a notification from being stored twice: by then Intercom has
 * long given up on it. Walks the inbox in the order in which it was filled, from where the last piece ended, and stops
 * at the first entry that is too young: no index is kept for it, and what has to stay is passed over once.
 */
export function createInboxPruner(database: Database): Store['pruneInbox'] {
  let afterId = 0;
  return async (before) => {
    const entries = await database.read((query) =>
      query.rows<Entry>(
        `select id,
           received_at_ms >= @settledBeforeMs as "isYoung",
           not has_payload and case
             when status in ('done', 'ignored') then coalesce(settled_at_ms, received_at_ms) < @settledBeforeMs
             when status = 'parked' then settled_at_ms < @parkedBeforeMs
             else false end as "isEnded"
         from inbox where id > @afterId order by id limit ${MAX_ROWS}`,
        { ...before, afterId },
      ),
    );
    // Our own entries carry the time at which they fall due, so a single young one says little.
    const isEnd = entries.length < MAX_ROWS || entries.every(({ isYoung }) => isYoung);
    const ids = entries.filter(({ isEnded }) => isEnded).map(({ id }) => id);
    if (ids.length > 0) {
      // A person may have replayed one meanwhile.
      const statement = "delete from inbox where id = any (@ids) and status <> 'waiting'";
      await database.unit((unit) => unit.run(statement, { ids }), { isDurable: false });
    }
    afterId = isEnd ? 0 : (entries.at(-1)?.id ?? 0);
    return { erased: ids.length, hasMore: !isEnd };
  };
}

/**
 * Deletes old runs, one by one because each may have thousands of rows of drift: those go first, a piece at a time. The
 * last one of each job that ended well stays, because the next one asks for it; so does an unfinished one.
 */
export async function pruneRuns(
  unit: Query,
  { sweepsBeforeMs, othersBeforeMs }: Parameters<Store['pruneRuns']>[0],
): Promise<Piece> {
  const [old] = await unit.rows<{ id: string }>(
    `select id from runs as one
     where status <> 'running'
       and started_at_ms < case job when 'sweep' then @sweepsBeforeMs::bigint else @othersBeforeMs::bigint end
       and id <> (select id from runs as other where other.job = one.job
         order by (status = 'done' and (params::json ->> 'dryRun') is distinct from 'true') desc, started_at_ms desc
         limit 1)
     order by started_at_ms limit 1`,
    { sweepsBeforeMs, othersBeforeMs },
  );
  if (old === undefined) return { erased: 0, hasMore: false };
  const drift = await unit.run(
    `delete from drift where run_id = @id and (contact_id, attribute) in
       (select contact_id, attribute from drift where run_id = @id order by contact_id, attribute limit ${MAX_ROWS})`,
    { id: old.id },
  );
  if (drift < MAX_ROWS) await unit.run("delete from runs where id = @id and status <> 'running'", old);
  return { erased: drift + 1, hasMore: true };
}
