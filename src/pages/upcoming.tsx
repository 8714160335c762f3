import { z } from 'zod';
import { upcoming } from '../reports/upcoming.js';
import { addDaysOn, startOfDayAt } from '../rules/calendar.js';
import { AT_RISK_UP_TO_DAYS } from '../rules/vocabulary.js';
import { StackedColumns, type Column } from './parts/stacked-columns.js';
import { StatusLabel } from './parts/status.js';
import { Tiles } from './parts/tiles.js';
import { Day, dayText, InstantDay, shortDay } from './parts/when.js';
import { coachFilter, employerColumn, employerFilter, memberColumn, memberOfRow } from './report/common.js';
import { textsOf } from './report/filter-values.js';
import type { AboveFacts, ReportPage } from './report/report-page.js';

const row = z.object({
  ...memberOfRow,
  coachName: z.string().nullable(),
  fromStatus: z.string().nullable(),
  toStatus: z.string(),
  changesOn: z.string(),
  lastCallAt: z.number().nullable(),
  channel: z.string().nullable(),
  serviceCode: z.string().nullable(),
});
type Row = z.output<typeof row>;

/** One count of the store for each column. */
const MAX_COLUMNS = 10;

export const upcomingPage: ReportPage<Row> = {
  path: '/intercom/upcoming',
  report: upcoming,
  rowsIn: 'items',
  row,
  noun: 'member',
  filters: [
    { kind: 'number', name: 'days', label: 'Days ahead', min: 1, max: AT_RISK_UP_TO_DAYS + 1, fallback: 7 },
    coachFilter,
    employerFilter,
  ],
  order: { column: 'changesOn', direction: 'ascending' },
  columns: (zone) => [
    {
      name: 'Change date',
      key: 'changesOn',
      value: ({ changesOn }) => changesOn,
      cell: ({ changesOn }) => <Day on={changesOn} />,
    },
    memberColumn(),
    employerColumn(),
    {
      name: 'From',
      key: 'fromStatus',
      value: ({ fromStatus }) => fromStatus,
      cell: ({ fromStatus }) => <StatusLabel status={fromStatus} />,
    },
    {
      name: 'To',
      key: 'toStatus',
      value: ({ toStatus }) => toStatus,
      cell: ({ toStatus }) => <StatusLabel status={toStatus} />,
    },
    {
      name: 'Coach',
      key: 'coachName',
      width: 'together',
      value: ({ coachName }) => coachName,
      cell: ({ coachName }) => coachName,
    },
    {
      name: 'Last qualifying call',
      key: 'lastCallAt',
      value: ({ lastCallAt }) => lastCallAt,
      cell: ({ lastCallAt }) => <InstantDay at={lastCallAt} zone={zone} />,
    },
    {
      name: 'Call type',
      cell: ({ channel, serviceCode }) => [channel, serviceCode].filter((part) => part !== null).join(' · '),
    },
  ],
  above: showAbove,
};

async function showAbove({ body, filters, context }: AboveFacts) {
  const { store, todayOn, timeZone } = context;
  const days = Number(filters['days']);
  const step = Math.ceil((days + 1) / MAX_COLUMNS);
  const columns: Column[] = [];
  for (let ahead = 0; ahead <= days; ahead += step) {
    const fromOn = addDaysOn(todayOn, ahead);
    const toOn = addDaysOn(todayOn, Math.min(ahead + step, days + 1));
    const members = await store.upcoming.count({
      fromAt: startOfDayAt(fromOn, timeZone),
      beforeAt: startOfDayAt(toOn, timeZone),
      coaches: textsOf(filters, 'coach'),
      employers: textsOf(filters, 'employer'),
    });
    const name = step === 1 ? dayText(fromOn) : `${dayText(fromOn)} to ${dayText(addDaysOn(toOn, -1))}`;
    columns.push({ name, tick: shortDay(fromOn), counts: { Members: members } });
  }
  return (
    <>
      <Tiles
        label="Status changes ahead"
        tiles={[
          {
            name: `Status changes through ${shortDay(addDaysOn(todayOn, days))}`,
            count: Number(body['total']),
          },
        ]}
      />
      <StackedColumns
        title="Status changes by day"
        columnHeading={step === 1 ? 'Day' : 'Days'}
        series={['Members']}
        columns={columns}
      />
    </>
  );
}
