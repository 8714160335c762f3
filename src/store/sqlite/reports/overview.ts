import type Database from 'better-sqlite3';
import { ENGAGEMENT_STATUSES, fold } from '../../../rules/vocabulary.js';
import type {
  DatedWindow,
  FilterChoices,
  MonthFigures,
  Overview,
  OverviewWindows,
} from '../../report-store.js';

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
    enrolments: count(`${members} enrolled_on between @fromOn and @toOn`, { fromOn, toOn }),
    qualifyingCalls: count(
      `select count(*) from conversations where reported_at >= @fromAt and (@toAt is null or reported_at < @toAt)
       and is_coaching_session = 1 and is_qualifying_call = 1`,
      { fromAt, toAt },
    ),
  };
}

/** Spellings of one code are counted together, under the first of them. */
function sessionsByWeek(sqlite: Database.Database, limits: readonly number[]): Overview['sessionsByWeek'] {
  const inWeek = sqlite.prepare<object, { serviceCode: string | null; sessions: number }>(
    `select coalesce(service_code_name, service_code) serviceCode, count(*) sessions from conversations
     where reported_at >= @fromAt and (@toAt is null or reported_at < @toAt) and is_coaching_session = 1
     group by 1 order by 1`,
  );
  return limits.flatMap((fromAt, week) => {
    const counted = new Map<string, { week: number; serviceCode: string | null; sessions: number }>();
    for (const { serviceCode, sessions } of inWeek.all({ fromAt, toAt: limits[week + 1] ?? null })) {
      const key = fold(serviceCode ?? '');
      const known = counted.get(key);
      if (known === undefined) counted.set(key, { week, serviceCode, sessions });
      else known.sessions += sessions;
    }
    return [...counted.values()];
  });
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
