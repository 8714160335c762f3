import Database from 'better-sqlite3';
import { dateOf, startOfDayAt } from '../../src/rules/calendar.js';
import { NOW_AT, TIME_ZONE } from './reports-data.js';

/*
 * What each report is measured against: the statements that a careful hand would write for it, with the indexes that
 * are there, and JSON.stringify of what they give. No days are counted, no names are looked up, nothing is checked.
 */

const DAY = 86_400;
const SESSION = 's.reported_at is not null and s.is_coaching_session = 1';
const MEMBER = 'm.contact_id, m.member_id, m.name, m.email, m.employer';
const USED = `(select group_concat(distinct s.coach_id || ' ' || s.channel_name) from conversations s
  where s.contact_id = m.contact_id and ${SESSION} and s.reported_at >= @fromAt) used`;
const CALLS = `conversations s where s.contact_id = m.contact_id and ${SESSION}
  and s.channel_name in ('Phone', 'Video Conference') and s.reported_at >= @callsFromAt and s.reported_at < @callsToAt`;
const BILLED = `reported_members m where m.enrolled_on between @monthFirstOn and @monthLastOn
  or (m.last_billable_at >= @callsFromAt and exists (select 1 from ${CALLS}))`;
const NEAR_MISS = 's.reported_at is not null and s.is_near_miss = 1 and s.reported_at >= @fromAt';
const CASELOAD = 'from reported_members m where m.last_session_at >= @fromAt';
const PARTICIPANTS = `from reported_members m indexed by reported_members_without_session
  where m.enrolled_on is not null and m.enrolled_on between @fromOn and @todayOn`;
const MONTH = `select
  (select count(*) from reported_members where enrolled_on between @monthFirstOn and @todayOn) enrollments,
  (select count(*) from reported_members where registered_on between @monthFirstOn and @todayOn) registrations,
  (select count(*) from conversations s where ${SESSION} and s.is_qualifying_call = 1
   and s.reported_at >= @monthAt) calls`;

