import { asJson, readValue } from './stored-value.js';
import { and, desc, eq, gt, inArray, isNull, lte, or, sql } from 'drizzle-orm';
import { MAX_WRITES_BACK } from '../plan/fights.js';
import type { WriteRecord } from '../ports/queries.js';
import type { Connection } from './connection.js';
import type { NewWrite, SentWrite, WaitingWrite } from '../plan/rows.js';
import { prepareRows } from './prepare-rows.js';
import { outbox, writes } from './schema.js';
import { causeOf, outcomeOf, type WriteRow } from '../write-row.js';
import { MAX_TOGETHER, withWholeLast } from '../whole-decisions.js';

/** Every change that was decided, from waiting to its end. */
export interface Writes {
  /** Decided and not in Intercom yet, those that Intercom has refused included. */
  readonly waiting: (contactId: string) => WriteRow[];
  /** Those of them that are to be sent. */
  readonly ready: (contactId: string) => WriteRow[];
  /** What was sent at or after this moment, newest first. */
  readonly sentSince: (contactId: string, sinceMs: number) => SentWrite[];
  /** Those of the contact, or of one that was erased meanwhile, in the order of their ids. */
  readonly byIds: (contactId: string, ids: readonly number[]) => SentWrite[];
  readonly add: (write: NewWrite) => void;
  readonly setBefores: (befores: readonly Pick<WaitingWrite, 'id' | 'before'>[]) => void;
  readonly supersede: (ids: readonly number[], nowMs: number) => void;
  /** Even where a newer decision has superseded them meanwhile. */
  readonly markSent: (ids: readonly number[], nowMs: number) => void;
  /** They were tried once. */
  readonly countJoined: (ids: readonly number[]) => void;
  /** Counts it for those that need not wait any more. */
  readonly countAttempt: (contactId: string, nowMs: number) => void;
  /** The attempt was none. */
  readonly uncountAttempt: (contactId: string) => void;
  /** Why those that were tried have failed. */
  readonly setReason: (contactId: string, reason: string) => void;
  readonly park: (
    contactId: string,
    changes: readonly { readonly writeId: number; readonly reason: string }[],
    parkedAtMs: number,
  ) => void;
  readonly markReplayed: (contactId: string) => void;
  /** Puts what was parked alone back into the flow. Answers whether there was any. */
  readonly replay: (contactId: string) => boolean;
  /** Keeps the rows, but nothing that tells of whom or of what value they were. */
  readonly anonymize: (contactIds: readonly string[]) => void;
  /** Newest first. */
  readonly timeline: (contactId: string, limit: number) => WriteRecord[];
}

