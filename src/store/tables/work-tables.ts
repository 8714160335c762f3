import type { AttributeValue } from '../../rules/facts.js';
import { MAINTAINED_ATTRIBUTES } from '../../rules/vocabulary.js';
import type { JobName, OpenRun, RunProgress, RunResult } from '../ports/runs.js';
import {
  boolean,
  bytes,
  describeTable,
  identity,
  index,
  integer,
  json,
  primaryKey,
  text,
  uniqueIndex,
  type Row,
} from './describe-table.js';

// What is to be done and was done: inbox · writes, fights, outbox · runs.

/** Entries that have come in, and our own wishes to read an object again. Settled rows stay for people to see. */
export const inbox = describeTable(
  'inbox',
  {
    id: identity('id'),
    origin: text('origin', ['webhook', 'settle', 'reread']).notNull(),
    dedupeKey: text('dedupe_key').notNull(),
    topic: text('topic'),
    subjectKind: text('subject_kind', ['conversation', 'contact']),
    subjectId: text('subject_id'),
    lane: text('lane'),
    createdAt: integer('created_at'),
    /** For our own entries: when they fall due for the first time. */
    receivedAtMs: integer('received_at_ms').notNull(),
    /** There is one in {@link payloads}: false for our own entries, and after erasure or retention. */
    hasPayload: boolean('has_payload').notNull().default(false),
    status: text('status', ['waiting', 'done', 'ignored', 'parked']).notNull(),
    dueAtMs: integer('due_at_ms').notNull(),
    leaseOwner: text('lease_owner'),
    leasedAtMs: integer('leased_at_ms'),
    leaseUntilMs: integer('lease_until_ms'),
    /** Counts up with each lease, so that an attempt whose lease has run out can be told from the newer one. */
    leaseToken: integer('lease_token').notNull().default(0),
    attempts: integer('attempts').notNull(),
    reason: text('reason'),
    /** When it was done or ignored; for a parked one when the attempt began that failed for good. */
    settledAtMs: integer('settled_at_ms'),
    /** It was given back because it needs a call that Intercom did not answer. */
    waitsForIntercom: boolean('waits_for_intercom').notNull().default(false),
  },
  (table) => [
    // The one place where "stored once" is decided; its ON CONFLICT also settles duplicates within one batch.
    uniqueIndex('inbox_dedupe_key').on(table.dedupeKey),
    // Leasing reads the oldest due entries: partial, so that the weeks of settled rows cost nothing here.
    index('inbox_waiting')
      .on(table.origin, table.waitsForIntercom, table.dueAtMs, table.id)
      .where("status = 'waiting'"),
    // The few rows in flight: which lanes are busy, and which leases belong to dead owners.
    index('inbox_leased').on(table.lane, table.leaseUntilMs).where('lease_owner is not null'),
    index('inbox_parked').on(table.settledAtMs).where("status = 'parked'"),
    // Whose payloads have to be erased? Without the status, which changes: each event would write it a second time.
    index('inbox_lane').on(table.lane),
    // Erasure finds payloads by what they are about; rows without payload need no finding.
    index('inbox_subject')
      .on(table.subjectId, table.subjectKind)
      .where(({ isTrue }) => isTrue('has_payload')),
    // Our own entries by when they fell due, for people; webhooks come in the order of their ids.
    index('inbox_own').on(table.receivedAtMs).where("origin <> 'webhook'"),
    // Payloads that are kept no longer, oldest first.
    index('inbox_payloads')
      .on(table.receivedAtMs)
      .where(({ isTrue }) => isTrue('has_payload')),
  ],
);

export type InboxRow = Row<typeof inbox>;

/**
 * The raw bytes as signed, kept as `payload-form.ts` says, beside the rows of {@link inbox}: those are written again with
 * each lease, these never.
 */
export const payloads = describeTable('payloads', {
  inboxId: integer('inbox_id')
    .primaryKey()
    .references(() => inbox, 'id', { onDelete: 'cascade' }),
  body: bytes('body').notNull(),
  /** Of the raw bytes. */
  size: integer('size').notNull(),
});

/**
 * Every change of an attribute that was decided: the audit. Held and parked ones wait; `outbox` says so where that is
 * so for all of the contact's, `parked_at_ms` where Intercom has refused this one alone.
 */
