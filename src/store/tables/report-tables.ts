import { CHANNELS, ENGAGEMENT_STATUSES, QUALIFYING_SERVICE_CODES } from '../../rules/vocabulary.js';
import { boolean, describeTable, index, integer, text } from './describe-table.js';
import { members } from './cache-tables.js';

/**
 * What reports read of each member, in one narrow row beside the wide ones (attributes, evidence): a report that walks
 * all members reads a tenth of the pages. Written with each recompute; `…_key` columns hold the form in which values
 * are compared and sorted, because SQLite folds only ASCII letters.
 */
export const reportedMembers = describeTable(
  'reported_members',
  {
    contactId: text('contact_id')
      .primaryKey()
      .references(() => members, 'contactId', { onDelete: 'cascade' }),
    /** User ID, or the contact id where that is empty. */
    memberId: text('member_id').notNull(),
    userId: text('user_id'),
    // Sort the empty ones last, as columns: SQLite can't walk an index from a row value that begins with an expression.
    hasNoUserId: boolean('has_no_user_id').notNull(),
    hasNoEmployer: boolean('has_no_employer').notNull(),
    name: text('name'),
    nameKey: text('name_key').notNull(),
    // Taken apart once, because that takes longer than all else that a report does with a row.
    firstName: text('first_name').notNull().default(''),
    lastName: text('last_name').notNull().default(''),
    email: text('email'),
    employer: text('employer'),
    employerKey: text('employer_key').notNull(),
    referralKey: text('referral_key').notNull(),
    registrationCode: text('registration_code'),
    enrolledOn: text('enrolled_on'),
    enrolledAt: integer('enrolled_at'),
    registeredOn: text('registered_on'),
    birthOn: text('birth_on'),
    // Coaching sessions of all time, and the calls among them that billing counts.
    firstSessionAt: integer('first_session_at'),
    lastSessionAt: integer('last_session_at'),
    firstBillableAt: integer('first_billable_at'),
    lastBillableAt: integer('last_billable_at'),
    /** Date of the last coaching session, else Enrolled Date. */
    withoutSessionSinceOn: text('without_session_since_on'),
    status: text('status', ENGAGEMENT_STATUSES),
    nextChangeAt: integer('next_change_at'),
    nextChangeOn: text('next_change_on'),
    nextChangeTo: text('next_change_to', ENGAGEMENT_STATUSES),
    // The last qualifying call.
    lastQualifyingAt: integer('last_qualifying_at'),
    lastQualifyingCoachId: text('last_qualifying_coach_id'),
    lastQualifyingChannel: text('last_qualifying_channel', CHANNELS),
    lastQualifyingServiceCode: text('last_qualifying_service_code', QUALIFYING_SERVICE_CODES),
    // Maintained attributes as wanted, or as held where they are left alone.
    maintainedSessionAt: integer('maintained_session_at'),
    maintainedStatus: text('maintained_status'),
    maintainedStatusKey: text('maintained_status_key').notNull(),
    maintainedStatusAt: integer('maintained_status_at'),
    maintainedPrograms: text('maintained_programs'),
  },
  (table) => [
    index('reported_members_last_session')
      .on(table.lastSessionAt, table.contactId)
      .where('last_session_at is not null'),
    // New participants are listed and counted along it; whether they are new is in it too.
    index('reported_members_without_session')
      .on(table.withoutSessionSinceOn, table.contactId, table.enrolledOn)
      .where('enrolled_on is not null'),
    index('reported_members_enrolled').on(table.enrolledOn).where('enrolled_on is not null'),
    index('reported_members_registered').on(table.registeredOn).where('registered_on is not null'),
    // Billing walks it in its order, and finds in it whom it includes.
    index('reported_members_billing').on(
      table.hasNoEmployer,
      table.employerKey,
      table.nameKey,
      table.memberId,
      table.contactId,
      table.enrolledOn,
      table.firstBillableAt,
      table.lastBillableAt,
    ),
    index('reported_members_user_id').on(table.hasNoUserId, table.memberId, table.contactId),
    index('reported_members_next_change')
      .on(table.nextChangeAt, table.contactId)
      .where('next_change_at is not null'),
    index('reported_members_status').on(table.status),
    // The few that data quality names.
    index('reported_members_not_enrolled').on(table.contactId).where('enrolled_on is null'),
    index('reported_members_no_employer')
      .on(table.contactId)
      .where(({ isTrue }) => isTrue('has_no_employer')),
  ],
);
