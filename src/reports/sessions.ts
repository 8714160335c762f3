import { z } from 'zod';
import { addDaysOn, startOfDayAt } from '../rules/calendar.js';
import { AT_RISK_UP_TO_DAYS, CASELOAD_BUCKETS } from '../rules/vocabulary.js';
import { pageFields } from '../http/answer-fields.js';
import { bucketCounts, bucketCountsSchema, bucketLimits } from './buckets.js';
import { count } from '../http/columns.js';
import { createListing, nextCursor, total } from '../http/listing.js';
import { optionalDate } from '../http/query-fields.js';
import { createReport } from './report.js';
import { presentSession, sessionRow } from './session-rows.js';
import {
  channelField,
  checkRange,
  coachField,
  employerField,
  lookbackField,
  windowOfDates,
  windowSince,
} from './session-query.js';

/** Caseload's buckets that have an end. */
const BUCKETS = [CASELOAD_BUCKETS[0], CASELOAD_BUCKETS[1], CASELOAD_BUCKETS[2]] as const;

export const sessions = createReport({
  name: 'sessions',
  title: 'Sessions',
  purpose: 'Each coaching session of a range of dates, and how many there were 0–7, 8–28 and 29–56 days ago.',
  path: '/API/intercom/sessions',
  fields: {
    from: optionalDate('First date; instead of lookbackDays'),
    to: optionalDate('Last date; without it today'),
    lookbackDays: lookbackField,
    coach: coachField,
    employer: employerField,
    channel: channelField,
    ...pageFields,
  },
  body: {
    total,
    summary: bucketCountsSchema(BUCKETS).extend({
      inRange: count.meta({ description: 'Sessions in the range of dates' }),
    }),
    sessions: z.array(sessionRow),
    nextCursor,
  },
  row: sessionRow,
  check: ({ from, to, lookbackDays }, { todayOn }) => {
    if (from !== undefined && from > todayOn) return [{ field: 'from', message: 'must not be after today' }];
    if (from === undefined && to !== undefined && lookbackDays !== undefined) {
      const beginsOn = addDaysOn(todayOn, -lookbackDays);
      return to < beginsOn
        ? [{ field: 'to', message: 'needs a from, or more lookbackDays, to reach it' }]
        : [];
    }
    return checkRange(['from', from], ['to', to]);
  },
  ask: (query, context) => {
    const { store, timeZone, todayOn } = context;
    const fromOn = query.from ?? addDaysOn(todayOn, -query.lookbackDays);
    const toOn = query.to ?? todayOn;
    const chosen = { coaches: query.coach, employers: query.employer, channels: query.channel };
    const filter = { ...chosen, window: windowOfDates(fromOn, toOn, todayOn, timeZone) };
    const recent = { ...chosen, window: windowSince(addDaysOn(todayOn, -AT_RISK_UP_TO_DAYS), timeZone) };
    const listing = createListing(store.sessions, filter, sessionRow, presentSession(context));
    return {
      filters: {
        from: fromOn,
        to: toOn,
        coach: query.coach,
        employer: query.employer,
        channel: query.channel,
      },
      body: async () => {
        const limits = bucketLimits(BUCKETS, todayOn).map((on) => startOfDayAt(on, timeZone));
        const [page, inRange, counts] = await Promise.all([
          listing.page(query),
          listing.count(),
          store.sessionCounts(recent, limits),
        ]);
        return {
          total: inRange,
          summary: { ...bucketCounts(BUCKETS, counts), inRange },
          sessions: page.rows,
          nextCursor: page.nextCursor,
        };
      },
      table: listing,
    };
  },
});
