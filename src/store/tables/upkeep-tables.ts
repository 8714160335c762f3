import { WEBHOOK_RESULTS } from '../ports/queries.js';
import { describeTable, index, integer, primaryKey, text } from './describe-table.js';

/**
 * By which texts a person can be recognized in a payload: keyed hashes of the e-mail, User ID and name of contacts that
 * were erased, and of former ones of those that may be. At most some dozen for each contact; see `person-marks.ts`.
 */
export const personMarks = describeTable(
  'person_marks',
  {
    mark: text('mark').notNull(),
    /** The contact, or the one that it was merged into. */
    contactId: text('contact_id').notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.mark, table.contactId] }),
    index('person_marks_contact').on(table.contactId),
  ],
);

/** Erased contacts, and conversations of theirs, whose own payloads were too many for the deletion's transaction. */
export const erasing = describeTable(
  'erasing',
  {
    kind: text('kind', ['contact', 'conversation']).notNull(),
    id: text('id').notNull(),
  },
  (table) => [primaryKey({ columns: [table.kind, table.id] })],
);

/** What came to the webhook's address, hour by hour: it outlives the inbox's rows, and is counted without them. */
export const webhookHours = describeTable(
  'webhook_hours',
  {
    /** Beginning of the hour, Unix seconds. */
    hourAt: integer('hour_at').notNull(),
    result: text('result', WEBHOOK_RESULTS).notNull(),
    count: integer('count').notNull(),
    // Of what was stored, to tell what pauses are usual; null for the others.
    lastAtMs: integer('last_at_ms'),
    longestPauseMs: integer('longest_pause_ms'),
  },
  (table) => [primaryKey({ columns: [table.hourAt, table.result] })],
);

/** Sign-ins that people have ended, until they would have expired anyway; see `ended-logins.ts`. */
export const endedLogins = describeTable(
  'ended_sessions',
  {
    id: text('id').primaryKey(),
    expiresAt: integer('expires_at').notNull(),
  },
  (table) => [index('ended_sessions_expires').on(table.expiresAt)],
);
