import { z } from 'zod';
import { addDaysOn, EARLIEST_ON } from '../rules/calendar.js';
import { CHANNELS, NEW_PARTICIPANT_BUCKETS } from '../rules/vocabulary.js';
import type { ParticipantRow } from '../store/ports/reports.js';
import { pageFields } from '../http/answer-fields.js';
import { bucketCounts, bucketCountsSchema, bucketLimits, bucketsSchema, rememberBuckets } from './buckets.js';
import { date, days, heldDateColumn, instant, memberFields } from '../http/columns.js';
import { createListing, nextCursor, total } from '../http/listing.js';
import { optionalDate } from '../http/query-fields.js';
import { createReport, type ReportContext } from './report.js';
import { channelField, checkRange, coachField, employerField, lookbackField } from './session-query.js';

const row = z.object({
  ...memberFields,
  participantAt: heldDateColumn,
  participantOn: date.meta({ description: 'Enrolled Date as a date' }),
  daysSinceParticipant: days,
  hasSession: z.boolean(),
  firstSessionAt: instant.nullable(),
  lastSessionAt: instant.nullable(),
  daysSinceLastSession: days.nullable(),
  coachIds: z.array(z.string()),
  coachNames: z.array(z.string()),
  channelsUsed: z.array(z.enum(CHANNELS)),
  daysWithoutSession: days,
  buckets: bucketsSchema(NEW_PARTICIPANT_BUCKETS),
});

export const newParticipants = createReport({
  name: 'new-participants',
  title: 'New participants',
  purpose: 'Members by Enrolled Date, and for how many days each has been without a coaching session.',
  path: '/API/intercom/new-participants',
  fields: {
    lookbackDays: lookbackField,
    enrolledFrom: optionalDate('First Enrolled Date; a range of dates takes the place of lookbackDays'),
    enrolledTo: optionalDate('Last Enrolled Date, which may lie ahead; without it today'),
    coach: coachField,
    employer: employerField,
    channel: channelField,
    ...pageFields,
  },
  body: {
    total,
    summary: bucketCountsSchema(NEW_PARTICIPANT_BUCKETS),
    participants: z.array(row),
    nextCursor,
  },
  row,
  check: ({ enrolledFrom, enrolledTo }, { todayOn }) => {
    if (enrolledFrom !== undefined && enrolledTo === undefined && enrolledFrom > todayOn) {
      return [{ field: 'enrolledFrom', message: 'must not be after today without an enrolledTo' }];
    }
    return checkRange(['enrolledFrom', enrolledFrom], ['enrolledTo', enrolledTo]);
  },
  ask: (query, context) => {
    const { store, todayOn } = context;
    const isRange = query.enrolledFrom !== undefined || query.enrolledTo !== undefined;
    const enrolledFromOn =
      query.enrolledFrom ?? (isRange ? EARLIEST_ON : addDaysOn(todayOn, -query.lookbackDays));
    const enrolledToOn = query.enrolledTo ?? todayOn;
    const filter = {
      enrolledFromOn,
      enrolledToOn,
      coaches: query.coach,
      employers: query.employer,
      channels: query.channel,
    };
    const listing = createListing(store.newParticipants, filter, row, present(context));
    return {
      filters: {
        lookbackDays: isRange ? null : query.lookbackDays,
        enrolledFrom: enrolledFromOn,
        enrolledTo: enrolledToOn,
        coach: query.coach,
        employer: query.employer,
        channel: query.channel,
      },
      body: async () => {
        const [page, sizes] = await Promise.all([
          listing.page(query),
          store.participantCounts(filter, bucketLimits(NEW_PARTICIPANT_BUCKETS, todayOn)),
        ]);
        return {
          // Together the groups hold everybody, so nobody is counted twice.
          total: sizes.reduce((sum, size) => sum + size, 0),
          summary: bucketCounts(NEW_PARTICIPANT_BUCKETS, sizes),
          participants: page.rows,
          nextCursor: page.nextCursor,
        };
      },
      table: listing,
    };
  },
});

function present({ daysSinceOn, daysSinceAt }: ReportContext) {
  const bucketsIn = rememberBuckets(NEW_PARTICIPANT_BUCKETS);
  return (stored: ParticipantRow): z.output<typeof row> => {
    const { lastSessionAt, participantOn } = stored;
    const daysSinceParticipant = daysSinceOn(participantOn);
    const daysSinceLastSession = lastSessionAt === null ? null : daysSinceAt(lastSessionAt);
    const daysWithoutSession = daysSinceLastSession ?? daysSinceParticipant;
    return {
      memberId: stored.userId ?? stored.contactId,
      contactId: stored.contactId,
      memberName: stored.name,
      memberEmail: stored.email,
      client: stored.employer,
      participantAt: stored.participantAt,
      participantOn,
      daysSinceParticipant,
      hasSession: lastSessionAt !== null,
      firstSessionAt: stored.firstSessionAt,
      lastSessionAt,
      daysSinceLastSession,
      coachIds: [...stored.coachIds],
      coachNames: [...stored.coachNames],
      channelsUsed: [...stored.channels],
      daysWithoutSession,
      buckets: bucketsIn(daysWithoutSession),
    };
  };
}
