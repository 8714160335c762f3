import { z } from 'zod';
import { bucketCounts, bucketLimits } from '../reports/buckets.js';
import { caseload } from '../reports/caseload.js';
import { addDaysOn, startOfDayAt } from '../rules/calendar.js';
import { canonical, CASELOAD_BUCKETS, CHANNELS } from '../rules/vocabulary.js';
import { Bars } from './parts/bars.js';
import { shareText } from './parts/numbers.js';
import { Tiles } from './parts/tiles.js';
import { Instant } from './parts/when.js';
import {
  channelFilter,
  coachFilter,
  daysText,
  employerColumn,
  employerFilter,
  lookbackFilter,
  memberColumn,
  memberIdColumn,
  memberOfRow,
} from './report/common.js';
import { textsOf } from './report/filter-values.js';
import { summaryCount, type AboveFacts, type ReportPage } from './report/report-page.js';

const row = z.object({
  ...memberOfRow,
  coachNames: z.array(z.string()),
  channelCombo: z.string(),
  lastSessionAt: z.number(),
  daysSinceLastSession: z.number(),
});
type Row = z.output<typeof row>;

export const caseloadPage: ReportPage<Row> = {
  path: '/intercom/caseload',
  report: caseload,
  fixed: { view: 'members' },
  rowsIn: 'members',
  row,
  noun: 'member',
  filters: [lookbackFilter, coachFilter, employerFilter, channelFilter],
  order: { column: 'lastSessionAt', direction: 'descending' },
  columns: (zone) => [
    memberColumn(),
    memberIdColumn(),
    employerColumn(),
    {
      name: 'Coaches',
      key: 'coachNames',
      value: ({ coachNames }) => coachNames[0] ?? null,
      cell: ({ coachNames }) => coachNames.join(', '),
    },
    {
      name: 'Channels',
      key: 'channelCombo',
      value: ({ channelCombo }) => channelCombo,
      cell: ({ channelCombo }) => channelCombo,
    },
    {
      name: 'Last session',
      key: 'lastSessionAt',
      value: ({ lastSessionAt }) => lastSessionAt,
      cell: ({ lastSessionAt }) => <Instant at={lastSessionAt} zone={zone} />,
    },
    {
      name: 'Days since',
      key: 'daysSinceLastSession',
      isNumber: true,
      value: ({ daysSinceLastSession }) => daysSinceLastSession,
      cell: ({ daysSinceLastSession }) => daysSinceLastSession,
    },
  ],
  above: showAbove,
};

/** Tiles count everybody in the window, as the report's summary does; the chart counts who passes the filters. */
async function showAbove({ filters, context }: AboveFacts) {
  const { store, todayOn, timeZone } = context;
  const fromAt = startOfDayAt(addDaysOn(todayOn, -Number(filters['lookbackDays'])), timeZone);
  const limits = bucketLimits(CASELOAD_BUCKETS, todayOn).map((on) => startOfDayAt(on, timeZone));
  const countIn = async (filter: Readonly<Record<string, unknown>>) => {
    const chosen = {
      fromAt,
      coaches: textsOf(filter, 'coach'),
      employers: textsOf(filter, 'employer'),
      channels: textsOf(filter, 'channel').flatMap((name) => canonical(CHANNELS, name) ?? []),
    };
    return { summary: bucketCounts(CASELOAD_BUCKETS, await store.caseloadCounts(chosen, limits)) };
  };
  const everybody = await countIn({});
  const shown = await countIn(filters);
  const count = (name: string): number => summaryCount(everybody, name);
  const sum = CASELOAD_BUCKETS.reduce((total, { name }) => total + count(name), 0);
  return (
    <>
      <Tiles
        label="All members with a session, by days since the last one"
        tiles={CASELOAD_BUCKETS.map(({ name, fromDays, toDays }) => ({
          name: daysText(fromDays, toDays),
          count: count(name),
          note: shareText(count(name), sum),
        }))}
      />
      <Bars
        title="Filtered members, by days since their last session"
        bars={CASELOAD_BUCKETS.map(({ name, fromDays, toDays }) => ({
          name: daysText(fromDays, toDays),
          count: summaryCount(shown, name),
        }))}
      />
    </>
  );
}
