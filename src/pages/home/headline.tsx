import { z } from 'zod';
import type { ReportContext } from '../../reports/report.js';
import { overview } from '../../reports/overview.js';
import { addDaysOn, mondayOf } from '../../rules/calendar.js';
import { QUALIFYING_SERVICE_CODES } from '../../rules/vocabulary.js';
import { Bars } from '../parts/bars.js';
import { countText } from '../parts/numbers.js';
import { StackedColumns } from '../parts/stacked-columns.js';
import { Tiles } from '../parts/tiles.js';
import { dayText, shortDay } from '../parts/when.js';

const month = z.object({
  fromOn: z.string(),
  toOn: z.string(),
  registrations: z.number(),
  enrollments: z.number(),
  qualifyingCalls: z.number(),
});

const figures = z.object({
  total: z.number(),
  summary: z.object({
    monthToDate: month,
    monthBefore: month,
    statuses: z.array(z.object({ status: z.string().nullable(), members: z.number() })),
  }),
  weeks: z.array(z.object({ weekOn: z.string(), serviceCode: z.string().nullable(), sessions: z.number() })),
});
type Figures = z.output<typeof figures>;

const WEEKS = 8;
const MAX_SERIES = 5;
const REST = 'Other Service Codes';
const EMPTY = 'Service Code empty';
const TONES: Readonly<Record<string, string>> = {
  Engaged: 'engaged',
  'At Risk': 'at-risk',
  Unengaged: 'unengaged',
};

/** The overview report at a glance. */
export async function showHeadline(context: ReportContext) {
  const preparation = overview.prepare({ weeks: String(WEEKS) }, context);
  if (preparation.kind === 'wrong') throw new TypeError('the overview takes this many weeks');
  const { total, summary, weeks } = figures.parse(await preparation.prepared.body());
  const { monthToDate, monthBefore } = summary;
  const beforeText = `${shortDay(monthBefore.fromOn)} to ${shortDay(monthBefore.toOn)}`;
  const tile = (name: string, count: number, before: number) => ({
    name,
    count,
    note: `${countText(before)} from ${beforeText}`,
  });
  const { series, columns } = layWeeks(weeks, context.todayOn);
  return (
    <>
      <h2>{`${dayText(monthToDate.fromOn)} to today`}</h2>
      <Tiles
        label="This month to date"
        tiles={[
          tile('Registrations', monthToDate.registrations, monthBefore.registrations),
          tile('Enrollments', monthToDate.enrollments, monthBefore.enrollments),
          tile('Qualifying coaching calls', monthToDate.qualifyingCalls, monthBefore.qualifyingCalls),
          { name: 'Members', count: total },
        ]}
      />
      <div class="side-by-side">
        <Bars
          title="Members by Engagement Status"
          whole={total}
          bars={summary.statuses.map(({ status, members }) => ({
            name: status ?? 'No Enrolled Date',
            count: members,
            tone: TONES[status ?? ''] ?? 'none',
          }))}
        />
        <StackedColumns
          title="Coaching sessions by week and Service Code"
          columnHeading="Week from"
          series={series}
          columns={columns}
        />
      </div>
    </>
  );
}

/** Qualifying codes first, then the most frequent others; what is left becomes one layer. */
function layWeeks(weeks: Figures['weeks'], todayOn: string) {
  const totals = new Map<string, number>();
  for (const { serviceCode, sessions } of weeks) {
    const name = serviceCode ?? EMPTY;
    totals.set(name, (totals.get(name) ?? 0) + sessions);
  }
  const isQualifying = (name: string): boolean => QUALIFYING_SERVICE_CODES.some((code) => code === name);
  const names = [...totals.keys()].sort(
    (one, other) =>
      Number(isQualifying(other)) - Number(isQualifying(one)) ||
      (totals.get(other) ?? 0) - (totals.get(one) ?? 0),
  );
  const own = new Set(names.slice(0, names.length > MAX_SERIES + 1 ? MAX_SERIES : names.length));
  const series = own.size === names.length ? [...own] : [...own, REST];
  const monday = mondayOf(todayOn);
  const columns = Array.from({ length: WEEKS }, (_, index) => {
    const on = addDaysOn(monday, 7 * (index + 1 - WEEKS));
    const counts: Record<string, number> = {};
    for (const { weekOn, serviceCode, sessions } of weeks) {
      if (weekOn !== on) continue;
      const name = own.has(serviceCode ?? EMPTY) ? (serviceCode ?? EMPTY) : REST;
      counts[name] = (counts[name] ?? 0) + sessions;
    }
    return { name: dayText(on), tick: shortDay(on), counts };
  });
  return { series, columns };
}