const STATEMENTS = {
  caseloadSummary: [
    `select count(*) filter (where m.last_session_at < @day56At) g4, count(*) filter
       (where m.last_session_at >= @day56At and m.last_session_at < @day28At) g3, count(*) filter
       (where m.last_session_at >= @day28At and m.last_session_at < @day7At) g2, count(*) filter
       (where m.last_session_at >= @day7At) g1 ${CASELOAD}`,
  ],
  caseload: [
    `select ${MEMBER}, m.last_session_at, ${USED} ${CASELOAD}
     order by m.last_session_at desc, m.contact_id limit 1000`,
    `select count(*) ${CASELOAD}`,
  ],
  sessions: [
    `select x.*, c.coach_id, c.channel_name, c.service_code, ${MEMBER}
     from (select s.reported_at, s.id, s.contact_id from conversations s where ${SESSION} and s.reported_at >= @fromAt
           order by s.reported_at desc, s.id limit 1000) x
     join conversations c on c.id = x.id join reported_members m on m.contact_id = x.contact_id
     order by x.reported_at desc, x.id`,
    `select count(*) from conversations s where ${SESSION} and s.reported_at >= @fromAt`,
    `select count(*) filter (where s.reported_at >= @day7At), count(*) filter (where s.reported_at >= @day28At), count(*)
     from conversations s where ${SESSION} and s.reported_at >= @day56At`,
  ],
  participantSummary: [
    `select count(*) filter (where m.without_session_since_on < @day28On), count(*) filter
       (where m.without_session_since_on < @day21On), count(*) filter (where m.without_session_since_on < @day13On),
       count(*) ${PARTICIPANTS}`,
  ],
  participants: [
    `select ${MEMBER}, m.enrolled_at, m.enrolled_on, m.first_session_at, m.last_session_at, ${USED} ${PARTICIPANTS}
     order by m.without_session_since_on, m.contact_id limit 1000`,
    `select count(*) ${PARTICIPANTS}`,
  ],
  billing: [
    `select m.member_id, m.name, m.email, m.employer, m.enrolled_at, (select max(s.reported_at) from ${CALLS}) last
     from ${BILLED} order by m.has_no_employer, m.employer_key, m.name_key, m.member_id, m.contact_id limit 1000`,
    `select count(*) from ${BILLED}`,
  ],
  overview: [
    MONTH,
    MONTH,
    'select status, count(*) from reported_members group by status',
    `select (s.reported_at - @weeksFromAt) / 604800 week, s.service_code_name, s.service_code, count(*)
     from conversations s where ${SESSION} and s.reported_at >= @weeksFromAt group by 1, 2, 3`,
  ],
  upcoming: [
    `select ${MEMBER}, m.status, m.next_change_at, m.next_change_to, m.last_qualifying_at, m.last_qualifying_coach_id
     from reported_members m where m.next_change_at >= @todayAt and m.next_change_at < @todayAt + 8 * 86400
     order by m.next_change_at, m.contact_id limit 1000`,
    `select count(*) from reported_members m
     where m.next_change_at >= @todayAt and m.next_change_at < @todayAt + 8 * 86400`,
  ],
  dataQuality: [
    `select s.id, s.reported_at, s.channel, s.service_code, s.coach_id, ${MEMBER}
     from conversations s cross join reported_members m on m.contact_id = s.contact_id
     where ${NEAR_MISS} order by s.coach_id limit 1000`,
    `select count(*) from conversations s where ${NEAR_MISS}`,
    'select count(*) from reported_members where enrolled_on is null',
    'select count(*) from reported_members where has_no_user_id = 1',
    'select count(*) from reported_members where has_no_employer = 1',
  ],
  engagement: [
    `select m.user_id, m.name, m.birth_on, m.employer, m.maintained_session_at, m.maintained_status,
       m.maintained_status_at, m.maintained_programs, m.registration_code from reported_members m
     order by m.has_no_user_id, m.member_id, m.contact_id limit 1000`,
    'select count(*) from reported_members',
  ],
  member: [
    'select * from contacts where id = @contactId',
    'select * from members where contact_id = @contactId',
    `select c.*, o.name from conversations c left join coaches o on o.id = c.coach_id where c.contact_id = @contactId
     order by c.created_at desc`,
    'select * from writes where contact_id = @contactId order by id desc limit 200',
  ],
} as const satisfies Record<string, readonly string[]>;

export type BareName = keyof typeof STATEMENTS;

export interface BareReports {
  /** Runs the statements and writes what they give as JSON. */
  read(name: BareName): string;
  close(): void;
}

export function openBareReports(path: string, contactId: string): BareReports {
  const sqlite = new Database(path, { readonly: true });
  const params = { ...moments(), contactId };
  const asked = (sql: string): object =>
    Object.fromEntries(Object.entries(params).filter(([name]) => sql.includes(`@${name}`)));
  return {
    read: (name) =>
      JSON.stringify(STATEMENTS[name].map((sql) => sqlite.prepare<[object]>(sql).all(asked(sql)))),
    close: () => sqlite.close(),
  };
}

function moments() {
  const on = (days: number): string => dateOf(NOW_AT - days * DAY, TIME_ZONE);
  const at = (days: number): number => startOfDayAt(on(days), TIME_ZONE);
  const monthFirstOn = `${on(0).slice(0, 7)}-01`;
  const monthAt = startOfDayAt(monthFirstOn, TIME_ZONE);
  return {
    fromAt: at(365),
    fromOn: on(365),
    todayOn: on(0),
    todayAt: at(0),
    day7At: at(7),
    day28At: at(28),
    day56At: at(56),
    day13On: on(13),
    day21On: on(21),
    day28On: on(28),
    monthFirstOn,
    monthLastOn: `${on(0).slice(0, 7)}-30`,
    monthAt,
    callsFromAt: monthAt - 56 * DAY,
    callsToAt: monthAt + 30 * DAY,
    weeksFromAt: at(56),
  };
}
