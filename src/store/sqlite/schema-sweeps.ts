import { index, integer, primaryKey, sqliteTable, text } from 'drizzle-orm/sqlite-core';
import type { AttributeValue } from '../../rules/facts.js';
import { MAINTAINED_ATTRIBUTES } from '../../rules/vocabulary.js';
import type { CacheChange } from '../store.js';
import { runs } from './schema.js';

// What the unfinished run has found, until its end, and how members differed, which stays.

/** What the unfinished run knows and the cache does not: the newest of each object. */
export const sweepFound = sqliteTable(
  'sweep_found',
  {
    kind: text('kind', { enum: ['contact', 'conversation'] }).notNull(),
    id: text('id').notNull(),
    /** Whose it is; empty for a conversation of nobody. */
    contactId: text('contact_id').notNull(),
    /** Whose it was in the cache, where that is somebody else. */
    formerContactId: text('former_contact_id'),
    /** Intercom's `updated_at`; null for what is gone. */
    updatedAt: integer('updated_at'),
    change: text('change', { mode: 'json' }).$type<CacheChange>().notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.kind, table.id] }),
    index('sweep_found_contact').on(table.contactId),
    index('sweep_found_former').on(table.formerContactId),
  ],
);

/** Objects that the unfinished run has seen in Intercom: ids and nothing else. */
export const sweepSeen = sqliteTable(
  'sweep_seen',
  {
    kind: text('kind', { enum: ['contact', 'conversation'] }).notNull(),
    id: text('id').notNull(),
  },
  (table) => [primaryKey({ columns: [table.kind, table.id] })],
);

/** How members differed from what Intercom held when a run compared them. Erased with the contact. */
export const drift = sqliteTable(
  'drift',
  {
    runId: text('run_id')
      .notNull()
      .references(() => runs.id, { onDelete: 'cascade' }),
    contactId: text('contact_id').notNull(),
    attribute: text('attribute', { enum: MAINTAINED_ATTRIBUTES }).notNull(),
    before: text('before', { mode: 'json' }).$type<AttributeValue>(),
    after: text('after', { mode: 'json' }).$type<AttributeValue>(),
    why: text('why').notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.runId, table.contactId, table.attribute] }),
    index('drift_contact').on(table.contactId),
  ],
);
