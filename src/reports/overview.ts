import { z } from 'zod';
import { addDaysOn, daysBetween, mondayOf, monthWindow, startOfDayAt } from '../rules/calendar.js';
import { ENGAGEMENT_STATUSES } from '../rules/vocabulary.js';
import type { DatedWindow, MonthFigures, Overview } from '../store/ports/reports.js';
import { count, date } from '../http/columns.js';
import { wholeNumber } from '../http/query-fields.js';
import { createReport, type ReportContext } from './report.js';

const month = z.object({
  fromOn: date,
  toOn: date,
  registrations: count,
  enrollments: count,
  qualifyingCalls: count,
});

const week = z.object({
  weekOn: date.meta({ description: 'Monday of the week' }),
  serviceCode: z.string().nullable(),
  sessions: count,
});

/** The CSV has one row for each figure. */
const row = z.object({
  figure: z.string(),
  fromOn: date.nullable(),
  toOn: date.nullable(),
  status: z.string().nullable(),
  serviceCode: z.string().nullable(),
  count,
});
type Row = z.output<typeof row>;

const summary = z.object({
  monthToDate: month,
  monthBefore: month.meta({ description: 'The same number of days of the month before' }),
  statuses: z.array(
    z.object({
      status: z.enum(ENGAGEMENT_STATUSES).nullable().meta({ description: 'null: no Enrolled Date' }),
      members: count,
    }),
  ),
});

export const overview = createReport({
  name: 'overview',
  title: 'Overview',
  purpose:
    'The month to date against the same number of days of the month before, members by status, and sessions by week and service code.',
  path: '/API/intercom/overview',
  fields: {
    weeks: wholeNumber(
      { min: 1, max: 53 },
      8,
      'Weeks of sessions, from Monday; the last one is the current week',
    ),
  },
  body: {
    total: count.meta({ description: 'Members' }),
    summary,
    weeks: z.array(week),
    nextCursor: z.null(),
  },
  row,
  ask: (query, context) => {
    const days = monthsToDate(context);
    const mondays = mondaysUntil(context.todayOn, query.weeks);
    const read = async () => {
      const weekLimits = mondays.map((on) => startOfDayAt(on, context.timeZone));
      const figures = await context.store.overview({ ...days, weekLimits });
      return {
        total: figures.members,
        summary: {
          monthToDate: presentMonth(days.thisMonth, figures.thisMonth),
          monthBefore: presentMonth(days.lastMonth, figures.lastMonth),
          statuses: [...ENGAGEMENT_STATUSES, null].map((status) => ({
            status,
            members: figures.statuses[status ?? 'none'],
          })),
        },
        weeks: presentWeeks(figures, mondays),
        nextCursor: null,
      };
    };
    return {
      filters: { weeks: query.weeks },
      body: read,
      table: {
        row,
        async *batches() {
          const body = await read();
          yield [
            ...[body.summary.monthToDate, body.summary.monthBefore].flatMap(monthRows),
            ...body.summary.statuses.map(({ status, members }) =>
              figureRow('members', members, { status: status ?? 'none' }),
            ),
            ...body.weeks.map(({ weekOn, serviceCode, sessions }) =>
              figureRow('sessions', sessions, { fromOn: weekOn, toOn: addDaysOn(weekOn, 6), serviceCode }),
            ),
          ];
        },
      },
    };
  },
});

/** The 1st to today, and as many days of the month before (all of it where it is shorter). */
function monthsToDate({ todayOn, timeZone }: ReportContext) {
  const firstOn = `${todayOn.slice(0, 7)}-01`;
  const lastOfBefore = addDaysOn(firstOn, -1);
  const before = monthWindow(lastOfBefore.slice(0, 7), timeZone);
  if (before === null) throw new TypeError('there is a month before every month');
  const sameDayOn = addDaysOn(before.firstOn, daysBetween(firstOn, todayOn));
  const beforeToOn = sameDayOn < before.lastOn ? sameDayOn : before.lastOn;
  const thisMonth: DatedWindow = {
    fromOn: firstOn,
    toOn: todayOn,
    fromAt: startOfDayAt(firstOn, timeZone),
    // A time ahead of the clock counts as today.
    toAt: null,
  };
  const lastMonth: DatedWindow = {
    fromOn: before.firstOn,
    toOn: beforeToOn,
    fromAt: before.startAt,
    toAt: startOfDayAt(addDaysOn(beforeToOn, 1), timeZone),
  };
  return { thisMonth, lastMonth };
}

/** The Mondays of `weeks` weeks, the current one last. */
function mondaysUntil(todayOn: string, weeks: number): string[] {
  const monday = mondayOf(todayOn);
  return Array.from({ length: weeks }, (_, index) => addDaysOn(monday, 7 * (index + 1 - weeks)));
}

function presentMonth({ fromOn, toOn }: DatedWindow, figures: MonthFigures): z.output<typeof month> {
  const { registrations, enrollments, qualifyingCalls } = figures;
  return { fromOn, toOn, registrations, enrollments, qualifyingCalls };
}

function presentWeeks({ sessionsByWeek }: Overview, mondays: readonly string[]): z.output<typeof week>[] {
  return sessionsByWeek.flatMap(({ week: index, serviceCode, sessions }) => {
    const weekOn = mondays[index];
    return weekOn === undefined ? [] : [{ weekOn, serviceCode, sessions }];
  });
}

function monthRows({ fromOn, toOn, ...figures }: z.output<typeof month>): Row[] {
  return Object.entries(figures).map(([figure, value]) => figureRow(figure, value, { fromOn, toOn }));
}

function figureRow(figure: string, value: number, about: Partial<Row>): Row {
  const nothing = { fromOn: null, toOn: null, status: null, serviceCode: null };
  return { figure, ...nothing, ...about, count: value };
}
