import type { AttributeValue } from '../../rules/facts.js';
import { MAINTAINED_ATTRIBUTES } from '../../rules/vocabulary.js';
import type { CacheChange } from '../ports/changes.js';
import { describeTable, index, integer, json, primaryKey, text } from './describe-table.js';
import { runs } from './work-tables.js';

// What the unfinished run has found, until its end, and how members differed, which stays.

/** What the unfinished run knows and the cache does not: the newest of each object. */
export const sweepFound = describeTable(
  'sweep_found',
  {
    kind: text('kind', ['contact', 'conversation']).notNull(),
    id: text('id').notNull(),
    /** Whose it is; empty for a conversation of nobody. */
    contactId: text('contact_id').notNull(),
    /** Whose it was in the cache, where that is somebody else. */
    formerContactId: text('former_contact_id'),
    /** Intercom's `updated_at`; null for what is gone. */
    updatedAt: integer('updated_at'),
    change: json<CacheChange>('change').notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.kind, table.id] }),
    index('sweep_found_contact').on(table.contactId),
    index('sweep_found_former').on(table.formerContactId),
  ],
);

/** Objects that the unfinished run has seen in Intercom: ids and nothing else. */
export const sweepSeen = describeTable(
  'sweep_seen',
  {
    kind: text('kind', ['contact', 'conversation']).notNull(),
    id: text('id').notNull(),
  },
  (table) => [primaryKey({ columns: [table.kind, table.id] })],
);

/**
 * What each phase of the unfinished run has been shown: ids, and for entries without one their place. How many they are
 * is what the end of the phase is compared with.
 */
export const sweepCounted = describeTable(
  'sweep_counted',
  { phase: text('phase').notNull(), entry: text('entry').notNull() },
  (table) => [primaryKey({ columns: [table.phase, table.entry] })],
);

/**
 * Objects that Intercom shows in a form that means nothing to the rules, until they can be read. Holds ids and the name
 * of a field, never a value.
 */
export const parkedObjects = describeTable(
  'parked_objects',
  {
    kind: text('kind', ['contact', 'conversation']).notNull(),
    /** For an entry without an id its place, such as `#12`. */
    id: text('id').notNull(),
    field: text('field').notNull(),
    /** Whose values are left alone meanwhile; null where that can't be told, which leaves alone everybody's. */
    contactId: text('contact_id'),
    attempts: integer('attempts').notNull(),
    parkedAtMs: integer('parked_at_ms').notNull(),
    /** When it is read again at the earliest. */
    dueAtMs: integer('due_at_ms').notNull(),
    /** The run that has tried it last. */
    runId: text('run_id'),
  },
  (table) => [
    primaryKey({ columns: [table.kind, table.id] }),
    index('parked_objects_contact').on(table.contactId),
    index('parked_objects_due').on(table.dueAtMs),
  ],
);

/** How members differed from what Intercom held when a run compared them. Erased with the contact. */
export const drift = describeTable(
  'drift',
  {
    runId: text('run_id')
      .notNull()
      .references(() => runs, 'id', { onDelete: 'cascade' }),
    contactId: text('contact_id').notNull(),
    attribute: text('attribute', MAINTAINED_ATTRIBUTES).notNull(),
    before: json<AttributeValue>('before'),
    after: json<AttributeValue>('after'),
    why: text('why').notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.runId, table.contactId, table.attribute] }),
    index('drift_contact').on(table.contactId),
  ],
);
