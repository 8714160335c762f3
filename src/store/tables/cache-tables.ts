import type { ContactFacts, Evidence, KeptForm, NearMiss, Warning } from '../../rules/facts.js';
import {
  CHANNELS,
  ENGAGEMENT_STATUSES,
  type KeptAttribute,
  QUALIFYING_SERVICE_CODES,
} from '../../rules/vocabulary.js';
import {
  boolean,
  describeTable,
  index,
  integer,
  json,
  primaryKey,
  text,
  type Predicates,
} from './describe-table.js';

// Instants of the business are Unix seconds (`…_at`), operational times milliseconds (`…_at_ms`), dates `YYYY-MM-DD`
// (`…_on`). Here: contacts, conversations, lifecycles, coaches, members, meta. What is to be done and was done is in
// `work-tables.ts`, what reports read in `report-tables.ts`, what sweeps find in `sweep-tables.ts`, what is counted,
// forgotten and ended in `upkeep-tables.ts`.

/** Contacts as last seen in Intercom; archived ones stay, deleted and merged ones are only in `lifecycles`. */
export const contacts = describeTable(
  'contacts',
  {
    id: text('id').primaryKey(),
    role: text('role', ['user', 'lead']).notNull(),
    externalId: text('external_id'),
    name: text('name'),
    email: text('email'),
    createdAt: integer('created_at'),
    updatedAt: integer('updated_at').notNull(),
    /** When the object was asked for by id, or else when its event or search result was taken in. */
    seenAtMs: integer('seen_at_ms').notNull(),
    wasRead: boolean('was_read').notNull(),
    attributes: json<ContactFacts['attributes']>('attributes').notNull(),
    /** Attributes that hold no single value. */
    unreadable: json<readonly KeptAttribute[]>('unreadable').notNull().default([]),
    // What reports filter and sort by, read from the attributes once.
    enrolledOn: text('enrolled_on'),
    registeredOn: text('registered_on'),
    birthOn: text('birth_on'),
    employer: text('employer'),
    referral: text('referral'),
    registrationCode: text('registration_code'),
    keptForms: json<readonly KeptForm[]>('kept_forms').notNull(),
    ownFirstSessionAt: integer('own_first_session_at'),
  },
  (table) => [index('contacts_external_id').on(table.externalId)],
);

export const conversations = describeTable(
  'conversations',
  {
    id: text('id').primaryKey(),
    /** May name a contact that the cache doesn't know yet, so it is no foreign key. */
    contactId: text('contact_id'),
    createdAt: integer('created_at').notNull(),
    updatedAt: integer('updated_at').notNull(),
    seenAtMs: integer('seen_at_ms').notNull(),
    wasRead: boolean('was_read').notNull(),
    state: text('state', ['open', 'closed', 'snoozed']).notNull(),
    channel: text('channel'),
    serviceCode: text('service_code'),
    coachId: text('coach_id'),
    lastCloseAt: integer('last_close_at'),
    /** What Intercom says of its close can't be right. */
    hasWrongCloseTime: boolean('has_wrong_close_time').notNull().default(false),
    // What reports read, worked out by the rules once, when the conversation is cached.
    channelName: text('channel_name', CHANNELS),
    serviceCodeName: text('service_code_name', QUALIFYING_SERVICE_CODES),
    sessionAt: integer('session_at'),
    isCoachingSession: boolean('is_coaching_session').notNull(),
    isQualifyingCall: boolean('is_qualifying_call').notNull(),
    isBillable: boolean('is_billable').notNull(),
    isNearMiss: boolean('is_near_miss').notNull().default(false),
    /** `session_at` as long as the contact is a live member, else null: what reports count needs no other table. */
    reportedAt: integer('reported_at'),
  },
  (table) => {
    const isReportedSession = ({ isTrue }: Predicates) =>
      `reported_at is not null and ${isTrue('is_coaching_session')}`;
    const isReportedNearMiss = ({ isTrue }: Predicates) =>
      `reported_at is not null and ${isTrue('is_near_miss')}`;
    return [
      // How many conversations have changed since a moment, to compare with Intercom's own count.
      index('conversations_updated').on(table.updatedAt),
      // Every recompute loads all conversations of one contact.
      index('conversations_contact').on(table.contactId),
      // A member's sessions in a window, with all that a row says of them.
      index('conversations_sessions_of_member')
        .on(table.contactId, table.reportedAt, table.channelName, table.coachId)
        .where(isReportedSession),
      // Sessions by time: lists in their order, and counts by week and service code without the table.
      index('conversations_sessions')
        .on(table.reportedAt, table.id, table.serviceCodeName, table.serviceCode, table.isQualifyingCall)
        .where(isReportedSession),
      // A coach's sessions and whose they are; the coaches there are.
      index('conversations_sessions_of_coach')
        .on(table.coachId, table.reportedAt, table.id, table.contactId, table.channelName)
        .where(isReportedSession),
      index('conversations_near_misses')
        .on(table.coachId, table.reportedAt, table.id, table.contactId)
        .where(isReportedNearMiss),
    ];
  },
);

/**
 * What became of objects that are not simply there. A row outlives its object, so that a late snapshot can't bring a
 * deleted one back; it holds nothing but ids and times.
 */
export const lifecycles = describeTable(
  'lifecycles',
  {
    kind: text('kind', ['contact', 'conversation']).notNull(),
    id: text('id').notNull(),
    state: text('state', ['live', 'archived', 'deleted', 'merged']).notNull(),
    at: integer('at').notNull(),
    /** Always the last survivor: later merges move the pointer on, so following it takes one step. */
    mergedIntoId: text('merged_into_id'),
  },
  (table) => [
    primaryKey({ columns: [table.kind, table.id] }),
    index('lifecycles_merged_into').on(table.mergedIntoId).where('merged_into_id is not null'),
  ],
);

export const coaches = describeTable('coaches', {
  id: text('id').primaryKey(),
  name: text('name'),
  email: text('email'),
});

/** One row per live contact with role user: what the rules said of it last. */
export const members = describeTable(
  'members',
  {
    contactId: text('contact_id')
      .primaryKey()
      .references(() => contacts, 'id', { onDelete: 'cascade' }),
    status: text('status', ENGAGEMENT_STATUSES),
    nextChangeAt: integer('next_change_at'),
    nextChangeOn: text('next_change_on'),
    nextChangeTo: text('next_change_to', ENGAGEMENT_STATUSES),
    lastQualifyingAt: integer('last_qualifying_at'),
    evidence: json<readonly Evidence[]>('evidence').notNull(),
    nearMisses: json<readonly NearMiss[]>('near_misses').notNull(),
    warnings: json<readonly Warning[]>('warnings').notNull(),
    /** When the rules said this first; null until they have been asked for the first time (during the first backfill). */
    decidedAtMs: integer('decided_at_ms'),
    /** When Intercom was first seen to hold what the rules want. */
    syncedAtMs: integer('synced_at_ms'),
  },
  (table) => [
    // The next status change of all is one seek; members without one are not in the index.
    index('members_next_change').on(table.nextChangeAt).where('next_change_at is not null'),
  ],
);

/** Single values, by name; the names are in `meta.ts`. */
export const meta = describeTable('meta', {
  name: text('name').primaryKey(),
  value: json<unknown>('value').notNull(),
});
