import { z } from 'zod';
import { addDaysOn, startOfDayAt } from '../rules/calendar.js';
import { AT_RISK_UP_TO_DAYS, CHANNELS, ENGAGEMENT_STATUSES } from '../rules/vocabulary.js';
import type { UpcomingRow } from '../store/ports/reports.js';
import { pageFields } from '../http/answer-fields.js';
import { date, instant, memberFields } from '../http/columns.js';
import { createListing, nextCursor, total } from '../http/listing.js';
import { wholeNumber } from '../http/query-fields.js';
import { createReport } from './report.js';
import { coachField, employerField } from './session-query.js';

const row = z.object({
  ...memberFields,
  coachId: z.string().nullable(),
  coachName: z.string().nullable(),
  fromStatus: z.enum(ENGAGEMENT_STATUSES).nullable(),
  toStatus: z.enum(ENGAGEMENT_STATUSES),
  changesAt: instant,
  changesOn: date,
  lastCallAt: instant.nullable(),
  channel: z.enum(CHANNELS).nullable(),
  serviceCode: z.string().nullable(),
  enrolledOn: date.nullable().meta({ description: 'Enrolled Date as a date' }),
});

export const upcoming = createReport({
  name: 'upcoming',
  title: 'Upcoming',
  purpose:
    'Members whose Engagement Status will change in the next days unless they have a qualifying call first, with the coach and the last qualifying call.',
  path: '/API/intercom/upcoming',
  fields: {
    // No status change lies further ahead than this.
    days: wholeNumber(
      { min: 1, max: AT_RISK_UP_TO_DAYS + 1 },
      7,
      'Days to look ahead; the last one is included',
    ),
    coach: coachField,
    employer: employerField,
    ...pageFields,
  },
  body: { total, items: z.array(row), nextCursor },
  row,
  ask: (query, { store, timeZone, todayOn }) => {
    const filter = {
      // A change of today that has not been applied yet is still to come.
      fromAt: startOfDayAt(todayOn, timeZone),
      beforeAt: startOfDayAt(addDaysOn(todayOn, query.days + 1), timeZone),
      coaches: query.coach,
      employers: query.employer,
    };
    const listing = createListing(store.upcoming, filter, row, present);
    return {
      filters: { days: query.days, coach: query.coach, employer: query.employer },
      body: async () => {
        const [page, all] = await Promise.all([listing.page(query), listing.count()]);
        return { total: all, items: page.rows, nextCursor: page.nextCursor };
      },
      table: listing,
    };
  },
});

function present(stored: UpcomingRow): z.output<typeof row> {
  return {
    memberId: stored.userId ?? stored.contactId,
    contactId: stored.contactId,
    memberName: stored.name,
    memberEmail: stored.email,
    client: stored.employer,
    coachId: stored.coachId,
    coachName: stored.coachName,
    fromStatus: stored.status,
    toStatus: stored.nextChange.to,
    changesAt: stored.nextChange.at,
    changesOn: stored.nextChange.on,
    lastCallAt: stored.lastQualifyingAt,
    channel: stored.channel,
    serviceCode: stored.serviceCode,
    enrolledOn: stored.enrolledOn,
  };
}
