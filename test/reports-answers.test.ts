import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import Papa from 'papaparse';
import { expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { createApp } from '../src/app.js';
import { makeCsvHere } from '../src/reports/answer.js';
import { REPORTS } from '../src/reports/catalog.js';
import { answerSchema } from '../src/reports/report-operations.js';
import { memberSchema } from '../src/reports/member-operations.js';
import { API_TOKEN, type Harness } from './support/harness.js';
import {
  addMember,
  at,
  COACH,
  createReportHarness,
  dated,
  FORMULA_NAME,
  NASTY_NAME,
  OTHER_COACH,
  TODAY,
} from './support/report-workspace.js';

type Answer = Record<string, unknown> & { readonly [rows: string]: unknown };

const AUTHORIZATION = { authorization: `Bearer ${API_TOKEN}` };

async function ask(harness: Harness, report: string, fields: object = {}): Promise<Answer> {
  const path = report === 'engagement' ? 'report/engagement' : report;
  const answer = await harness.app.request(`/API/intercom/${path}`, {
    method: 'POST',
    headers: { ...AUTHORIZATION, 'content-type': 'application/json' },
    body: JSON.stringify(fields),
  });
  expect(answer.status).toBe(200);
  return z.record(z.string(), z.unknown()).parse(await answer.json());
}

async function csv(harness: Harness, path: string): Promise<string[][]> {
  const answer = await harness.get(`/API/intercom/${path}`);
  expect(answer.status).toBe(200);
  expect(answer.headers.get('content-type')).toBe('text/csv; charset=utf-8; header=present');
  const text = await answer.text();
  const rows = z.array(z.array(z.string())).parse(parse(text, { bom: true }));
  expect(Papa.parse(text.replace(/^\uFEFF/, ''), { skipEmptyLines: true }).data).toEqual(rows);
  return rows;
}

function column(rows: unknown, name: string): unknown[] {
  return z
    .array(z.record(z.string(), z.unknown()))
    .parse(rows)
    .map((row) => row[name]);
}

test('every answer is exactly of the shape that the API description gives, keys in order', async () => {
  const harness = await createReportHarness();
  for (const report of REPORTS) {
    const answer = await ask(harness, report.name, { format: 'json' });
    const schema = answerSchema(report).strict();
    expect(schema.safeParse(answer).error).toBeUndefined();
    expect(Object.keys(answer).slice(0, 5)).toEqual(['generatedAt', 'asOf', 'timeZone', 'filters', 'total']);
    expect(Object.keys(answer).at(-1)).toBe('nextCursor');
    const byGet = await harness.get(`${report.path}?format=json`);
    expect(await byGet.json()).toEqual(answer);
  }
  const member = await harness.get('/API/intercom/members/M-1');
  expect(memberSchema.strict().safeParse(await member.json()).error).toBeUndefined();
});

test('caseload: members, sessions, and counts that no filter touches', async () => {
  const harness = await createReportHarness();
  const whole = await ask(harness, 'caseload');
  expect(whole).toMatchObject({
    generatedAt: at('2026-10-15T15:00:00Z'),
    asOf: { appliedAt: expect.any(Number), sweptAt: expect.any(Number), completeAt: null },
    timeZone: 'America/New_York',
    filters: { lookbackDays: 365, coach: [], employer: [], channel: [], view: null },
    total: 4,
    summary: { bucket_1: 1, bucket_2: 1, bucket_3: 1, bucket_4: 1 },
    sessionsTotal: 5,
    nextCursor: null,
  });
  expect(column(whole['members'], 'memberName')).toEqual([
    'Søren Jan van der Berg Jr.',
    NASTY_NAME,
    'Cher',
    'Xiomara Nuñez III',
  ]);
  expect(column(whole['members'], 'daysSinceLastSession')).toEqual([0, 8, 29, 57]);
  const [first] = z.array(z.unknown()).parse(whole['members']);
  expect(first).toEqual({
    memberId: 'M-1',
    contactId: expect.any(String),
    memberName: 'Søren Jan van der Berg Jr.',
    memberEmail: 'soren@example.com',
    client: 'Acme',
    coachIds: [String(COACH), String(OTHER_COACH)],
    coachNames: [expect.any(String), expect.any(String)],
    channelsUsed: ['Email', 'Phone'],
    channelCombo: 'Email + Phone',
    lastSessionAt: at('2026-10-15T13:00:00Z'),
    daysSinceLastSession: 0,
    buckets: { bucket_1: true, bucket_2: false, bucket_3: false, bucket_4: false },
  });
  const [, second] = z.array(z.unknown()).parse(whole['sessions']);
  expect(second).toEqual({
    memberId: 'M-3',
    contactId: expect.any(String),
    memberName: NASTY_NAME,
    memberEmail: null,
    client: 'beta',
    coachId: String(OTHER_COACH),
    coachName: expect.any(String),
    channel: 'Video Conference',
    serviceCode: 'Disease Management 002',
    time: at('2026-10-08T03:50:00Z'),
    daysSince: 8,
  });

  const filtered = await ask(harness, 'caseload', { employer: 'BETA', channel: 'phone' });
  expect(filtered).toMatchObject({ total: 1, sessionsTotal: 1, summary: whole['summary'] });
  expect(column(filtered['members'], 'memberId')).toEqual(['M-5']);
  const byCoach = await ask(harness, 'caseload', { coach: [String(OTHER_COACH)], view: 'members' });
  expect(column(byCoach['members'], 'memberId')).toEqual(['M-1', 'M-3']);
  expect(column(byCoach['members'], 'channelCombo')).toEqual(['Email + Phone', 'Video Conference']);

  expect(Object.keys(await ask(harness, 'caseload', { view: 'summary' })).slice(4)).toEqual([
    'total',
    'summary',
    'nextCursor',
  ]);
  const sessions = await ask(harness, 'caseload', { view: 'sessions' });
  expect(sessions).toMatchObject({ total: 5, sessions: whole['sessions'] });
  expect(sessions).not.toHaveProperty('members');
});

test('lookback includes today and the day exactly so many days ago', async () => {
  const harness = await createReportHarness();
  const totals = new Map<number, unknown>();
  for (const lookbackDays of [1, 7, 8, 28, 29, 56, 57]) {
    totals.set(lookbackDays, (await ask(harness, 'caseload', { lookbackDays, view: 'members' }))['total']);
  }
  expect(Object.fromEntries(totals)).toEqual({ 1: 1, 7: 1, 8: 2, 28: 2, 29: 3, 56: 3, 57: 4 });
});

test('sessions: three buckets, the range, and both of its ends', async () => {
  const harness = await createReportHarness();
  expect(await ask(harness, 'sessions')).toMatchObject({
    filters: { from: '2025-10-15', to: TODAY },
    total: 5,
    summary: { bucket_1: 1, bucket_2: 2, bucket_3: 1, inRange: 5 },
  });
  const range = await ask(harness, 'sessions', { from: '2026-09-16', to: '2026-10-07' });
  expect(range).toMatchObject({ total: 3, summary: { bucket_1: 1, bucket_2: 2, bucket_3: 1, inRange: 3 } });
  expect(column(range['sessions'], 'daysSince')).toEqual([8, 25, 29]);
  const inner = await ask(harness, 'sessions', { from: '2026-09-17', to: '2026-10-06' });
  expect(column(inner['sessions'], 'daysSince')).toEqual([25]);
});

test('new participants: how long each has been without a session', async () => {
  const harness = await createReportHarness();
  const report = await ask(harness, 'new-participants');
  expect(report).toMatchObject({
    filters: { lookbackDays: 365, enrolledFrom: '2025-10-15', enrolledTo: TODAY },
    total: 5,
    summary: { gt_14_to_21: 1, gt_21_to_28: 1, gt_28: 1 },
  });
  expect(column(report['participants'], 'memberId')).toEqual(['M-5', 'M-7', 'M-2', 'M-3', 'M-1']);
  expect(column(report['participants'], 'daysWithoutSession')).toEqual([57, 28, 14, 8, 0]);
  const [longest, uncalled] = z.array(z.unknown()).parse(report['participants']);
  expect(longest).toEqual({
    memberId: 'M-5',
    contactId: expect.any(String),
    memberName: 'Xiomara Nuñez III',
    memberEmail: null,
    client: 'Beta',
    participantAt: at('2026-03-01T00:00:00Z'),
    participantOn: '2026-03-01',
    daysSinceParticipant: 228,
    hasSession: true,
    firstSessionAt: at('2026-08-19T15:00:00Z'),
    lastSessionAt: at('2026-08-19T15:00:00Z'),
    daysSinceLastSession: 57,
    coachIds: [String(COACH)],
    coachNames: [expect.any(String)],
    channelsUsed: ['Phone'],
    daysWithoutSession: 57,
    buckets: { gt_14_to_21: false, gt_21_to_28: false, gt_28: true },
  });
  expect(uncalled).toMatchObject({ hasSession: false, lastSessionAt: null, daysSinceLastSession: null });

  const ahead = await ask(harness, 'new-participants', {
    enrolledFrom: '2026-10-01',
    enrolledTo: '2026-12-31',
  });
  expect(ahead).toMatchObject({ total: 2, filters: { lookbackDays: null } });
  expect(column(ahead['participants'], 'memberId')).toEqual(['M-2', 'M-6']);
  expect(column(ahead['participants'], 'daysWithoutSession')).toEqual([14, 0]);
  const fromOctober = await ask(harness, 'new-participants', { enrolledFrom: '2026-10-01' });
  expect(column(fromOctober['participants'], 'memberId')).toEqual(['M-2']);
  const early = await ask(harness, 'new-participants', { enrolledTo: '2026-02-01' });
  expect(column(early['participants'], 'memberId')).toEqual(['M-3', 'M-1']);
});

test('billing: who is billed for a month, in the columns of old', async () => {
  const harness = await createReportHarness();
  const now = await ask(harness, 'billing');
  expect(now).toMatchObject({ filters: { monthYearLabel: '2026-10', employer: [] }, total: 5 });
  const rows = z.array(z.record(z.string(), z.unknown())).parse(now['rows']);
  expect(Object.keys(rows[0] ?? {})).toEqual([
    'memberId',
    'memberName',
    'memberEmail',
    'employer',
    'registrationAt',
    'lastSessionAt',
    'isNewParticipant',
    'engagedDuringMonth',
    'registrationOn',
  ]);
  expect(
    rows.map(({ memberId, isNewParticipant, engagedDuringMonth }) => [
      memberId,
      isNewParticipant,
      engagedDuringMonth,
    ]),
  ).toEqual([
    ['M-2', true, false],
    ['M-1', false, true],
    ['M-3', false, true],
    ['M-5', false, true],
    [expect.not.stringMatching(/^M-/), false, true],
  ]);
  // The number that Intercom holds for a date-only attribute, and the date as written.
  expect(rows.map((row) => [row['registrationAt'], row['registrationOn']])).toEqual([
    [dated('2026-10-01'), '2026-10-01'],
    [dated('2026-01-05'), '2026-01-05'],
    [dated('2026-02-01'), '2026-02-01'],
    [dated('2026-03-01'), '2026-03-01'],
    [null, null],
  ]);
  const august = await ask(harness, 'billing', { monthYearLabel: '2026-08' });
  expect(column(august['rows'], 'memberId')).toEqual(['M-5']);
  const acme = await ask(harness, 'billing', { month: '2026-10', employer: ['acme'] });
  expect(column(acme['rows'], 'memberId')).toEqual(['M-2', 'M-1']);
});

test('upcoming: day N is included, with the coach who could call', async () => {
  const harness = await createReportHarness();
  const tomorrow = await ask(harness, 'upcoming', { days: 1 });
  expect(tomorrow['items']).toEqual([
    {
      memberId: 'M-7',
      contactId: expect.any(String),
      memberName: 'Doe, Jane',
      memberEmail: null,
      client: 'Acme',
      coachId: null,
      coachName: null,
      fromStatus: 'Engaged',
      toStatus: 'Unengaged',
      changesAt: at('2026-10-16T04:00:00Z'),
      changesOn: '2026-10-16',
      lastCallAt: null,
      channel: null,
      serviceCode: null,
      enrolledOn: '2026-09-17',
    },
  ]);
  const later = await ask(harness, 'upcoming', { days: 21, coach: String(OTHER_COACH) });
  expect(later['items']).toMatchObject([
    { memberId: 'M-3', toStatus: 'At Risk', changesOn: '2026-11-05', channel: 'Video Conference' },
  ]);
  expect(await ask(harness, 'upcoming', { days: 20, coach: String(OTHER_COACH) })).toMatchObject({
    total: 0,
  });
});

test('data quality: what to fix, and where', async () => {
  const harness = await createReportHarness();
  const report = await ask(harness, 'data-quality');
  expect(report).toMatchObject({
    summary: { callsThatDoNotCount: 1, withoutEnrolledDate: 1, withoutUserId: 1, withoutEmployer: 1 },
    total: 4,
  });
  const [call] = z.array(z.unknown()).parse(report['items']);
  expect(call).toMatchObject({
    problem: 'call does not count',
    reasons: ['Service Code empty'],
    coachId: String(COACH),
    closedAt: at('2026-09-16T15:00:00Z'),
    memberName: 'Cher',
  });
  const chosen = await ask(harness, 'data-quality', { problem: ['no user id', 'no Employer'] });
  expect(new Set(column(chosen['items'], 'problem'))).toEqual(new Set(['no Employer', 'no User ID']));
});

test('overview: the month to date beside the same days of the month before', async () => {
  const harness = await createReportHarness();
  const overview = await ask(harness, 'overview', { weeks: 2 });
  expect(overview).toMatchObject({
    filters: { weeks: 2 },
    total: 7,
    summary: {
      monthToDate: {
        fromOn: '2026-10-01',
        toOn: TODAY,
        registrations: 1,
        enrollments: 1,
        qualifyingCalls: 2,
      },
      monthBefore: {
        fromOn: '2026-09-01',
        toOn: '2026-09-15',
        registrations: 0,
        enrollments: 0,
        qualifyingCalls: 0,
      },
      statuses: [
        { status: 'Engaged', members: 5 },
        { status: 'At Risk', members: 0 },
        { status: 'Unengaged', members: 1 },
        { status: null, members: 1 },
      ],
    },
    weeks: [
      { weekOn: '2026-10-05', serviceCode: 'Disease Management 002', sessions: 1 },
      { weekOn: '2026-10-12', serviceCode: 'Health Coaching 001', sessions: 1 },
    ],
  });
  const rows = await csv(harness, 'overview?weeks=2&format=csv');
  expect(rows[0]).toEqual(['figure', 'fromOn', 'toOn', 'status', 'serviceCode', 'count']);
  expect(rows).toContainEqual(['registrations', '2026-10-01', TODAY, '', '', '1']);
  expect(rows).toContainEqual(['members', '', '', 'At Risk', '', '0']);
  expect(rows).toContainEqual(['sessions', '2026-10-12', '2026-10-18', '', 'Health Coaching 001', '1']);
});

test.each([
  ['2026-03-31T16:00:00Z', '2026-03-01', '2026-03-31', '2026-02-01', '2026-02-28'],
  ['2028-03-30T16:00:00Z', '2028-03-01', '2028-03-30', '2028-02-01', '2028-02-29'],
  ['2026-01-01T04:30:00Z', '2025-12-01', '2025-12-31', '2025-11-01', '2025-11-30'],
  ['2026-01-01T05:30:00Z', '2026-01-01', '2026-01-01', '2025-12-01', '2025-12-01'],
])('at %s the month is %s to %s, before it %s to %s', async (now, fromOn, toOn, beforeFromOn, beforeToOn) => {
  const harness = await createReportHarness({ at: now });
  expect(await ask(harness, 'overview')).toMatchObject({
    summary: { monthToDate: { fromOn, toOn }, monthBefore: { fromOn: beforeFromOn, toOn: beforeToOn } },
  });
});

test('engagement: ten columns, names in two parts, and every member that passes', async () => {
  const harness = await createReportHarness();
  const answer = await harness.app.request('/API/intercom/report/engagement', {
    method: 'POST',
    headers: AUTHORIZATION,
    body: '{"perPage": 150}',
  });
  expect(answer.headers.get('content-disposition')).toBe('attachment; filename="engagement-2026-10-15.csv"');
  const rows = z.array(z.array(z.string())).parse(parse(await answer.text()));
  expect(rows[0]).toEqual([
    'employee_id',
    'name_first',
    'name_last',
    'member_dob',
    'group_description',
    'last_coaching_session',
    'program_status',
    'status_date',
    'eligible_programs',
    'registration_code',
  ]);
  expect(rows.slice(1).map(([id]) => id)).toEqual(['M-1', 'M-2', 'M-3', 'M-5', 'M-6', 'M-7', '']);
  expect(rows[1]).toEqual([
    'M-1',
    'Søren',
    'van der Berg',
    '1980-02-29',
    'Acme',
    TODAY,
    'Engaged',
    TODAY,
    'Smart Access',
    'R-1',
  ]);
  expect(rows[2]?.slice(0, 3)).toEqual(['M-2', `'${FORMULA_NAME}`, '']);
  expect(rows[3]?.[5]).toBe('2026-10-07');
  expect(rows[6]?.slice(0, 3)).toEqual(['M-7', 'Jane', 'Doe']);

  const ids = async (query: string): Promise<unknown[]> =>
    (await csv(harness, `report/engagement?${query}`)).slice(1).map(([id]) => id);
  expect(await ids('engagementStatus=unengaged')).toEqual(['M-5']);
  expect(await ids('referral=counter%20health')).toEqual(['M-1']);
  expect(await ids('employer=beta&employer=nobody')).toEqual(['M-3', 'M-5']);
  expect(await ids('enrolledDateFrom=2026-10-01&enrolledDateTo=2026-11-01')).toEqual(['M-2', 'M-6']);
  expect(await ids('lastSessionFrom=2026-10-07&lastSessionTo=2026-10-07')).toEqual(['M-3']);
});

test('outputPath: the whole file in its place, for its owner only, and a summary', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'engagement-exports-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const harness = await createReportHarness({ exportDir: join(directory, 'exports') });
  const path = join(directory, 'exports', 'a', 'b c.csv');
  for (const employer of [[], ['Beta']]) {
    const summary = await ask(harness, 'engagement', { outputPath: 'a/b c.csv', employer, bom: true });
    const text = readFileSync(path, 'utf8');
    expect(summary).toEqual({
      generatedAt: at('2026-10-15T15:00:00Z'),
      asOf: expect.any(Object),
      timeZone: 'America/New_York',
      filters: expect.objectContaining({ employer }),
      total: employer.length === 0 ? 7 : 2,
      outputPath: 'a/b c.csv',
      bytes: Buffer.byteLength(text),
    });
    expect(parse(text, { bom: true })).toHaveLength(employer.length === 0 ? 8 : 3);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readdirSync(join(directory, 'exports', 'a'))).toEqual(['b c.csv']);
  }
});

