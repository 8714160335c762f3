import { z } from 'zod';
import { sessions } from '../reports/sessions.js';
import { windowOfDates } from '../reports/session-query.js';
import { addDaysOn, daysBetween, mondayOf, startOfDayAt } from '../rules/calendar.js';
import { canonical, CASELOAD_BUCKETS, CHANNELS } from '../rules/vocabulary.js';
import { StackedColumns, type Column } from './parts/stacked-columns.js';
import { Tiles } from './parts/tiles.js';
import { dayText, Instant, shortDay } from './parts/when.js';
import {
  channelFilter,
  coachFilter,
  daysText,
  employerColumn,
  employerFilter,
  lookbackFilter,
  memberColumn,
  memberOfRow,
} from './report/common.js';
import { textOf, textsOf } from './report/filter-values.js';
import { summaryCount, type AboveFacts, type ReportPage } from './report/report-page.js';

const row = z.object({
  ...memberOfRow,
  coachName: z.string().nullable(),
  channel: z.string(),
  serviceCode: z.string().nullable(),
  time: z.number(),
  daysSince: z.number(),
});
type Row = z.output<typeof row>;

/** A year from any day of the week on. */
const MAX_COLUMNS = 54;

export const sessionsPage: ReportPage<Row> = {
  path: '/intercom/sessions',
  report: sessions,
  rowsIn: 'sessions',
  row,
  noun: 'session',
  filters: [
    { kind: 'date', name: 'from', label: 'From' },
    { kind: 'date', name: 'to', label: 'To' },
    lookbackFilter,
    coachFilter,
    employerFilter,
    channelFilter,
  ],
  order: { column: 'time', direction: 'descending' },
  columns: (zone) => [
    {
      name: 'Closed',
      key: 'time',
      value: ({ time }) => time,
      cell: ({ time }) => <Instant at={time} zone={zone} />,
    },
    memberColumn(),
    employerColumn(),
    {
      name: 'Coach',
      key: 'coachName',
      width: 'together',
      value: ({ coachName }) => coachName,
      cell: ({ coachName }) => coachName,
    },
    { name: 'Channel', key: 'channel', value: ({ channel }) => channel, cell: ({ channel }) => channel },
    {
      name: 'Service Code',
      key: 'serviceCode',
      value: ({ serviceCode }) => serviceCode,
      cell: ({ serviceCode }) => serviceCode,
    },
    {
      name: 'Days since',
      key: 'daysSince',
      isNumber: true,
      value: ({ daysSince }) => daysSince,
      cell: ({ daysSince }) => daysSince,
    },
  ],
  above: showAbove,
};

async function showAbove(facts: AboveFacts) {
  const { body, filters } = facts;
  const from = textOf(filters, 'from');
  const to = textOf(filters, 'to');
  const recent = CASELOAD_BUCKETS.flatMap(({ name, fromDays, toDays }) =>
    toDays === null ? [] : [{ name: `${daysText(fromDays, toDays)} ago`, count: summaryCount(body, name) }],
  );
  const weeks = await countWeeks(facts, from, to);
  return (
    <>
      <Tiles
        label="Sessions that pass the filters"
        tiles={[
          ...recent,
          {
            name: 'In the range',
            count: summaryCount(body, 'inRange'),
            note: `${dayText(from)} to ${dayText(to)}`,
          },
        ]}
      />
      <StackedColumns
        title={weeks.step === 1 ? 'Sessions by week' : `Sessions by ${weeks.step} weeks`}
        columnHeading="From"
        series={['Sessions']}
        columns={weeks.columns}
      />
    </>
  );
}

/** Weeks from Monday, several together where the range is longer than a year. */
async function countWeeks(
  { filters, context }: AboveFacts,
  from: string,
  to: string,
): Promise<{ readonly step: number; readonly columns: readonly Column[] }> {
  const { store, timeZone, todayOn } = context;
  const firstOn = mondayOf(from);
  const weeks = Math.floor(daysBetween(firstOn, to) / 7) + 1;
  const step = Math.ceil(weeks / MAX_COLUMNS);
  const stepDays = 7 * step;
  const starts = Array.from({ length: Math.ceil((weeks * 7) / stepDays) }, (_, index) =>
    addDaysOn(firstOn, index * stepDays),
  );
  const filter = {
    window: windowOfDates(from, to, todayOn, timeZone),
    coaches: textsOf(filters, 'coach'),
    employers: textsOf(filters, 'employer'),
    channels: textsOf(filters, 'channel').flatMap((name) => canonical(CHANNELS, name) ?? []),
  };
  // The first column has no limit before it: the window begins within it.
  const counts = await store.sessionCounts(
    filter,
    starts.slice(1).map((on) => startOfDayAt(on, timeZone)),
  );
  const columns = starts.map((on, index) => ({
    name: dayText(on),
    tick: shortDay(on),
    counts: { Sessions: counts[index] ?? 0 },
  }));
  return { step, columns };
}
