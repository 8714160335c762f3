import { z } from 'zod';
import { addDaysOn, startOfDayAt } from '../rules/calendar.js';
import type { DataQualityProblem, DataQualityRow } from '../store/ports/reports.js';
import { pageFields } from '../http/answer-fields.js';
import { count, instant, memberFields } from '../http/columns.js';
import { createListing, nextCursor, total } from '../http/listing.js';
import { choiceList } from '../http/query-fields.js';
import { createReport } from './report.js';
import { coachField, employerField, lookbackField } from './session-query.js';

const PROBLEMS = {
  callsThatDoNotCount: 'call does not count',
  withoutEnrolledDate: 'no Enrolled Date',
  withoutUserId: 'no User ID',
  withoutEmployer: 'no Employer',
} as const satisfies Record<string, DataQualityProblem>;
const PROBLEM_NAMES = Object.values(PROBLEMS);

const row = z.object({
  problem: z.enum(PROBLEM_NAMES),
  reasons: z.array(z.string()).meta({ description: 'What would have to change: "Service Code empty"' }),
  coachId: z.string().nullable(),
  coachName: z.string().nullable(),
  conversationId: z.string().nullable(),
  closedAt: instant.nullable(),
  ...memberFields,
});

const summaryShape = z.object({
  callsThatDoNotCount: count,
  withoutEnrolledDate: count,
  withoutUserId: count,
  withoutEmployer: count,
});
type Summary = z.output<typeof summaryShape>;

export const dataQuality = createReport({
  name: 'data-quality',
  title: 'Data quality',
  purpose:
    'Closed calls that do not count and why, by coach; members without Enrolled Date, User ID or Employer.',
  path: '/API/intercom/data-quality',
  fields: {
    problem: choiceList(PROBLEM_NAMES, 'Kind of problem; may repeat'),
    lookbackDays: lookbackField,
    coach: coachField,
    employer: employerField,
    ...pageFields,
  },
  body: {
    total,
    summary: summaryShape,
    items: z.array(row),
    nextCursor,
  },
  row,
  ask: (query, { store, timeZone, todayOn }) => {
    const chosen = {
      coaches: query.coach,
      employers: query.employer,
      closedFromAt: startOfDayAt(addDaysOn(todayOn, -query.lookbackDays), timeZone),
    };
    const listing = createListing(store.dataQuality, { ...chosen, problems: query.problem }, row, present);
    const countOf = (problem: DataQualityProblem): Promise<number> =>
      store.dataQuality.count({ ...chosen, problems: [problem] });
    return {
      filters: {
        problem: query.problem,
        lookbackDays: query.lookbackDays,
        coach: query.coach,
        employer: query.employer,
      },
      body: async () => {
        const [page, callsThatDoNotCount, withoutEnrolledDate, withoutUserId, withoutEmployer] =
          await Promise.all([
            listing.page(query),
            countOf(PROBLEMS.callsThatDoNotCount),
            countOf(PROBLEMS.withoutEnrolledDate),
            countOf(PROBLEMS.withoutUserId),
            countOf(PROBLEMS.withoutEmployer),
          ]);
        const summary = { callsThatDoNotCount, withoutEnrolledDate, withoutUserId, withoutEmployer };
        return {
          total: sumOf(summary, query.problem),
          summary,
          items: page.rows,
          nextCursor: page.nextCursor,
        };
      },
      table: listing,
    };
  },
});

/** How many there are of the problems that were asked for; of all without any. */
function sumOf(summary: Summary, asked: readonly DataQualityProblem[]): number {
  const countIf = (problem: DataQualityProblem, counted: number): number =>
    asked.length === 0 || asked.includes(problem) ? counted : 0;
  return (
    countIf(PROBLEMS.callsThatDoNotCount, summary.callsThatDoNotCount) +
    countIf(PROBLEMS.withoutEnrolledDate, summary.withoutEnrolledDate) +
    countIf(PROBLEMS.withoutUserId, summary.withoutUserId) +
    countIf(PROBLEMS.withoutEmployer, summary.withoutEmployer)
  );
}

function present(stored: DataQualityRow): z.output<typeof row> {
  return {
    problem: stored.problem,
    reasons: [...stored.reasons],
    coachId: stored.coachId,
    coachName: stored.coachName,
    conversationId: stored.conversationId,
    closedAt: stored.closedAt,
    memberId: stored.userId ?? stored.contactId,
    contactId: stored.contactId,
    memberName: stored.name,
    memberEmail: stored.email,
    client: stored.employer,
  };
}