test('CSV holds every row whatever the limit, and reads back as the JSON says', async () => {
  const harness = await createReportHarness();
  const rows = await csv(harness, 'caseload?format=csv&limit=1&bom=true');
  expect(rows[0]).toEqual([
    'memberId',
    'contactId',
    'memberName',
    'memberEmail',
    'client',
    'coachIds',
    'coachNames',
    'channelsUsed',
    'channelCombo',
    'lastSessionAt',
    'daysSinceLastSession',
    'bucket_1',
    'bucket_2',
    'bucket_3',
    'bucket_4',
  ]);
  expect(rows.map((row) => row.slice(11).indexOf('true'))).toEqual([-1, 0, 1, 2, 3]);
  expect(rows[1]?.slice(11)).toEqual(['true', 'false', 'false', 'false']);
  expect(rows).toHaveLength(5);
  expect(rows[2]?.[2]).toBe(NASTY_NAME);
  expect(rows[2]?.[9]).toBe('2026-10-07T23:50:00-04:00');
  expect(rows[1]?.[7]).toBe('Email; Phone');
  const sessions = await csv(harness, 'caseload?format=csv&view=sessions');
  expect(sessions).toHaveLength(6);
  expect(await csv(harness, 'caseload?format=csv&view=summary')).toEqual([
    ['bucket_1', 'bucket_2', 'bucket_3', 'bucket_4'],
    ['1', '1', '1', '1'],
  ]);
  const participants = await csv(harness, 'new-participants?format=csv');
  expect(participants[0]?.slice(-4)).toEqual(['daysWithoutSession', 'gt_14_to_21', 'gt_21_to_28', 'gt_28']);
  expect(participants.slice(1).map((row) => row.slice(-3).indexOf('true'))).toEqual([2, 1, 0, -1, -1]);
  expect(participants[3]?.[2]).toBe(`'${FORMULA_NAME}`);
  expect((await csv(harness, 'billing?format=csv&month=2026-10'))[2]?.slice(4)).toEqual([
    // Midnight UTC, as Intercom holds the date; the date itself stands in the last column.
    '2026-01-04T19:00:00-05:00',
    '2026-10-15T09:00:00-04:00',
    'false',
    'true',
    '2026-01-05',
  ]);
});

