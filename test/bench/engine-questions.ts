type Question = readonly [what: string, address: string];

const COACH = 'coach=Coach+7';
const TWO_COACHES = `${COACH}&coach=Coach+30`;
const EMPLOYERS = 'employer=Employer+7&employer=Employer+8&employer=Employer+9';
const CHANNEL = 'channel=Phone';
const CALLS = 'channel=Phone&channel=Video+Conference';
const MONTH = 'from=2026-08-01&to=2026-08-31';

/** What people and other programs ask: each report as it is by default, and with its filters. */
const REPORTS: readonly Question[] = [
  ['caseload, whole answer', 'caseload'],
  ['caseload, summary', 'caseload?view=summary'],
  ['caseload, 1,000 members', 'caseload?view=members'],
  ['caseload, first 100', 'caseload?view=members&limit=100'],
  ['caseload of 28 days', 'caseload?view=members&lookbackDays=28'],
  ['caseload of a coach', `caseload?view=members&${COACH}`],
  ['caseload of two coaches, first 100', `caseload?view=members&limit=100&${TWO_COACHES}`],
  ['caseload of three employers', `caseload?view=members&${EMPLOYERS}`],
  ['caseload over a channel', `caseload?view=members&${CHANNEL}`],
  ['caseload over a channel, first 100', `caseload?view=members&limit=100&${CHANNEL}`],
  ['caseload of a coach over a channel', `caseload?view=members&${COACH}&${CHANNEL}`],
  ['caseload of employers over a channel', `caseload?view=members&${EMPLOYERS}&${CHANNEL}`],
  ['caseload of a coach and employers', `caseload?view=members&${COACH}&${EMPLOYERS}`],
  ['caseload, sessions of a coach', `caseload?view=sessions&${COACH}`],
  ['sessions of a year, 1,000', 'sessions'],
  ['sessions of a year, first 100', 'sessions?limit=100'],
  ['sessions of a year, count', 'sessions?limit=1'],
  ['sessions of 28 days', 'sessions?lookbackDays=28'],
  ['sessions of a month', `sessions?${MONTH}`],
  ['sessions of a coach', `sessions?${COACH}`],
  ['sessions of a coach, first 100', `sessions?limit=100&${COACH}`],
  ['sessions of two coaches', `sessions?${TWO_COACHES}`],
  ['sessions of a coach in a month', `sessions?${COACH}&${MONTH}`],
  ['sessions of three employers', `sessions?${EMPLOYERS}`],
  ['sessions of three employers, first 100', `sessions?limit=100&${EMPLOYERS}`],
  ['sessions of an employer', 'sessions?employer=Employer+7'],
  ['sessions of employers in a month', `sessions?${EMPLOYERS}&${MONTH}`],
  ['sessions over a channel', `sessions?${CHANNEL}`],
  ['sessions over calls, first 100', `sessions?limit=100&${CALLS}`],
  ['sessions over a channel in a month', `sessions?${CHANNEL}&${MONTH}`],
  ['sessions of a coach over a channel', `sessions?${COACH}&${CHANNEL}`],
  ['sessions of employers over a channel', `sessions?${EMPLOYERS}&${CHANNEL}`],
  ['sessions of a coach and employers', `sessions?${COACH}&${EMPLOYERS}`],
  ['sessions of all three', `sessions?${COACH}&${EMPLOYERS}&${CHANNEL}`],
  ['new participants, summary', 'new-participants?limit=1'],
  ['new participants, 1,000', 'new-participants'],
  ['new participants, first 100', 'new-participants?limit=100'],
  ['new participants of 30 days', 'new-participants?lookbackDays=30'],
  ['new participants of a coach', `new-participants?${COACH}`],
  ['new participants of three employers', `new-participants?${EMPLOYERS}`],
  ['new participants over a channel', `new-participants?${CHANNEL}`],
  ['billing month, 1,000 rows', 'billing'],
  ['billing month, first 100', 'billing?limit=100'],
  ['billing month, count', 'billing?limit=1'],
  ['billing of the month before', 'billing?month=2026-08'],
  ['billing of half a year ago', 'billing?month=2026-03'],
  ['billing of three employers', `billing?${EMPLOYERS}`],
  ['billing of employers, half a year ago', `billing?month=2026-03&${EMPLOYERS}`],
  ['overview', 'overview'],
  ['overview of a year', 'overview?weeks=53'],
  ['upcoming, 1,000', 'upcoming'],
  ['upcoming, first 100', 'upcoming?limit=100'],
  ['upcoming of 30 days', 'upcoming?days=30'],
  ['upcoming of a coach', `upcoming?${COACH}`],
  ['upcoming of three employers', `upcoming?${EMPLOYERS}`],
  ['data quality, 1,000', 'data-quality'],
  ['data quality, first 100', 'data-quality?limit=100'],
  ['data quality of 28 days', 'data-quality?lookbackDays=28'],
  ['data quality of a coach', `data-quality?${COACH}`],
  ['data quality of three employers', `data-quality?${EMPLOYERS}`],
  ['data quality, no User ID', 'data-quality?problem=no+User+ID'],
  ['engagement, 1,000 rows', 'report/engagement?format=json'],
  ['engagement, first 100', 'report/engagement?format=json&limit=100'],
  ['engagement of three employers', `report/engagement?format=json&${EMPLOYERS}`],
  ['engagement of a status', 'report/engagement?format=json&engagementStatus=At+Risk'],
  ['engagement of a referral', 'report/engagement?format=json&referral=Counter+Health'],
  [
    'engagement of those enrolled in a month',
    'report/engagement?format=json&enrolledDateFrom=2026-08-01&enrolledDateTo=2026-08-31',
  ],
  [
    'engagement by last session',
    'report/engagement?format=json&lastSessionFrom=2026-08-01&lastSessionTo=2026-08-31',
  ],
];

/** As people open them: with their charts, figures and choices. */
const PAGES: readonly Question[] = [
  ['home', ''],
  ['caseload', 'caseload'],
  ['caseload of an employer', 'caseload?employer=Employer+7'],
  ['caseload of a coach over a channel', `caseload?${COACH}&${CHANNEL}`],
  ['sessions', 'sessions'],
  ['sessions of a coach', `sessions?${COACH}`],
  ['sessions of three employers', `sessions?${EMPLOYERS}`],
  ['new participants', 'new-participants'],
  ['billing', 'billing'],
  ['billing of an employer', 'billing?employer=Employer+7'],
  ['upcoming', 'upcoming'],
  ['data quality', 'data-quality'],
];

/** @param contactId of a member with sessions */
export function askedOfEngines(contactId: string): readonly Question[] {
  return [
    ...REPORTS.map(([what, address]) => [what, `/API/intercom/${address}`] as const),
    ['one member', `/API/intercom/members/${contactId}`],
    ...PAGES.map(([what, address]) => [`page: ${what}`, `/intercom${slash(address)}`] as const),
  ];
}

function slash(address: string): string {
  return address === '' ? '' : `/${address}`;
}
