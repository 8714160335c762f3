import { z } from 'zod';
import { addDaysOn, monthWindow, startOfDayAt } from '../rules/calendar.js';
import { BILLING_REACH_DAYS } from '../rules/vocabulary.js';
import type { BillingRow } from '../store/ports/reports.js';
import { pageFields } from '../http/answer-fields.js';
import { date, heldDateColumn, instant, memberFields } from '../http/columns.js';
import { createListing, nextCursor, total } from '../http/listing.js';
import { optionalMonth } from '../http/query-fields.js';
import { createReport } from './report.js';
import { employerField } from './session-query.js';

const row = z.object({
  memberId: memberFields.memberId,
  memberName: memberFields.memberName,
  memberEmail: memberFields.memberEmail,
  employer: memberFields.client,
  registrationAt: heldDateColumn.nullable(),
  lastSessionAt: instant.nullable(),
  isNewParticipant: z.boolean(),
  engagedDuringMonth: z.boolean(),
  registrationOn: date.nullable().meta({ description: 'Enrolled Date as a date' }),
});

export const billing = createReport({
  name: 'billing',
  title: 'Billing',
  purpose: `Members to bill for a month: enrolled in it, or with a closed call from ${BILLING_REACH_DAYS} days before its 1st through its last day.`,
  path: '/API/intercom/billing',
  fields: {
    monthYearLabel: optionalMonth('Month, YYYY-MM; without it the current one'),
    month: optionalMonth('The same under a shorter name'),
    employer: employerField,
    ...pageFields,
  },
  body: { total, rows: z.array(row), nextCursor },
  row,
  check: ({ monthYearLabel, month }, { todayOn }) => {
    const message = 'must not be a month that lies ahead';
    const problems = Object.entries({ monthYearLabel, month }).flatMap(([field, value]) =>
      value !== undefined && value > todayOn.slice(0, 7) ? [{ field, message }] : [],
    );
    if (monthYearLabel === undefined || month === undefined || monthYearLabel === month) return problems;
    return [...problems, { field: 'month', message: 'must be the same month as monthYearLabel' }];
  },
  ask: (query, { store, timeZone, todayOn }) => {
    const month = query.monthYearLabel ?? query.month ?? todayOn.slice(0, 7);
    const window = monthWindow(month, timeZone);
    if (window === null) throw new TypeError('a month that was checked is none');
    const { firstOn, lastOn, endAt } = window;
    const filter = {
      enrolledFromOn: firstOn,
      enrolledToOn: lastOn,
      calls: { fromAt: startOfDayAt(addDaysOn(firstOn, -BILLING_REACH_DAYS), timeZone), toAt: endAt },
      employers: query.employer,
    };
    const listing = createListing(store.billing, filter, row, present);
    return {
      filters: { monthYearLabel: month, employer: query.employer },
      fileLabel: month,
      body: async () => {
        const [page, all] = await Promise.all([listing.page(query), listing.count()]);
        return { total: all, rows: page.rows, nextCursor: page.nextCursor };
      },
      table: listing,
    };
  },
});

function present(stored: BillingRow): z.output<typeof row> {
  return {
    memberId: stored.userId ?? stored.contactId,
    memberName: stored.name,
    memberEmail: stored.email,
    employer: stored.employer,
    registrationAt: stored.enrolledAt,
    lastSessionAt: stored.lastSessionAt,
    isNewParticipant: stored.isNewParticipant,
    engagedDuringMonth: stored.engagedDuringMonth,
    registrationOn: stored.enrolledOn,
  };
}