test.each([
  [{ accept: 'text/csv' }, '', 'text/csv'],
  [{ accept: 'application/json;q=0.5, text/csv' }, '', 'text/csv'],
  [{ accept: 'text/csv;q=0.5, application/json' }, '', 'application/json'],
  [{ accept: '*/*' }, '', 'application/json'],
  [{ accept: 'text/html, */*;q=0.1' }, '', 'application/json'],
  [{}, '', 'application/json'],
  [{ accept: 'text/csv' }, '?format=json', 'application/json'],
  [{ accept: 'application/json' }, '?format=csv', 'text/csv'],
])('%j %s is answered as %s', async (headers, query, type) => {
  const harness = await createReportHarness();
  const answer = await harness.app.request(`/API/intercom/billing${query}`, {
    headers: { ...AUTHORIZATION, ...headers },
  });
  expect(answer.headers.get('content-type')).toContain(type);
  expect(answer.headers.get('vary')).toContain('Accept');
  await answer.text();
});

test('pages hold each row once while others come and go', async () => {
  const harness = await createReportHarness();
  const { workspace } = harness;
  for (let number = 0; number < 30; number += 1) {
    addMember(workspace, {
      externalId: `P-${number}`,
      attributes: { 'Enrolled Date': dated('2026-06-01'), Employer: 'Paged' },
      sessions: [{ at: `2026-09-${String(1 + (number % 15)).padStart(2, '0')}T15:00:00Z`, channel: 'Phone' }],
    });
  }
  await harness.settle();
  for (const [report, rows] of [
    ['caseload', 'members'],
    ['billing', 'rows'],
    ['new-participants', 'participants'],
    ['engagement', 'rows'],
    ['data-quality', 'items'],
  ] as const) {
    const filters = {
      employer: 'paged',
      format: 'json',
      ...(report === 'caseload' ? { view: 'members' } : {}),
    };
    const key = report === 'engagement' ? 'employee_id' : 'memberId';
    const before = column((await ask(harness, report, filters))[rows], key);
    expect(before).toHaveLength(30);
    const met: unknown[] = [];
    let cursor: unknown = null;
    for (let page = 0; page < 100; page += 1) {
      const answer = await ask(harness, report, {
        ...filters,
        limit: 7,
        ...(cursor === null ? {} : { cursor }),
      });
      met.push(...column(answer[rows], key));
      // Somebody else joins at each page, in front of, behind and among the rows.
      addMember(workspace, {
        externalId: `${['A', 'P-1', 'Z'][page % 3]}-${report}-${page}`,
        attributes: { 'Enrolled Date': dated('2026-06-01'), Employer: 'Paged' },
        sessions: [{ at: `2026-09-${String(2 + page * 3).padStart(2, '0')}T16:00:00Z`, channel: 'Phone' }],
      });
      await harness.settle();
      cursor = answer['nextCursor'];
      if (cursor === null) break;
    }
    expect(met).toEqual([...new Set(met)]);
    expect(met).toEqual(expect.arrayContaining(before));
    for (const contact of workspace.contacts()) {
      if (contact.externalId?.includes(report) === true) workspace.deleteContact(contact.id);
    }
    await harness.settle();
  }
});

