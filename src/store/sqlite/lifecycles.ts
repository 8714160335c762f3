import { eq } from 'drizzle-orm';
import type { LifecycleRow } from '../plan/rows.js';
import type { Subject } from '../ports/subject.js';
import type { Connection } from './connection.js';
import { prepareRows } from './prepare-rows.js';
import { prepareUpsert } from './prepare-upsert.js';
import { lifecycles } from './schema.js';

/** What became of objects that were archived, deleted or merged; one without a row is simply there. */
export interface Lifecycles {
  readonly find: (kind: LifecycleRow['kind'], id: string) => LifecycleRow | undefined;
  readonly record: (row: LifecycleRow) => void;
  readonly forget: (subject: Subject) => void;
  /** Who was merged into this contact, directly or by way of others. */
  readonly absorbedBy: (survivorId: string) => string[];
  /** Contacts merged into `fromId` count as merged into `toId` from now on. */
  readonly repoint: (fromId: string, toId: string) => void;
}

export function createLifecycles(connection: Connection): Lifecycles {
  const { db, sqlite } = connection;
  const forget = sqlite.prepare<[string, string]>('delete from lifecycles where kind = ? and id = ?');
  const one = prepareRows(
    connection,
    lifecycles,
    (columns, table) => `select ${columns} from ${table} where kind = ? and id = ?`,
  );
  const find: Lifecycles['find'] = (kind, id) => one.get(kind, id);

  return {
    find,
    record: prepareUpsert(connection, lifecycles, [lifecycles.kind, lifecycles.id]),
    forget: ({ kind, id }) => {
      forget.run(kind, id);
    },
    absorbedBy: (survivorId) =>
      db
        .select({ id: lifecycles.id })
        .from(lifecycles)
        .where(eq(lifecycles.mergedIntoId, survivorId))
        .all()
        .map((row) => row.id),
    repoint: (fromId, toId) => {
      db.update(lifecycles).set({ mergedIntoId: toId }).where(eq(lifecycles.mergedIntoId, fromId)).run();
    },
  };
}
