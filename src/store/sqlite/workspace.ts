import type { Coach } from '../ports/cache.js';
import type { BoundWorkspace } from '../ports/workspace.js';
import { prepareUpsert } from './prepare-upsert.js';
import { coaches } from './schema.js';
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
