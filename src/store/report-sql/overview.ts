import { fold } from '../../rules/text.js';
import { ENGAGEMENT_STATUSES, QUALIFYING_SERVICE_CODES } from '../../rules/vocabulary.js';
import type {
  DatedWindow,
  FilterChoices,
  MonthFigures,
  Overview,
  OverviewWindows,
} from '../ports/reports.js';
import { compareKeys } from './cursor.js';
import type { Dialect } from './dialect.js';
import { number, text } from './read-values.js';
import { readCount, readRows, type Reading } from './reading.js';

export function* readOverview(dialect: Dialect, windows: OverviewWindows): Reading<Overview> {
  const byStatus = yield* readRows('select status, count(*) from reported_members group by status');
  const counts = new Map(byStatus.map(([status, members]) => [text(status), Number(members)]));
  const membersOf = (status: string | null): number => counts.get(status) ?? 0;
  const [engaged, atRisk, unengaged] = ENGAGEMENT_STATUSES;
  return {
    thisMonth: yield* monthFigures(dialect, windows.thisMonth),
    lastMonth: yield* monthFigures(dialect, windows.lastMonth),
    members: [...counts.values()].reduce((sum, members) => sum + members, 0),
    statuses: {
      [engaged]: membersOf(engaged),
      [atRisk]: membersOf(atRisk),
      [unengaged]: membersOf(unengaged),
      none: membersOf(null),
    },
    sessionsByWeek: yield* sessionsByWeek(dialect, windows.weekLimits),
  };
}

function* monthFigures({ isTrue }: Dialect, window: DatedWindow): Reading<MonthFigures> {
  const members = 'select count(*) from reported_members where';
  return {
    registrations: yield* readCount(`${members} registered_on between @fromOn and @toOn`, { ...window }),
    enrollments: yield* readCount(`${members} enrolled_on between @fromOn and @toOn`, { ...window }),
    qualifyingCalls: yield* readCount(
      `select count(*) from conversations where ${isReportedIn(window)}
       and ${isTrue('is_coaching_session')} and ${isTrue('is_qualifying_call')}`,
      { ...window },
    ),
  };
}

function isReportedIn({ toAt }: Pick<DatedWindow, 'toAt'>): string {
  return `reported_at >= @fromAt${toAt === null ? '' : ' and reported_at < @toAt'}`;
}

/**
 * Sessions by week and code. The codes that most sessions have, and none at all, are counted on the way; only the
 * others have to be sorted to be grouped. Their spellings count together, under the first of them.
 */
function* sessionsByWeek(
  { isTrue }: Dialect,
  limits: readonly number[],
): Reading<Overview['sessionsByWeek']> {
  const known = QUALIFYING_SERVICE_CODES.map(
    (code) => `count(*) filter (where service_code_name = '${code}')`,
  );
  const rows: Overview['sessionsByWeek'][number][] = [];
  for (const [week, fromAt] of limits.entries()) {
    const window = { fromAt, toAt: limits[week + 1] ?? null };
    const sessions = `from conversations where ${isReportedIn(window)} and ${isTrue('is_coaching_session')}`;
    const [counted = []] = yield* readRows(
      `select count(*) filter (where service_code is null), ${known.join(', ')} ${sessions}`,
      window,
    );
    const others = yield* readRows(
      `select service_code, count(*) ${sessions} and service_code_name is null and service_code is not null
       group by 1 order by 1`,
      window,
    );
    const found = [
      ...QUALIFYING_SERVICE_CODES.map((serviceCode, index) => ({
        serviceCode,
        sessions: number(counted[index + 1]) ?? 0,
      })),
      ...countSpellings(
        others.map(([code, count]) => ({ serviceCode: String(code), sessions: Number(count) })),
      ),
    ].sort((one, other) => compareKeys([one.serviceCode], [other.serviceCode]));
    for (const row of [{ serviceCode: null, sessions: number(counted[0]) ?? 0 }, ...found]) {
      if (row.sessions > 0) rows.push({ week, ...row });
    }
  }
  return rows;
}

interface CodeCount {
  readonly serviceCode: string;
  readonly sessions: number;
}

function countSpellings(rows: readonly CodeCount[]): CodeCount[] {
  const counts = new Map<string, CodeCount>();
  for (const { serviceCode, sessions } of rows) {
    const before = counts.get(fold(serviceCode));
    counts.set(fold(serviceCode), {
      serviceCode: before?.serviceCode ?? serviceCode,
      sessions: (before?.sessions ?? 0) + sessions,
    });
  }
  return [...counts.values()];
}

/** From one value to the next along an index, which takes a step for each of them and not for each row. */
export function* readFilterChoices({ isTrue, isFalse }: Dialect): Reading<FilterChoices> {
  const isSession = `reported_at is not null and ${isTrue('is_coaching_session')}`;
  const coaches = yield* readRows(
    `with recursive known (id) as (
       select min(coach_id) from conversations where ${isSession}
       union all
       select (select min(coach_id) from conversations where ${isSession} and coach_id > known.id)
       from known where known.id is not null)
     select known.id, c.name from known left join coaches c on c.id = known.id where known.id is not null`,
  );
  const hasEmployer = isFalse('has_no_employer');
  const employers = yield* readRows(
    `with recursive known (key) as (
       select min(employer_key) from reported_members where ${hasEmployer}
       union all
       select (select min(employer_key) from reported_members where ${hasEmployer} and employer_key > known.key)
       from known where known.key is not null)
     select (select employer from reported_members where ${hasEmployer} and employer_key = known.key
             order by name_key, member_id, contact_id limit 1)
     from known where known.key is not null order by known.key`,
  );
  return {
    coaches: coaches
      .map(([id, name]) => ({ id: String(id), name: text(name) }))
      .sort((one, other) => compareKeys(placeOf(one), placeOf(other))),
    employers: employers.map(([employer]) => String(employer)),
  };
}

/** By name, without regard to case; those without one last. */
function placeOf({ id, name }: FilterChoices['coaches'][number]): readonly (string | number)[] {
  return [name === null ? 1 : 0, fold(name ?? ''), id];
}
