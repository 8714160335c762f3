import { z } from 'zod';
import { dataQuality } from '../reports/data-quality.js';
import { addDaysOn, startOfDayAt } from '../rules/calendar.js';
import { Bars, type Bar } from './parts/bars.js';
import { Tiles } from './parts/tiles.js';
import { Instant } from './parts/when.js';
import {
  coachFilter,
  employerColumn,
  employerFilter,
  lookbackFilter,
  memberColumn,
  memberOfRow,
} from './report/common.js';
import { textsOf } from './report/filter-values.js';
import { summaryCount, type AboveFacts, type ReportPage } from './report/report-page.js';

const row = z.object({
  ...memberOfRow,
  problem: z.string(),
  reasons: z.array(z.string()),
  coachName: z.string().nullable(),
  conversationId: z.string().nullable(),
  closedAt: z.number().nullable(),
});
type Row = z.output<typeof row>;

const PROBLEMS = [
  { problem: 'call does not count', name: 'Calls that do not count', summary: 'callsThatDoNotCount' },
  { problem: 'no Enrolled Date', name: 'Without Enrolled Date', summary: 'withoutEnrolledDate' },
  { problem: 'no User ID', name: 'Without User ID', summary: 'withoutUserId' },
  { problem: 'no Employer', name: 'Without Employer', summary: 'withoutEmployer' },
] as const;

/** Each takes a count of its own. */
const PERIODS = 4;

export const dataQualityPage: ReportPage<Row> = {
  path: '/intercom/data-quality',
  report: dataQuality,
  rowsIn: 'items',
  row,
  noun: 'problem',
  filters: [
    {
      kind: 'choices',
      name: 'problem',
      label: 'Problem',
      choices: () => PROBLEMS.map(({ problem }) => ({ value: problem, name: problem })),
    },
    lookbackFilter,
    coachFilter,
    employerFilter,
  ],
  // By coach and time, then by problem: more than one column says.
  order: null,
  columns: (zone) => [
    {
      name: 'Problem',
      key: 'problem',
      width: 'together',
      value: ({ problem }) => problem,
      cell: ({ problem }) => problem,
    },
    { name: 'How to fix it', cell: ({ reasons }) => reasons.join('; ') },
    {
      name: 'Coach',
      key: 'coachName',
      width: 'together',
      value: ({ coachName }) => coachName,
      cell: ({ coachName }) => coachName,
    },
    {
      name: 'Closed',
      key: 'closedAt',
      value: ({ closedAt }) => closedAt,
      cell: ({ closedAt }) => <Instant at={closedAt} zone={zone} />,
    },
    memberColumn(),
    employerColumn(),
    {
      name: 'Conversation',
      key: 'conversationId',
      value: ({ conversationId }) => conversationId,
      cell: ({ conversationId }) => conversationId,
    },
  ],
  above: showAbove,
};

async function showAbove(facts: AboveFacts) {
  const { body, hrefWith } = facts;
  return (
    <>
      <Tiles
        label="Problems"
        tiles={PROBLEMS.map(({ problem, name, summary }) => ({
          name,
          count: summaryCount(body, summary),
          href: hrefWith('problem', problem),
        }))}
      />
      <Bars
        title="Closed calls that do not count, by days since they closed"
        bars={await countPeriods(facts)}
      />
    </>
  );
}

/** Is it getting better? The lookback in equal parts, the latest first. */
async function countPeriods({ filters, context }: AboveFacts): Promise<Bar[]> {
  const { store, todayOn, timeZone } = context;
  const lookbackDays = Number(filters['lookbackDays']);
  const step = Math.ceil((lookbackDays + 1) / PERIODS);
  const bars: Bar[] = [];
  let newer = 0;
  for (let from = 0; from <= lookbackDays; from += step) {
    const to = Math.min(from + step - 1, lookbackDays);
    const upToHere = await store.dataQuality.count({
      problems: ['call does not count'],
      coaches: textsOf(filters, 'coach'),
      employers: textsOf(filters, 'employer'),
      closedFromAt: startOfDayAt(addDaysOn(todayOn, -to), timeZone),
    });
    bars.push({ name: from === to ? `${from} days` : `${from}–${to} days`, count: upToHere - newer });
    newer = upToHere;
  }
  return bars;
}
