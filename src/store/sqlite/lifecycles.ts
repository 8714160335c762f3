import { and, eq, sql } from 'drizzle-orm';
import type { Connection } from './connection.js';
import { prepareUpsert } from './prepare-upsert.js';
import { lifecycles } from './schema.js';

type Lifecycle = typeof lifecycles.$inferSelect;
type Kind = Lifecycle['kind'];

/** What became of objects that were archived, deleted or merged; one without a row is simply there. */
export interface Lifecycles {
  readonly find: (kind: Kind, id: string) => Lifecycle | undefined;
  readonly record: (lifecycle: Lifecycle) => void;
  readonly forget: (kind: Kind, id: string) => void;
  /** The contact that stands for `id` now: the survivor where it was merged, else itself. */
  readonly survivorOf: (id: string) => string;
  /** Who was merged into this contact, directly or by way of others. */
  readonly absorbedBy: (survivorId: string) => string[];
  /** Contacts merged into `fromId` count as merged into `toId` from now on. */
  readonly repoint: (fromId: string, toId: string) => void;
}

export function createLifecycles(connection: Connection): Lifecycles {
  const { db } = connection;
  const one = db
    .select()
    .from(lifecycles)
    .where(and(eq(lifecycles.kind, sql.placeholder('kind')), eq(lifecycles.id, sql.placeholder('id'))))
    .prepare();
  const find: Lifecycles['find'] = (kind, id) => one.get({ kind, id });

  return {
    find,
    record: prepareUpsert(connection, lifecycles, [lifecycles.kind, lifecycles.id]),
    forget: (kind, id) => {
      db.delete(lifecycles)
        .where(and(eq(lifecycles.kind, kind), eq(lifecycles.id, id)))
        .run();
    },
    survivorOf: (id) => find('contact', id)?.mergedIntoId ?? id,
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
