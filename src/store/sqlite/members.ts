import { and, asc, count, eq, isNotNull, lte, min, sql } from 'drizzle-orm';
import type { MemberRow } from '../plan/rows.js';
import type { Connection } from './connection.js';
import { prepareRows } from './prepare-rows.js';
import { prepareUpsert, type Upsert } from './prepare-upsert.js';
import { contacts, members } from './schema.js';

/** What the rules said last of each live contact with role user. */
export interface Members {
  readonly find: (contactId: string) => MemberRow | undefined;
  /** The contact id of the member with this User ID. */
  readonly idByUserId: (userId: string) => string | undefined;
  readonly put: Upsert<MemberRow>;
  readonly countSynced: () => number;
  readonly remove: (contactId: string) => void;
  readonly dueIds: (nowAt: number, limit: number) => string[];
  readonly nextChangeAt: () => number | null;
  /** Makes every member due, whose status and next change are then decided anew. */
  readonly decideAllAgain: () => void;
  /** Has these contacts' members decided upon again, as soon as somebody looks for what time has changed. */
  readonly decideAgain: (contactIds: readonly string[]) => void;
}

export function createMembers(connection: Connection): Members {
  const { db } = connection;
  const one = prepareRows(
    connection,
    members,
    (columns, table) => `select ${columns} from ${table} where contact_id = ?`,
  );
  const due = db
    .select({ contactId: members.contactId })
    .from(members)
    .where(and(isNotNull(members.nextChangeAt), lte(members.nextChangeAt, sql.placeholder('nowAt'))))
    .orderBy(asc(members.nextChangeAt))
    .limit(sql.placeholder('limit'))
    .prepare();
  const next = db
    .select({ at: min(members.nextChangeAt) })
    .from(members)
    .where(isNotNull(members.nextChangeAt))
    .prepare();
  const byUserId = db
    .select({ contactId: members.contactId })
    .from(contacts)
    .innerJoin(members, eq(members.contactId, contacts.id))
    .where(eq(contacts.externalId, sql.placeholder('userId')))
    .limit(1)
    .prepare();
  const upsert = prepareUpsert(connection, members, [members.contactId]);
  const dueAtOnce = db
    .update(members)
    .set({ nextChangeAt: 0 })
    .where(and(eq(members.contactId, sql.placeholder('contactId')), isNotNull(members.decidedAtMs)))
    .prepare();
  const remove = db
    .delete(members)
    .where(eq(members.contactId, sql.placeholder('contactId')))
    .prepare();

  return {
    find: (contactId) => one.get(contactId),
    idByUserId: (userId) => byUserId.get({ userId })?.contactId,
    put: upsert,
    countSynced: () =>
      db
        .select({ synced: count(members.syncedAtMs) })
        .from(members)
        .get()?.synced ?? 0,
    remove: (contactId) => {
      remove.run({ contactId });
    },
    dueIds: (nowAt, limit) => due.all({ nowAt, limit }).map((row) => row.contactId),
    nextChangeAt: () => next.get()?.at ?? null,
    decideAllAgain: () => {
      db.update(members).set({ nextChangeAt: 0, nextChangeOn: null, nextChangeTo: null }).run();
    },
    decideAgain: (contactIds) => {
      for (const contactId of contactIds) dueAtOnce.run({ contactId });
    },
  };
}
