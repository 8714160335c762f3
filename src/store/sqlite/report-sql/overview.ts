import type Database from 'better-sqlite3';
import { fold } from '../../../rules/text.js';
import { ENGAGEMENT_STATUSES, QUALIFYING_SERVICE_CODES } from '../../../rules/vocabulary.js';
import type {
  DatedWindow,
  FilterChoices,
  MonthFigures,
  Overview,
  OverviewWindows,
} from '../../ports/reports.js';
import { compareKeys } from './list.js';

export function readOverview(sqlite: Database.Database, windows: OverviewWindows): Overview {
  const byStatus = sqlite
    .prepare<[], { status: string | null; members: number }>(
      'select status, count(*) members from reported_members group by status',
    )
    .all();
  const membersOf = (status: string | null): number =>
    byStatus.find((row) => row.status === status)?.members ?? 0;
  const [engaged, atRisk, unengaged] = ENGAGEMENT_STATUSES;
  return {
    thisMonth: monthFigures(sqlite, windows.thisMonth),
    lastMonth: monthFigures(sqlite, windows.lastMonth),
    members: byStatus.reduce((sum, row) => sum + row.members, 0),
    statuses: {
      [engaged]: membersOf(engaged),
      [atRisk]: membersOf(atRisk),
      [unengaged]: membersOf(unengaged),
      none: membersOf(null),
    },
    sessionsByWeek: sessionsByWeek(sqlite, windows.weekLimits),
  };
}

function monthFigures(sqlite: Database.Database, window: DatedWindow): MonthFigures {
  const { fromOn, toOn, fromAt, toAt } = window;
  const count = (sql: string, params: object): number =>
    sqlite.prepare<[object], number>(sql).pluck().get(params) ?? 0;
  const members = 'select count(*) from reported_members where';
  return {
    registrations: count(`${members} registered_on between @fromOn and @toOn`, { fromOn, toOn }),
    enrollments: count(`${members} enrolled_on between @fromOn and @toOn`, { fromOn, toOn }),
    qualifyingCalls: count(
      `select count(*) from conversations where reported_at >= @fromAt and (@toAt is null or reported_at < @toAt)
       and is_coaching_session = 1 and is_qualifying_call = 1`,
      { fromAt, toAt },
    ),
  };
}

/**
 * Sessions by week and code. The codes that most sessions have, and none at all, are counted on the way; only the
 * others have to be sorted to be grouped. Their spellings count together, under the first of them.
 */
function sessionsByWeek(sqlite: Database.Database, limits: readonly number[]): Overview['sessionsByWeek'] {
  const sessions = `from conversations where reported_at >= @fromAt and (@toAt is null or reported_at < @toAt)
    and is_coaching_session = 1`;
  const known = QUALIFYING_SERVICE_CODES.map(
    (code, index) => `count(*) filter (where service_code_name = '${code}') code${index}`,
  );
  const counted = sqlite.prepare<object, Readonly<Record<string, number>>>(
    `select count(*) filter (where service_code is null) empty, ${known.join(', ')} ${sessions}`,
  );
  const others = sqlite.prepare<object, { serviceCode: string; sessions: number }>(
    `select service_code serviceCode, count(*) sessions ${sessions}
       and service_code_name is null and service_code is not null group by 1 order by 1`,
  );
  return limits.flatMap((fromAt, week) => {
    const window = { fromAt, toAt: limits[week + 1] ?? null };
    const counts = counted.get(window);
    const found = [
      ...QUALIFYING_SERVICE_CODES.map((code, index) => ({
        serviceCode: code,
        sessions: counts?.[`code${index}`] ?? 0,
      })),
      ...countSpellings(others.all(window)),
    ].sort((one, other) => compareKeys([one.serviceCode], [other.serviceCode]));
    return [{ serviceCode: null, sessions: counts?.['empty'] ?? 0 }, ...found].flatMap((row) =>
      row.sessions === 0 ? [] : [{ week, ...row }],
    );
  });
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
export function readFilterChoices(sqlite: Database.Database): FilterChoices {
  const coaches = sqlite
    .prepare<[], { id: string; name: string | null }>(
      `with recursive known (id) as (
         select min(coach_id) from conversations where reported_at is not null and is_coaching_session = 1
         union all
         select (select min(coach_id) from conversations
                 where reported_at is not null and is_coaching_session = 1 and coach_id > known.id)
         from known where known.id is not null)
       select known.id, c.name from known left join coaches c on c.id = known.id where known.id is not null
       order by c.name is null, fold(c.name), known.id`,
    )
    .all();
  const employers = sqlite
    .prepare<[], string>(
      `with recursive known (key) as (
         select min(employer_key) from reported_members where has_no_employer = 0
         union all
         select (select min(employer_key) from reported_members
                 where has_no_employer = 0 and employer_key > known.key)
         from known where known.key is not null)
       select (select employer from reported_members where has_no_employer = 0 and employer_key = known.key
               order by name_key, member_id, contact_id limit 1)
       from known where known.key is not null order by known.key`,
    )
    .pluck()
    .all();
  return { coaches, employers };
}