export function createWrites({ db, sqlite }: Pick<Connection, 'db' | 'sqlite'>): Writes {
  const isOfContact = eq(writes.contactId, sql.placeholder('contactId'));
  // Written out, so that SQLite sees that the partial index serves it.
  const isWaiting = sql`${writes.outcome} = 'waiting'`;
  const waiting = prepareRows(
    { sqlite },
    writes,
    // Named, because SQLite would walk the contact's whole history if that spares it a sort.
    (columns, table) =>
      `select ${columns} from ${table} indexed by writes_waiting where contact_id = ? and outcome = 'waiting'`,
  );
  // Six rows at most: SQLite's own sort takes longer than the query.
  const inOrder = (contactId: string): WriteRow[] =>
    waiting.all(contactId).toSorted((one, other) => one.id - other.id);
  const isReady = and(isWaiting, isNull(writes.parkedAtMs));
  const countAttempt = db
    .update(writes)
    .set({ attempts: sql`${writes.attempts} + 1`, isReplayed: sql`0` })
    .where(and(isOfContact, isReady, lte(writes.notBeforeMs, sql.placeholder('nowMs'))))
    .prepare();
  const uncountAttempt = db
    .update(writes)
    .set({ attempts: sql`${writes.attempts} - 1` })
    .where(and(isOfContact, isReady, sql`${writes.attempts} > 0`))
    .prepare();
  // Bare placeholders: as a column's value, null would be stored as the JSON text "null".
  const add = db
    .insert(writes)
    .values({
      contactId: sql.placeholder('contactId'),
      attribute: sql.placeholder('attribute'),
      before: sql`${sql.placeholder('before')}`,
      after: sql`${sql.placeholder('after')}`,
      causeKind: sql.placeholder('causeKind'),
      causeRef: sql.placeholder('causeRef'),
      outcome: 'waiting',
      attempts: sql`${sql.placeholder('attempts')}`,
      reason: sql`${sql.placeholder('reason')}`,
      notBeforeMs: sql.placeholder('notBeforeMs'),
      queuedAtMs: sql.placeholder('nowMs'),
    })
    .prepare();
  const supersede = db
    .update(writes)
    .set({ outcome: 'superseded', settledAtMs: sql`${sql.placeholder('nowMs')}` })
    .where(and(eq(writes.id, sql.placeholder('id')), isWaiting))
    .prepare();
  const markSent = db
    .update(writes)
    .set({ outcome: 'sent', settledAtMs: sql`${sql.placeholder('nowMs')}`, reason: null })
    .where(eq(writes.id, sql.placeholder('id')))
    .prepare();
  // A contact that was erased while its write was under way has left its rows without a name.
  const byId = db
    .select({ id: writes.id, attribute: writes.attribute, after: writes.after })
    .from(writes)
    .where(and(eq(writes.id, sql.placeholder('id')), or(isOfContact, isNull(writes.contactId))))
    .prepare();
  // Of the contact's whole history no more than the newest is looked through.
  const sentSince = sqlite.prepare<
    { contactId: string; sinceMs: number },
    Omit<SentWrite, 'after'> & { readonly after: string | null }
  >(
    `select id, attribute, after, settled_at_ms as settledAtMs
     from (select id, attribute, after, outcome, settled_at_ms from writes
           where contact_id = @contactId order by id desc limit ${MAX_WRITES_BACK})
     where outcome = 'sent' and settled_at_ms >= @sinceMs`,
  );
  const timeline = db
    .select({ write: writes, state: outbox.state })
    .from(writes)
    .leftJoin(outbox, eq(outbox.contactId, writes.contactId))
    .where(isOfContact)
    .orderBy(desc(writes.id))
    .limit(sql.placeholder('limit'))
    .prepare();

  return {
    waiting: inOrder,
    ready: (contactId) => inOrder(contactId).filter((write) => write.parkedAtMs === null),

    sentSince: (contactId, sinceMs) =>
      sentSince
        .all({ contactId, sinceMs })
        .map(({ after, ...write }) => ({ ...write, after: readValue(after) })),

    byIds: (contactId, ids) =>
      [...ids]
        .sort((one, other) => one - other)
        .flatMap((id) => byId.all({ id, contactId }).map((row) => ({ ...row, settledAtMs: 0 }))),

    add: ({ contactId, attribute, before, after, cause, ...rest }) => {
      const { attempts, reason, notBeforeMs, queuedAtMs } = rest;
      const values = { before: asJson(before), after: asJson(after) };
      const why = { causeKind: cause.kind, causeRef: cause.ref, reason };
      add.run({ contactId, attribute, ...values, ...why, attempts, notBeforeMs, nowMs: queuedAtMs });
    },

    setBefores: (befores) => {
      for (const { id, before } of befores) {
        if (id !== null) db.update(writes).set({ before }).where(eq(writes.id, id)).run();
      }
    },

    supersede: (ids, nowMs) => {
      for (const id of ids) supersede.run({ id, nowMs });
    },

    markSent: (ids, nowMs) => {
      for (const id of ids) markSent.run({ id, nowMs });
    },

    countJoined: (ids) => {
      for (const id of ids) db.update(writes).set({ attempts: 1 }).where(eq(writes.id, id)).run();
    },

    countAttempt: (contactId, nowMs) => {
      countAttempt.run({ contactId, nowMs });
    },

    uncountAttempt: (contactId) => {
      uncountAttempt.run({ contactId });
    },

    setReason: (contactId, reason) => {
      db.update(writes)
        .set({ reason })
        .where(and(eq(writes.contactId, contactId), isReady, gt(writes.attempts, 0)))
        .run();
    },

    park: (contactId, changes, parkedAtMs) => {
      for (const { writeId, reason } of changes) {
        db.update(writes)
          .set({ reason, parkedAtMs })
          .where(and(eq(writes.contactId, contactId), eq(writes.id, writeId), isWaiting))
          .run();
      }
    },

    markReplayed: (contactId) => {
      db.update(writes)
        .set({ isReplayed: true })
        .where(and(eq(writes.contactId, contactId), isWaiting))
        .run();
    },

    replay: (contactId) => {
      const isParked = sql`${writes.parkedAtMs} is not null`;
      const { changes } = db
        .update(writes)
        .set({ parkedAtMs: null, isReplayed: true, attempts: 0, reason: null })
        .where(and(eq(writes.contactId, contactId), isWaiting, isParked))
        .run();
      return changes > 0;
    },

    anonymize: (contactIds) => {
      db.update(writes)
        .set({ contactId: null, before: null, after: null, reason: null })
        .where(inArray(writes.contactId, [...contactIds]))
        .run();
    },

    timeline: (contactId, limit) =>
      withWholeLast(
        timeline.all({ contactId, limit: limit + MAX_TOGETHER }),
        limit,
        ({ write }) => write,
      ).map(({ write, state }) => ({
        id: write.id,
        contactId,
        attribute: write.attribute,
        before: write.before,
        after: write.after,
        cause: causeOf(write),
        outcome: outcomeOf(write, state),
        reason: write.reason,
        attempts: write.attempts,
        queuedAtMs: write.queuedAtMs,
        settledAtMs: write.settledAtMs,
      })),
  };
}