test('caseload without a view pages members and sessions together', async () => {
  const harness = await createReportHarness();
  const whole = await ask(harness, 'caseload');
  const pages: Answer[] = [];
  let cursor: unknown = null;
  do {
    const page = await ask(harness, 'caseload', { limit: 2, ...(cursor === null ? {} : { cursor }) });
    pages.push(page);
    cursor = page['nextCursor'];
  } while (cursor !== null);
  expect(pages).toHaveLength(3);
  expect(pages.flatMap((page) => z.array(z.unknown()).parse(page['members']))).toEqual(whole['members']);
  expect(pages.flatMap((page) => z.array(z.unknown()).parse(page['sessions']))).toEqual(whole['sessions']);
});

test('an ETag holds as long as query, data and day stay the same', async () => {
  const harness = await createReportHarness();
  const path = '/API/intercom/caseload?view=members';
  const first = await harness.get(path);
  const tag = first.headers.get('etag') ?? '';
  expect(tag).toMatch(/^W\/"[\w-]+"$/);
  const again = async (address: string, ifNoneMatch = tag): Promise<number> => {
    const answer = await harness.app.request(address, {
      headers: { ...AUTHORIZATION, 'if-none-match': ifNoneMatch },
    });
    return answer.status;
  };
  harness.clock.advance(60_000);
  expect(await again(path)).toBe(304);
  expect(await again(path, `"other", ${tag.slice(2)}`)).toBe(304);
  expect(await again(path, '*')).toBe(304);
  expect(await again(path, 'W/"other"')).toBe(200);
  expect(await again(`${path}&lookbackDays=30`)).toBe(200);
  expect(await again(`${path}&format=csv`)).toBe(200);
  expect(await again('/API/intercom/caseload?view=members&lookbackDays=365')).toBe(304);
  harness.workspace.updateContact(harness.workspace.contacts()[0]?.id ?? '', { name: 'Another Name' });
  await harness.settle();
  expect(await again(path)).toBe(200);
  const fresh = (await harness.get(path)).headers.get('etag') ?? '';
  expect(await again(path, fresh)).toBe(304);
  harness.clock.advance(14 * 3_600_000);
  expect(await again(path, fresh)).toBe(200);
  const byPost = await harness.app.request('/API/intercom/caseload', {
    method: 'POST',
    headers: { ...AUTHORIZATION, 'if-none-match': '*' },
  });
  expect(byPost.status).toBe(200);
});