export const writes = describeTable(
  'writes',
  {
    id: identity('id'),
    /** Null once the contact has been erased; so are `before`, `after` and `reason`. */
    contactId: text('contact_id'),
    attribute: text('attribute', MAINTAINED_ATTRIBUTES).notNull(),
    before: json<AttributeValue>('before'),
    after: json<AttributeValue>('after'),
    causeKind: text('cause_kind', [
      'notification',
      'settle',
      'transition',
      'backfill',
      'sweep',
      'sync',
      'write-back',
    ]).notNull(),
    causeRef: text('cause_ref'),
    outcome: text('outcome', ['waiting', 'sent', 'superseded']).notNull(),
    reason: text('reason'),
    attempts: integer('attempts').notNull(),
    /** It waits at least until then, because it is fought over; 0 for all others. */
    notBeforeMs: integer('not_before_ms').notNull().default(0),
    queuedAtMs: integer('queued_at_ms').notNull(),
    settledAtMs: integer('settled_at_ms'),
    /** When the attempt began in which Intercom refused it. */
    parkedAtMs: integer('parked_at_ms'),
    /** From a replay to the next attempt. */
    isReplayed: boolean('is_replayed').notNull().default(false),
  },
  (table) => [
    // Newest wanted value wins: a second waiting row for the same attribute would be a defect, so it can't exist.
    uniqueIndex('writes_waiting').on(table.contactId, table.attribute).where("outcome = 'waiting'"),
    // The few that a person has to look at.
    index('writes_parked').on(table.parkedAtMs).where("outcome = 'waiting' and parked_at_ms is not null"),
    // A member's timeline, newest first.
    index('writes_contact').on(table.contactId, table.id),
    // What became of the writes of a run.
    index('writes_cause').on(table.causeRef, table.causeKind),
  ],
);

/** Attributes that somebody changes back soon after this service has written them; what is over goes after a day. */
export const fights = describeTable(
  'fights',
  {
    contactId: text('contact_id').notNull(),
    attribute: text('attribute', MAINTAINED_ATTRIBUTES).notNull(),
    /** How often in a row. */
    reversals: integer('reversals').notNull(),
    sinceMs: integer('since_ms').notNull(),
    /** The next write waits until then. */
    untilMs: integer('until_ms').notNull(),
    /** The write that was reversed last, so that none counts twice. */
    lastWriteId: integer('last_write_id').notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.contactId, table.attribute] }),
    index('fights_until').on(table.untilMs),
  ],
);

/** One row per contact with waiting writes, because they go to Intercom in one request. */
export const outbox = describeTable(
  'outbox',
  {
    contactId: text('contact_id').primaryKey(),
    /** Lower goes first; the numbers are in `outbox.ts`. */
    rank: integer('rank').notNull(),
    state: text('state', ['ready', 'held', 'parked']).notNull(),
    dueAtMs: integer('due_at_ms').notNull(),
    leaseOwner: text('lease_owner'),
    leasedAtMs: integer('leased_at_ms'),
    leaseUntilMs: integer('lease_until_ms'),
    /** From one counter for all rows, because a row goes and comes again; see {@link inbox}. */
    leaseToken: integer('lease_token').notNull().default(0),
    attempts: integer('attempts').notNull(),
    outcomeUnknown: boolean('outcome_unknown').notNull(),
    reason: text('reason'),
    /** When the attempt began that failed for good. */
    parkedAtMs: integer('parked_at_ms'),
  },
  (table) => [
    // Leasing reads one rank after the other, oldest due first, and never touches held and parked rows.
    index('outbox_ready').on(table.rank, table.dueAtMs).where("state = 'ready'"),
    index('outbox_leased').on(table.leaseUntilMs).where('lease_owner is not null'),
    // Pages of what waits for a person, oldest first.
    index('outbox_parked').on(table.parkedAtMs, table.contactId).where("state = 'parked'"),
  ],
);

export const runs = describeTable(
  'runs',
  {
    id: text('id').primaryKey(),
    job: text<JobName>('job').notNull(),
    status: text('status', ['running', 'done', 'failed', 'guarded']).notNull(),
    params: json<OpenRun['params']>('params').notNull(),
    leaseOwner: text('lease_owner'),
    leaseUntilMs: integer('lease_until_ms'),
    leaseToken: integer('lease_token').notNull().default(0),
    startedAtMs: integer('started_at_ms').notNull(),
    finishedAtMs: integer('finished_at_ms'),
    checkpoint: text('checkpoint'),
    progress: json<RunProgress>('progress').notNull(),
    reason: text('reason'),
    result: json<RunResult>('result'),
  },
  (table) => [
    // Two processes can't both have a run unfinished, whatever they do.
    uniqueIndex('runs_unfinished').on(table.status).where("status = 'running'"),
    index('runs_job').on(table.job, table.startedAtMs),
    index('runs_started').on(table.startedAtMs),
  ],
);
