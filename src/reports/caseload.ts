import { z } from 'zod';
import { addDaysOn, startOfDayAt } from '../rules/calendar.js';
import { CASELOAD_BUCKETS, CHANNELS } from '../rules/vocabulary.js';
import type { CaseloadRow } from '../store/ports/reports.js';
import { pageFields, type PageQuery } from '../http/answer-fields.js';
import { bucketCounts, bucketCountsSchema, bucketLimits, bucketsSchema, rememberBuckets } from './buckets.js';
import { count, days, instant, memberFields } from '../http/columns.js';
import { createListing, nextCursor, total, type Listing } from '../http/listing.js';
import { joinCursors, splitCursor } from '../http/joined-cursor.js';
import { optionalChoice } from '../http/query-fields.js';
import { createReport, type ReportContext } from './report.js';
import { presentSession, sessionRow } from './session-rows.js';
import { channelField, coachField, employerField, lookbackField, windowSince } from './session-query.js';

const VIEWS = ['summary', 'members', 'sessions'] as const;

const row = z.object({
  ...memberFields,
  coachIds: z.array(z.string()),
  coachNames: z.array(z.string()),
  channelsUsed: z.array(z.enum(CHANNELS)),
  channelCombo: z.string().meta({ description: 'The channels, sorted, joined by " + "' }),
  lastSessionAt: instant,
  daysSinceLastSession: days,
  buckets: bucketsSchema(CASELOAD_BUCKETS),
});
type Row = z.output<typeof row>;
type Session = z.output<typeof sessionRow>;

const summary = bucketCountsSchema(CASELOAD_BUCKETS);

export const caseload = createReport({
  name: 'caseload',
  title: 'Caseload',
  purpose:
    'Members with a coaching session in the selected period, by days since their last session, and these sessions.',
  path: '/API/intercom/caseload',
  fields: {
    lookbackDays: lookbackField,
    coach: coachField,
    employer: employerField,
    channel: channelField,
    view: optionalChoice(VIEWS, 'Answers with one part only: the counts, the members or the sessions'),
    ...pageFields,
  },
  body: {
    total: total.meta({ description: 'Filtered members; with view=sessions, sessions' }),
    summary: summary
      .optional()
      .meta({ description: 'All members of the window by bucket, whatever the other filters say' }),
    sessionsTotal: count.optional().meta({ description: 'Sessions that pass the filters' }),
    members: z.array(row).optional(),
    sessions: z.array(sessionRow).optional(),
    nextCursor,
  },
  row,
  ask: (query, context) => {
    const { store, timeZone, todayOn } = context;
    const { lookbackDays, view } = query;
    const window = windowSince(addDaysOn(todayOn, -lookbackDays), timeZone);
    const { fromAt } = window;
    const everybody = { fromAt, coaches: [], employers: [], channels: [] };
    const chosen = { coaches: query.coach, employers: query.employer, channels: query.channel };
    const members = createListing(store.caseload, { ...chosen, fromAt }, row, presentMembers(context));
    const sessions = createListing(
      store.sessions,
      { ...chosen, window },
      sessionRow,
      presentSession(context),
    );
    const countBuckets = async (): Promise<z.output<typeof summary>> => {
      const limits = bucketLimits(CASELOAD_BUCKETS, todayOn).map((on) => startOfDayAt(on, timeZone));
      return bucketCounts(CASELOAD_BUCKETS, await store.caseloadCounts(everybody, limits));
    };
    const bodies = {
      summary: async () => {
        const [all, buckets] = await Promise.all([members.count(), countBuckets()]);
        return { total: all, summary: buckets, nextCursor: null };
      },
      members: async () => {
        const [page, all] = await Promise.all([members.page(query), members.count()]);
        return { total: all, members: page.rows, nextCursor: page.nextCursor };
      },
      sessions: async () => {
        const [page, all] = await Promise.all([sessions.page(query), sessions.count()]);
        return { total: all, sessions: page.rows, nextCursor: page.nextCursor };
      },
      all: async () => {
        const [all, buckets, sessionsTotal, pages] = await Promise.all([
          members.count(),
          countBuckets(),
          sessions.count(),
          pageBoth(members, sessions, query),
        ]);
        return { total: all, summary: buckets, sessionsTotal, ...pages };
      },
    };
    const tables = {
      summary: {
        row: summary,
        async *batches() {
          yield [await countBuckets()];
        },
      },
      members,
      sessions,
    };
    return {
      filters: {
        lookbackDays,
        coach: query.coach,
        employer: query.employer,
        channel: query.channel,
        view: view ?? null,
      },
      ...(view === undefined ? {} : { fileLabel: view }),
      body: bodies[view ?? 'all'],
      table: tables[view ?? 'members'],
    };
  },
});

function presentMembers({ daysSinceAt }: ReportContext) {
  const bucketsIn = rememberBuckets(CASELOAD_BUCKETS);
  return (stored: CaseloadRow): Row => {
    const daysSinceLastSession = daysSinceAt(stored.lastSessionAt);
    return {
      memberId: stored.userId ?? stored.contactId,
      contactId: stored.contactId,
      memberName: stored.name,
      memberEmail: stored.email,
      client: stored.employer,
      coachIds: [...stored.coachIds],
      coachNames: [...stored.coachNames],
      channelsUsed: [...stored.channels],
      channelCombo: stored.channels.join(' + '),
      lastSessionAt: stored.lastSessionAt,
      daysSinceLastSession,
      buckets: bucketsIn(daysSinceLastSession),
    };
  };
}

/** Both lists page together: each page holds the next rows of both, until both have ended. */
async function pageBoth(members: Listing<Row>, sessions: Listing<Session>, { limit, cursor }: PageQuery) {
  const after = splitCursor(cursor, 2);
  const ended = { rows: [], nextCursor: null };
  const next = <Any extends Readonly<Record<string, unknown>>>(
    list: Listing<Any>,
    place: string | null | undefined,
  ) => (place === null ? Promise.resolve(ended) : list.page({ limit, cursor: place }));
  const [memberPage, sessionPage] = await Promise.all([next(members, after[0]), next(sessions, after[1])]);
  return {
    members: memberPage.rows,
    sessions: sessionPage.rows,
    nextCursor: joinCursors([memberPage.nextCursor, sessionPage.nextCursor]),
  };
}