test('HEAD answers as GET does, without the body', async () => {
  const harness = await createReportHarness();
  for (const format of ['json', 'csv']) {
    const answer = await harness.app.request(`/API/intercom/billing?format=${format}`, {
      method: 'HEAD',
      headers: AUTHORIZATION,
    });
    expect(answer.status).toBe(200);
    expect(answer.headers.get('etag')).not.toBeNull();
    expect(await answer.text()).toBe('');
  }
});

test('HEAD of a CSV has the headers of GET, and begins no CSV that nobody would end', async () => {
  const { appDeps } = await createReportHarness();
  const begun: string[] = [];
  const app = createApp({
    ...appDeps,
    makeCsv: (prepared, context) => {
      begun.push(prepared.report.name);
      return makeCsvHere(prepared, context);
    },
  });
  for (const path of ['/API/intercom/billing?format=csv', '/intercom/billing.csv']) {
    const head = await app.request(path, { method: 'HEAD', headers: AUTHORIZATION });
    const get = await app.request(path, { headers: AUTHORIZATION });
    expect(head.status).toBe(200);
    expect(await head.text()).toBe('');
    for (const name of ['content-type', 'content-disposition']) {
      expect(head.headers.get(name)).toBe(get.headers.get(name));
    }
  }
  expect(begun).toEqual(['billing', 'billing']);
});
