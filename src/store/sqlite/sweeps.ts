import { eq, inArray, or, sql } from 'drizzle-orm';
import type { FoundRow } from '../plan/found-row.js';
import type { SweepStore, Unseen } from '../ports/sweeps.js';
import type { CacheChange } from '../ports/changes.js';
import type { Subject } from '../ports/subject.js';
import type { Connection } from './connection.js';
import { drift, sweepCounted, sweepFound, sweepSeen } from './schema.js';

type DriftRow = typeof drift.$inferSelect;

/** What the unfinished run has found and seen, and the drift of every run. */
export interface Sweeps {
  readonly keepFound: (row: FoundRow) => void;
  readonly keepSeen: (subjects: readonly Subject[]) => void;
  readonly keepDrift: (row: DriftRow) => void;
  /** Contact ids behind `afterId` about which the run has found something or kept a difference, in order. */
  readonly contactsAfter: (runId: string, afterId: string, limit: number) => string[];
  readonly changesOf: (contactIds: readonly string[]) => CacheChange[];
  readonly unseen: (request: Parameters<SweepStore['listUnseen']>[0]) => Unseen;
  /** How many of the objects found changed by `untilAt`. */
  readonly countFound: (untilAt: number) => number;
  readonly forgetContacts: (contactIds: readonly string[]) => void;
}

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
  // A bounded number of rows at a time, whether anything is missing or not: a search through all of them would hold up
  // everything else.
  const membersAfter = sqlite.prepare<{ afterId: string; limit: number; untilAt: number }, Looked>(
    `select contact_id as id,
       coalesce(contacts.created_at, 0) <= @untilAt
         and not exists (select 1 from sweep_seen where kind = 'contact' and sweep_seen.id = contact_id) as isUnseen
     from members join contacts on contacts.id = members.contact_id
     where contact_id > @afterId order by contact_id limit @limit`,
  );
  const conversationsAfter = sqlite.prepare<
    { afterId: string; limit: number; fromAt: number; untilAt: number },
    Looked
  >(
    `select id,
       updated_at between @fromAt and @untilAt
         and not exists (select 1 from sweep_seen where kind = 'conversation' and sweep_seen.id = conversations.id)
         as isUnseen
     from conversations where id > @afterId order by id limit @limit`,
  );

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
      const { untilAt } = changed;
      if (after?.kind !== 'conversation') {
        const members = membersAfter.all({ afterId: after?.id ?? '', limit, untilAt });
        if (members.length > 0) return unseenOf('contact', members);
      }
      const afterId = after?.kind === 'conversation' ? after.id : '';
      return unseenOf('conversation', conversationsAfter.all({ afterId, limit, ...changed }));
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
      db.delete(sweepCounted).where(inArray(sweepCounted.entry, ids)).run();
      for (const id of ids) db.delete(drift).where(eq(drift.contactId, id)).run();
    },
  };
}

interface Looked {
  readonly id: string;
  readonly isUnseen: 0 | 1;
}

function unseenOf(kind: Subject['kind'], looked: readonly Looked[]): Unseen {
  const last = looked.at(-1);
  return {
    subjects: looked.filter(({ isUnseen }) => isUnseen === 1).map(({ id }) => ({ kind, id })),
    last: last === undefined ? null : { kind, id: last.id },
  };
}
