import { isParkedDue, MAX_PARKED_DELAY_MS, parkedDelayMs, parkedObjectItem } from '../plan/parked-object.js';
import type { ParkedPlace } from '../plan/parked-list.js';
import type { ParkedObject, ParkObject } from '../ports/parked.js';
import type { ParkedItem } from '../ports/queries.js';
import type { Subject } from '../ports/subject.js';
import type { Connection } from './connection.js';
import type { parkedObjects } from './schema.js';

type ParkedRow = typeof parkedObjects.$inferSelect;

/** Objects of Intercom's that can't be read for now; see `schema-sweeps.ts`. */
export interface ParkedObjects {
  readonly park: (object: ParkObject) => 'new' | 'again' | 'known';
  readonly find: (subject: Subject, nowMs: number) => ParkedObject | null;
  readonly due: (nowMs: number, limit: number) => Subject[];
  /** It could be read, or is gone. Answers whether it was parked. */
  readonly release: (kind: Subject['kind'], id: string) => boolean;
  readonly releaseNameless: (kind: Subject['kind'], exceptRunId: string) => void;
  readonly forgetContacts: (contactIds: readonly string[]) => void;
  readonly move: (fromContactId: string, toContactId: string) => void;
  /** Whose it may be, null for anybody's; undefined where it is not parked. */
  readonly ownerOf: (subject: Subject) => { readonly contactId: string | null } | undefined;
  /** How many are known to be this contact's. */
  readonly countOf: (contactId: string) => number;
  /** How many conversations may be anybody's. */
  readonly countOfAnybody: () => number;
  readonly count: (kind: Subject['kind']) => number;
  /** Behind `place`, by time, kind and id. */
  readonly list: (place: ParkedPlace, limit: number) => ParkedItem[];
  readonly makeDue: (kind: Subject['kind'], id: string) => boolean;
  readonly idsOf: (kind: Subject['kind']) => string[];
}

export function createParkedObjects({ sqlite }: Pick<Connection, 'sqlite'>): ParkedObjects {
  const one = sqlite.prepare<[string, string], RawRow>(
    'select * from parked_objects where kind = ? and id = ?',
  );
  const insert = sqlite.prepare<[string, string, string, string | null, number, number, string | null]>(
    `insert into parked_objects (kind, id, field, contact_id, attempts, parked_at_ms, due_at_ms, run_id)
     values (?, ?, ?, ?, 1, ?, ?, ?)`,
  );
  const update = sqlite.prepare<[string, string | null, number, string | null, string, string]>(
    `update parked_objects set field = ?, contact_id = coalesce(?, contact_id), attempts = attempts + 1,
       due_at_ms = ?, run_id = ? where kind = ? and id = ?`,
  );
  const remove = sqlite.prepare<[string, string]>('delete from parked_objects where kind = ? and id = ?');
  const countOf = sqlite
    .prepare<[string], number>('select count(*) from parked_objects where contact_id = ?')
    .pluck();
  // Of its conversations the cache knows whose they were; an entry that names nobody may be anybody's.
  const countOfAnybody = sqlite
    .prepare<[], number>(
      "select count(*) from parked_objects where contact_id is null and kind = 'conversation'",
    )
    .pluck();
  const counting = sqlite
    .prepare<[string], number>('select count(*) from parked_objects where kind = ?')
    .pluck();
  const ownerInCache = sqlite
    .prepare<[string], string | null>('select contact_id from conversations where id = ?')
    .pluck();

  return {
    park: ({ kind, id, field, likelyOwnerId, nowMs, runId }) => {
      const known = one.get(kind, id);
      const owner = likelyOwnerId ?? (kind === 'conversation' ? (ownerInCache.get(id) ?? null) : id);
      if (known === undefined) {
        insert.run(kind, id, field, owner, nowMs, nowMs + parkedDelayMs(1), runId);
        return 'new';
      }
      if (runId !== null && known.run_id === runId) {
        sqlite
          .prepare('update parked_objects set contact_id = coalesce(contact_id, ?) where kind = ? and id = ?')
          .run(owner, kind, id);
        return 'known';
      }
      update.run(field, owner, nowMs + parkedDelayMs(known.attempts + 1), runId, kind, id);
      return 'again';
    },

    find: ({ kind, id }, nowMs) => {
      const row = one.get(kind, id);
      if (row === undefined) return null;
      const { field, contact_id: likelyOwnerId, run_id: runId } = row;
      return { kind, id, field, likelyOwnerId, runId, isDue: isParkedDue(row.due_at_ms, nowMs) };
    },

    due: (nowMs, limit) =>
      sqlite
        .prepare<{ nowMs: number; aheadMs: number; limit: number }, Subject>(
          // A clock that has gone back must not keep anything waiting.
          `select kind, id from parked_objects
           where (due_at_ms <= @nowMs or due_at_ms > @aheadMs) and id not like '#%' order by due_at_ms limit @limit`,
        )
        .all({ nowMs, aheadMs: nowMs + MAX_PARKED_DELAY_MS, limit }),

    release: (kind, id) => remove.run(kind, id).changes > 0,

    releaseNameless: (kind, exceptRunId) => {
      sqlite
        .prepare("delete from parked_objects where kind = ? and id like '#%' and run_id is not ?")
        .run(kind, exceptRunId);
    },

    forgetContacts: (contactIds) => {
      for (const id of contactIds) sqlite.prepare('delete from parked_objects where contact_id = ?').run(id);
    },

    move: (from, to) => {
      sqlite.prepare('update parked_objects set contact_id = ? where contact_id = ?').run(to, from);
    },

    ownerOf: ({ kind, id }) => {
      const row = one.get(kind, id);
      return row === undefined ? undefined : { contactId: row.contact_id };
    },
    countOf: (contactId) => countOf.get(contactId) ?? 0,
    countOfAnybody: () => countOfAnybody.get() ?? 0,

    count: (kind) => counting.get(kind) ?? 0,

    list: ({ sinceMs, afterObject }, limit) =>
      sqlite
        .prepare<[number, string, string, number], RawRow>(
          `select * from parked_objects where (parked_at_ms, kind, id) > (?, ?, ?)
           order by parked_at_ms, kind, id limit ?`,
        )
        .all(sinceMs, ...afterObject, limit)
        .map((row) => parkedObjectItem({ ...row, parkedAtMs: row.parked_at_ms })),

    makeDue: (kind, id) =>
      sqlite
        .prepare(
          'update parked_objects set due_at_ms = 0, attempts = 0, run_id = null where kind = ? and id = ?',
        )
        .run(kind, id).changes > 0,

    idsOf: (kind) =>
      sqlite
        .prepare<[string], string>('select id from parked_objects where kind = ? order by id')
        .pluck()
        .all(kind),
  };
}

interface RawRow {
  readonly kind: ParkedRow['kind'];
  readonly id: string;
  readonly field: string;
  readonly contact_id: string | null;
  readonly attempts: number;
  readonly parked_at_ms: number;
  readonly due_at_ms: number;
  readonly run_id: string | null;
}
