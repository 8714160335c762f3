import { eq, inArray, or, sql } from 'drizzle-orm';
import type { SweepStore } from '../sweep-store.js';
import type { CacheChange, Subject } from '../store.js';
import type { Connection } from './connection.js';
import { drift, sweepFound, sweepSeen } from './schema-sweeps.js';

type FoundRow = typeof sweepFound.$inferSelect;
type DriftRow = typeof drift.$inferSelect;

/** What the unfinished run has found and seen, and the drift of every run. */
export interface Sweeps {
  readonly keepFound: (row: FoundRow) => void;
  readonly keepSeen: (subjects: readonly Subject[]) => void;
  readonly keepDrift: (row: DriftRow) => void;
  /** Contact ids behind `afterId` about which the run has found something or kept a difference, in order. */
  readonly contactsAfter: (runId: string, afterId: string, limit: number) => string[];
  readonly changesOf: (contactIds: readonly string[]) => CacheChange[];
  readonly unseen: (request: Parameters<SweepStore['listUnseen']>[0]) => Subject[];
  /** How many of the objects found changed by `untilAt`. */
  readonly countFound: (untilAt: number) => number;
  readonly forgetContacts: (contactIds: readonly string[]) => void;
}

/** Stands for the contact of a conversation that has none; behind the empty text and before every id. */
export const NOBODY = ' ';

export function createSweeps({ sqlite, db }: Connection): Sweeps {
  const keepFound = sqlite.prepare<[string, string, string, string | null, number | null, string]>(
    `insert into sweep_found (kind, id, contact_id, former_contact_id, updated_at, change)
     values (?, ?, ?, ?, ?, ?)
     on conflict (kind, id) do update set
       contact_id = excluded.contact_id, updated_at = excluded.updated_at, change = excluded.change,
       former_contact_id = excluded.former_contact_id
     where sweep_found.updated_at is null or excluded.updated_at is null
       or excluded.updated_at >= sweep_found.updated_at`,
  );
  const keepSeen = sqlite.prepare<[string, string]>(
    'insert into sweep_seen (kind, id) values (?, ?) on conflict do nothing',
  );
  // Each part stops at the limit by itself: without that every batch would walk all that was found.
  const contactsAfter = sqlite
    .prepare<{ runId: string; afterId: string; limit: number }, string>(
      `select contact_id from (
         select * from (select distinct contact_id from sweep_found where contact_id > @afterId
           order by contact_id limit @limit)
         union
         select * from (select distinct former_contact_id from sweep_found where former_contact_id > @afterId
           order by former_contact_id limit @limit)
         union
         select * from (select distinct contact_id from drift where run_id = @runId and contact_id > @afterId
           order by contact_id limit @limit))
       order by contact_id limit @limit`,
    )
    .pluck();
  const unseenMembers = sqlite
    .prepare<[string, number, number], string>(
      `select contact_id from members join contacts on contacts.id = members.contact_id
       where contact_id > ? and coalesce(contacts.created_at, 0) <= ?
         and not exists (select 1 from sweep_seen where kind = 'contact' and sweep_seen.id = contact_id)
       order by contact_id limit ?`,
    )
    .pluck();
  const unseenConversations = sqlite
    .prepare<[string, number, number, number], string>(
      // The plus keeps the order of ids, in which a place can be remembered.
      `select id from conversations
       where id > ? and +updated_at between ? and ?
         and not exists (select 1 from sweep_seen where kind = 'conversation' and sweep_seen.id = conversations.id)
       order by id limit ?`,
    )
    .pluck();

  return {
    keepFound: ({ kind, id, contactId, formerContactId, updatedAt, change }) => {
      keepFound.run(kind, id, contactId, formerContactId, updatedAt, JSON.stringify(change));
    },

    keepSeen: (subjects) => {
      for (const { kind, id } of subjects) keepSeen.run(kind, id);
    },

    keepDrift: (row) => {
      db.insert(drift)
        .values(row)
        .onConflictDoUpdate({
          target: [drift.runId, drift.contactId, drift.attribute],
          set: { before: row.before, after: row.after, why: row.why },
        })
        .run();
    },

    contactsAfter: (runId, afterId, limit) => contactsAfter.all({ runId, afterId, limit }),

    changesOf: (contactIds) => {
      const ids = [...contactIds];
      const isOfThem = or(inArray(sweepFound.contactId, ids), inArray(sweepFound.formerContactId, ids));
      return (
        db
          .select({ change: sweepFound.change })
          .from(sweepFound)
          .where(isOfThem)
          // What is said of a contact comes before what is said of its conversations.
          .orderBy(sweepFound.kind, sweepFound.id)
          .all()
          .map((row) => row.change)
      );
    },

    unseen: ({ changed, after, limit }) => {
      const afterContact = after?.kind === 'conversation' ? null : (after?.id ?? '');
      const members = afterContact === null ? [] : unseenMembers.all(afterContact, changed.untilAt, limit);
      const afterConversation = after?.kind === 'conversation' ? after.id : '';
      const conversations = unseenConversations.all(
        afterConversation,
        changed.fromAt,
        changed.untilAt,
        limit - members.length,
      );
      return [
        ...members.map((id) => ({ kind: 'contact', id }) as const),
        ...conversations.map((id) => ({ kind: 'conversation', id }) as const),
      ];
    },

    countFound: (untilAt) =>
      db
        .select({ count: sql<number>`count(*)` })
        .from(sweepFound)
        .where(sql`${sweepFound.updatedAt} <= ${untilAt}`)
        .get()?.count ?? 0,

    forgetContacts: (contactIds) => {
      const ids = [...contactIds];
      db.delete(sweepFound)
        .where(or(inArray(sweepFound.contactId, ids), inArray(sweepFound.formerContactId, ids)))
        .run();
      db.delete(sweepSeen).where(inArray(sweepSeen.id, ids)).run();
      for (const id of ids) db.delete(drift).where(eq(drift.contactId, id)).run();
    },
  };
}
