import { z } from 'zod';
import { addDaysOn, startOfDayAt } from '../rules/calendar.js';
import { ENGAGEMENT_STATUSES } from '../rules/vocabulary.js';
import type { EngagementRow } from '../store/ports/reports.js';
import { pageFields } from '../http/answer-fields.js';
import { date } from '../http/columns.js';
import { createListing, nextCursor, total } from '../http/listing.js';
import {
  choiceList,
  optionalDate,
  optionalText,
  optionalWholeNumber,
  textList,
} from '../http/query-fields.js';
import { createReport, type ReportContext } from './report.js';
import { checkRange, employerField } from './session-query.js';

/** The ten columns that the receivers of the file know, in their order and under their names. */
const row = z.object({
  employee_id: z.string().nullable().meta({ description: 'User ID' }),
  name_first: z.string(),
  name_last: z.string(),
  member_dob: date.nullable(),
  group_description: z.string().nullable().meta({ description: 'Employer' }),
  last_coaching_session: date.nullable(),
  program_status: z.string().nullable(),
  status_date: date.nullable(),
  eligible_programs: z.string().nullable(),
  registration_code: z.string().nullable(),
});

export const engagement = createReport({
  name: 'engagement',
  title: 'Engagement CSV',
  purpose: 'Every member with status, last coaching session and programs, as a file with ten columns.',
  path: '/API/intercom/report/engagement',
  defaultFormat: 'csv',
  fields: {
    referral: textList('Referral; may repeat'),
    employer: employerField,
    enrolledDateFrom: optionalDate('First Enrolled Date'),
    enrolledDateTo: optionalDate('Last Enrolled Date'),
    lastSessionFrom: optionalDate('First date of Last Coaching Session'),
    lastSessionTo: optionalDate('Last date of Last Coaching Session'),
    engagementStatus: choiceList(ENGAGEMENT_STATUSES, 'Engagement Status; may repeat'),
    perPage: optionalWholeNumber(
      { min: 1, max: 5000 },
      'Accepted for clients of the system before this one; the file always holds all rows',
    ),
    outputPath: optionalText(
      1000,
      'Writes the file to this path below EXPORT_DIR and answers with a summary; by POST only',
    ),
    ...pageFields,
  },
  body: { total, rows: z.array(row), nextCursor },
  row,
  check: (query) => [
    ...checkRange(['enrolledDateFrom', query.enrolledDateFrom], ['enrolledDateTo', query.enrolledDateTo]),
    ...checkRange(['lastSessionFrom', query.lastSessionFrom], ['lastSessionTo', query.lastSessionTo]),
    ...(query.outputPath !== undefined && query.format === 'json'
      ? [{ field: 'outputPath', message: 'holds a CSV: leave out format, or set it to csv' }]
      : []),
  ],
  ask: (query, context) => {
    const { store, timeZone } = context;
    const { lastSessionFrom, lastSessionTo } = query;
    const filter = {
      referrals: query.referral,
      employers: query.employer,
      statuses: query.engagementStatus,
      enrolledFromOn: query.enrolledDateFrom ?? null,
      enrolledToOn: query.enrolledDateTo ?? null,
      lastSession: {
        fromAt: lastSessionFrom === undefined ? null : startOfDayAt(lastSessionFrom, timeZone),
        toAt: lastSessionTo === undefined ? null : startOfDayAt(addDaysOn(lastSessionTo, 1), timeZone),
      },
    };
    const listing = createListing(store.engagement, filter, row, present(context));
    return {
      filters: {
        referral: query.referral,
        employer: query.employer,
        enrolledDateFrom: filter.enrolledFromOn,
        enrolledDateTo: filter.enrolledToOn,
        lastSessionFrom: lastSessionFrom ?? null,
        lastSessionTo: lastSessionTo ?? null,
        engagementStatus: query.engagementStatus,
      },
      body: async () => {
        const [page, all] = await Promise.all([listing.page(query), listing.count()]);
        return { total: all, rows: page.rows, nextCursor: page.nextCursor };
      },
      table: listing,
    };
  },
});

function present({ zoneTime }: ReportContext) {
  const dateOrNull = (at: number | null): string | null => (at === null ? null : zoneTime.dateOf(at));
  return (stored: EngagementRow): z.output<typeof row> => ({
    employee_id: stored.userId,
    name_first: stored.firstName,
    name_last: stored.lastName,
    member_dob: stored.birthOn,
    group_description: stored.employer,
    last_coaching_session: dateOrNull(stored.lastCoachingSessionAt),
    program_status: stored.status,
    status_date: dateOrNull(stored.statusDateAt),
    eligible_programs: stored.eligiblePrograms,
    registration_code: stored.registrationCode,
  });
}
