import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, onTestFinished, test } from 'vitest';
import { problemSchema } from '../src/http/openapi.js';
import { REPORTS } from '../src/reports/catalog.js';
import { API_TOKEN, createHarness, type Harness } from './support/harness.js';
import { REPORT_AT } from './support/report-workspace.js';

const PATHS = Object.fromEntries(REPORTS.map(({ name, path }) => [name, path]));
const AUTHORIZATION = { authorization: `Bearer ${API_TOKEN}` };

async function exportDirectory(): Promise<{ readonly harness: Harness; readonly directory: string }> {
  const directory = mkdtempSync(join(tmpdir(), 'engagement-exports-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return {
    harness: await createHarness({ at: REPORT_AT, exportDir: join(directory, 'exports') }),
    directory,
  };
}

async function problemOf(answer: Response): Promise<{ status: number; detail: string; errors: unknown }> {
  expect(answer.headers.get('content-type')).toBe('application/problem+json');
  const problem: unknown = await answer.json();
  expect(problem).toMatchObject({
    type: 'about:blank',
    title: expect.any(String),
    status: answer.status,
    requestId: expect.any(String),
  });
  const { detail, errors } = problemSchema.parse(problem);
  return { status: answer.status, detail, errors };
}

type Fields = Readonly<Record<string, unknown>>;

/** Report, fields of the JSON body, the field that is named and the sentence about it. */
const WRONG_BODIES: readonly (readonly [string, Fields, string, string])[] = [
  ['caseload', { lookbackDays: 0 }, 'lookbackDays', 'must be a whole number from 1 to 365'],
  ['caseload', { lookbackDays: 366 }, 'lookbackDays', 'must be a whole number from 1 to 365'],
  ['caseload', { lookbackDays: -7 }, 'lookbackDays', 'must be a whole number from 1 to 365'],
  ['caseload', { lookbackDays: 7.5 }, 'lookbackDays', 'must be a whole number from 1 to 365'],
  ['caseload', { lookbackDays: 'many' }, 'lookbackDays', 'must be a whole number from 1 to 365'],
  ['caseload', { lookbackDays: '' }, 'lookbackDays', 'must be a whole number from 1 to 365'],
  ['caseload', { lookbackDays: true }, 'lookbackDays', 'must be a whole number from 1 to 365'],
  ['caseload', { lookbackDays: null }, 'lookbackDays', 'must be a whole number from 1 to 365'],
  ['caseload', { lookbackDays: 1e300 }, 'lookbackDays', 'must be a whole number from 1 to 365'],
  ['caseload', { lookbackDays: [7, 8] }, 'lookbackDays', 'may be given only once'],
  ['caseload', { lookbackDay: 7 }, 'lookbackDay', 'is not a field of this report'],
  ['caseload', { view: 'everything' }, 'view', 'must be one of summary, members, sessions'],
  ['caseload', { channel: 'Phnoe' }, 'channel', 'must be one of Phone, Video Conference, Email, Chat'],
  [
    'caseload',
    { channel: ['Phone', 'Fax'] },
    'channel',
    'must be one of Phone, Video Conference, Email, Chat',
  ],
  ['caseload', { channel: 5 }, 'channel', 'must be text, or a list of texts'],
  ['caseload', { coach: {} }, 'coach', 'must be text, or a list of texts'],
  ['caseload', { coach: [1] }, 'coach', 'must be text, or a list of texts'],
  ['caseload', { coach: '  ' }, 'coach', 'must not be empty; leave it out instead'],
  ['caseload', { employer: 'x'.repeat(201) }, 'employer', 'must have at most 200 characters'],
  ['caseload', { employer: Array(101).fill('x') }, 'employer', 'may have at most 100 values'],
  ['caseload', { limit: 0 }, 'limit', 'must be a whole number from 1 to 5000'],
  ['caseload', { limit: 5001 }, 'limit', 'must be a whole number from 1 to 5000'],
  ['caseload', { cursor: '' }, 'cursor', 'must not be empty; leave it out instead'],
  ['caseload', { cursor: 7 }, 'cursor', 'must be text'],
  ['caseload', { cursor: 'x'.repeat(2001) }, 'cursor', 'must have at most 2000 characters'],
  ['caseload', { cursor: 'nonsense' }, 'cursor', 'must be the nextCursor of a page with the same filters'],
  [
    'caseload',
    { cursor: 'all.nonsense' },
    'cursor',
    'must be the nextCursor of a page with the same filters',
  ],
  // A cursor of the right list whose place fits none of its parts.
  [
    'data-quality',
    {
      cursor: Buffer.from(JSON.stringify(['data-quality', 1, 'a', 'b', 'c', 'd', 'e'])).toString('base64url'),
    },
    'cursor',
    'must be the nextCursor of a page with the same filters',
  ],
  [
    'caseload',
    { view: 'members', cursor: 'nonsense' },
    'cursor',
    'must be the nextCursor of a page with the same filters',
  ],
  ['caseload', { format: 'xlsx' }, 'format', 'must be one of json, csv'],
  ['caseload', { bom: 'yes' }, 'bom', 'must be true or false'],
  [
    'caseload',
    Object.fromEntries([['__proto__', { limit: 5 }]]),
    '__proto__',
    'is not a field of this report',
  ],
  ['caseload', { toString: 'x' }, 'toString', 'is not a field of this report'],
  ['caseload', { outputPath: 'x.csv' }, 'outputPath', 'is not a field of this report'],
  [
    'sessions',
    { from: '2026-02-29' },
    'from',
    'must be a date that exists, written YYYY-MM-DD, from 1900 to 2199',
  ],
  [
    'sessions',
    { from: '10/01/2026' },
    'from',
    'must be a date that exists, written YYYY-MM-DD, from 1900 to 2199',
  ],
  [
    'sessions',
    { to: 1_790_000_000 },
    'to',
    'must be a date that exists, written YYYY-MM-DD, from 1900 to 2199',
  ],
  ['sessions', { from: '2026-10-02', to: '2026-10-01' }, 'to', 'must not be before from'],
  ['sessions', { from: '2026-10-16' }, 'from', 'must not be after today'],
  ['sessions', { to: '2024-01-01' }, 'to', 'needs a from, or more lookbackDays, to reach it'],
  [
    'new-participants',
    { enrolledFrom: '2026-13-01' },
    'enrolledFrom',
    'must be a date that exists, written YYYY-MM-DD, from 1900 to 2199',
  ],
  [
    'new-participants',
    { enrolledFrom: '2026-10-16' },
    'enrolledFrom',
    'must not be after today without an enrolledTo',
  ],
  [
    'new-participants',
    { enrolledFrom: '2026-10-02', enrolledTo: '2026-10-01' },
    'enrolledTo',
    'must not be before enrolledFrom',
  ],
  ['billing', { monthYearLabel: '2026-11' }, 'monthYearLabel', 'must not be a month that lies ahead'],
  ['billing', { month: '2027-01' }, 'month', 'must not be a month that lies ahead'],
  ['billing', { month: '2026-13' }, 'month', 'must be a month written YYYY-MM, such as 2026-10'],
  ['billing', { month: '2026-1' }, 'month', 'must be a month written YYYY-MM, such as 2026-10'],
  ['billing', { month: 202_610 }, 'month', 'must be a month written YYYY-MM, such as 2026-10'],
  [
    'billing',
    { month: '2026-09', monthYearLabel: '2026-08' },
    'month',
    'must be the same month as monthYearLabel',
  ],
  ['billing', { lookbackDays: 30 }, 'lookbackDays', 'is not a field of this report'],
  ['upcoming', { days: 0 }, 'days', 'must be a whole number from 1 to 57'],
  ['upcoming', { days: 58 }, 'days', 'must be a whole number from 1 to 57'],
  ['overview', { weeks: 54 }, 'weeks', 'must be a whole number from 1 to 53'],
  ['overview', { limit: 10 }, 'limit', 'is not a field of this report'],
  [
    'data-quality',
    { problem: 'no name' },
    'problem',
    'must be one of call does not count, no Enrolled Date, no User ID, no Employer',
  ],
  [
    'engagement',
    { engagementStatus: 'Lost' },
    'engagementStatus',
    'must be one of Engaged, At Risk, Unengaged',
  ],
  [
    'engagement',
    { enrolledDateFrom: '2026-10-02', enrolledDateTo: '2026-10-01' },
    'enrolledDateTo',
    'must not be before enrolledDateFrom',
  ],
  [
    'engagement',
    { lastSessionFrom: '2026-10-02', lastSessionTo: '2026-10-01' },
    'lastSessionTo',
    'must not be before lastSessionFrom',
  ],
  ['engagement', { perPage: 0 }, 'perPage', 'must be a whole number from 1 to 5000'],
  [
    'engagement',
    { outputPath: 'x.csv', format: 'json' },
    'outputPath',
    'holds a CSV: leave out format, or set it to csv',
  ],
  ['engagement', { outputPath: '' }, 'outputPath', 'must not be empty; leave it out instead'],
  [
    'engagement',
    { outputPath: '/etc/x.csv' },
    'outputPath',
    'must be relative: files are written below EXPORT_DIR',
  ],
  [
    'engagement',
    { outputPath: 'C:\\x.csv' },
    'outputPath',
    'must be relative: files are written below EXPORT_DIR',
  ],
  [
    'engagement',
    { outputPath: '\\\\host\\x.csv' },
    'outputPath',
    'must be relative: files are written below EXPORT_DIR',
  ],
  ['engagement', { outputPath: '../x.csv' }, 'outputPath', 'must not leave EXPORT_DIR'],
  ['engagement', { outputPath: 'a/../../x.csv' }, 'outputPath', 'must not leave EXPORT_DIR'],
  ['engagement', { outputPath: '..' }, 'outputPath', 'must not leave EXPORT_DIR'],
  ...[
    'directory/',
    './x.csv',
    'a//x.csv',
    '.hidden',
    'x\u0000.csv',
    'a\\..\\x.csv',
    'line\nbreak.csv',
    `${'x'.repeat(300)}.csv`,
  ].map(
    (outputPath) =>
      [
        'engagement',
        { outputPath },
        'outputPath',
        'must be a file path such as 2026/engagement.csv, without hidden files or special characters',
      ] as const,
  ),
];

describe('a wrong body', () => {
  test(`names the field and what is allowed: ${WRONG_BODIES.length} of them`, async () => {
    const { harness } = await exportDirectory();
    for (const [report, fields, field, message] of WRONG_BODIES) {
      const answer = await harness.app.request(PATHS[report] ?? '', {
        method: 'POST',
        headers: AUTHORIZATION,
        body: JSON.stringify(fields),
      });
      const problem = await problemOf(answer);
      expect({ report, fields, ...problem }).toEqual({
        report,
        fields,
        status: 400,
        detail: `${field} ${message}.`,
        errors: [expect.objectContaining({ field, message })],
      });
    }
  });

  const NOT_OBJECTS: readonly (readonly [string, string | Uint8Array])[] = [
    ['cut off', '{"lookbackDays": 3'],
    ['a form', 'lookbackDays=30'],
    ['a list', '[]'],
    ['a number', '5'],
    ['null', 'null'],
    ['no UTF-8', new Uint8Array([0x7b, 0xff, 0xfe, 0x7d])],
    ['deep', '['.repeat(30_000)],
  ];
  test('is one JSON object or nothing', async () => {
    const { harness } = await exportDirectory();
    for (const [what, body] of NOT_OBJECTS) {
      const answer = await harness.app.request(PATHS['caseload'] ?? '', {
        method: 'POST',
        headers: AUTHORIZATION,
        body,
      });
      const { status, errors } = await problemOf(answer);
      expect({ what, status, errors }).toEqual({
        what,
        status: 400,
        errors: [
          { field: 'body', message: 'must be one JSON object in UTF-8, such as {"lookbackDays": 90}' },
        ],
      });
    }
  });

  test.each([
    ['declared', { 'content-length': '70000' }],
    ['not declared', {}],
  ])('of 70,000 bytes, %s, is too large', async (_, headers) => {
    const { harness } = await exportDirectory();
    const body = new Response(`{"employer": "${'x'.repeat(70_000)}"}`).body;
    const answer = await harness.app.request(PATHS['billing'] ?? '', {
      method: 'POST',
      headers: { ...AUTHORIZATION, ...headers },
      body,
      duplex: 'half',
    });
    const { status, detail } = await problemOf(answer);
    expect(status).toBe(413);
    expect(detail).toBe('The body may have at most 65536 bytes.');
  });

  test('is answered with everything that is wrong with it at once', async () => {
    const { harness } = await exportDirectory();
    const answer = await harness.app.request(`${PATHS['sessions']}?to=2026-10-01`, {
      method: 'POST',
      headers: AUTHORIZATION,
      body: JSON.stringify({ channel: ['Fax', 'Phnoe'], from: '2026-10-02', limit: 'all', color: 'red' }),
    });
    const { errors } = await problemOf(answer);
    expect(errors).toEqual([
      {
        field: 'color',
        message: 'is not a field of this report',
        allowed: expect.arrayContaining(['from', 'bom']),
      },
      {
        field: 'channel',
        message: 'must be one of Phone, Video Conference, Email, Chat',
        allowed: ['Phone', 'Video Conference', 'Email', 'Chat'],
      },
      { field: 'limit', message: 'must be a whole number from 1 to 5000' },
      { field: 'to', message: 'must not be before from' },
    ]);
  });

  test('and address that both name a field are refused', async () => {
    const { harness } = await exportDirectory();
    const answer = await harness.app.request(`${PATHS['sessions']}?limit=5`, {
      method: 'POST',
      headers: AUTHORIZATION,
      body: '{"limit": 6}',
    });
    expect((await problemOf(answer)).errors).toEqual([
      { field: 'limit', message: 'must be either in the body or in the address' },
    ]);
  });
});

describe('a wrong address', () => {
  test.each([
    ['/API/intercom/caseload?lookbackDays=4e2', 'lookbackDays', 'must be a whole number from 1 to 365'],
    ['/API/intercom/caseload?lookbackDays=7&lookbackDays=8', 'lookbackDays', 'may be given only once'],
    ['/API/intercom/caseload?coach=', 'coach', 'must not be empty; leave it out instead'],
    ['/API/intercom/caseload?LookbackDays=7', 'LookbackDays', 'is not a field of this report'],
    ['/API/intercom/billing?month=2026-10&month=2026-09', 'month', 'may be given only once'],
    ['/API/intercom/caseload?bom=1', 'bom', 'must be true or false'],
    ['/API/intercom/upcoming?days=%31%20', 'days', 'must be a whole number from 1 to 57'],
    ['/API/intercom/report/engagement?outputPath=x.csv', 'outputPath', 'writes a file: send it by POST'],
    [
      '/API/intercom/sessions?from=2026-10-1',
      'from',
      'must be a date that exists, written YYYY-MM-DD, from 1900 to 2199',
    ],
    ['/API/intercom/sessions?cursor=x', 'cursor', 'must be the nextCursor of a page with the same filters'],
  ])('%s: %s %s', async (path, field, message) => {
    const { harness } = await exportDirectory();
    const { status, errors } = await problemOf(await harness.get(path));
    expect(status).toBe(400);
    expect(errors).toEqual([expect.objectContaining({ field, message })]);
  });

  test.each(['PUT', 'PATCH', 'DELETE', 'OPTIONS'])('%s is no way to ask for a report', async (method) => {
    const { harness } = await exportDirectory();
    for (const { path } of REPORTS) {
      const answer = await harness.app.request(path, { method, headers: AUTHORIZATION });
      const { status, detail } = await problemOf(answer);
      expect(status).toBe(405);
      expect(detail).toBe('This address answers GET, HEAD, POST.');
      expect(answer.headers.get('allow')).toBe('GET, HEAD, POST');
    }
  });

  test.each(REPORTS.map(({ path }) => path))('%s needs a token', async (path) => {
    const { harness } = await exportDirectory();
    for (const method of ['GET', 'POST']) {
      const answer = await harness.app.request(path, { method });
      expect(answer.status).toBe(401);
      expect(answer.headers.get('www-authenticate')).toContain('Bearer');
    }
  });

  test.each([
    undefined,
    'application/x-www-form-urlencoded',
    'text/plain',
    'application/json; charset=utf-8',
  ])('JSON under the content type %s is read all the same', async (contentType) => {
    const { harness } = await exportDirectory();
    const answer = await harness.app.request('/API/intercom/billing', {
      method: 'POST',
      headers: { ...AUTHORIZATION, ...(contentType === undefined ? {} : { 'content-type': contentType }) },
      body: '{"month": "2026-09"}',
    });
    expect(await answer.json()).toMatchObject({ filters: { monthYearLabel: '2026-09' } });
  });

  test('a database that cannot be used is 503 for JSON and for CSV', async () => {
    const closed = await createHarness({ at: REPORT_AT });
    await closed.reports.close();
    for (const { path } of REPORTS) {
      for (const format of ['json', 'csv']) {
        const answer = await closed.get(`${path}?format=${format}`);
        expect((await problemOf(answer)).status).toBe(503);
      }
    }
    expect(closed.logLines.length).toBeGreaterThan(0);
  });
});

test('a path out of EXPORT_DIR through a symbolic link is refused, and nothing is written', async () => {
  const { harness, directory } = await exportDirectory();
  const inside = join(directory, 'exports');
  const outside = join(directory, 'outside');
  mkdirSync(inside);
  mkdirSync(outside);
  mkdirSync(join(inside, 'directory'));
  writeFileSync(join(inside, 'plain'), '');
  writeFileSync(join(outside, 'target.csv'), 'untouched');
  symlinkSync(outside, join(inside, 'out'));
  symlinkSync('out', join(inside, 'twice'));
  symlinkSync('/nowhere', join(inside, 'dangling'));
  symlinkSync(join(outside, 'target.csv'), join(inside, 'link.csv'));
  symlinkSync('directory', join(inside, 'alias'));

  const outcomes: Record<string, string> = {};
  for (const outputPath of [
    'out/x.csv',
    'twice/x.csv',
    'dangling/x.csv',
    'out/deep/x.csv',
    'link.csv',
    'directory',
    'plain/x.csv',
    'alias/x.csv',
  ]) {
    const answer = await harness.app.request('/API/intercom/report/engagement', {
      method: 'POST',
      headers: AUTHORIZATION,
      body: JSON.stringify({ outputPath }),
    });
    outcomes[outputPath] = answer.status === 400 ? (await problemOf(answer)).detail : String(answer.status);
  }
  const leaves = 'outputPath must not leave EXPORT_DIR through a symbolic link.';
  expect(outcomes).toEqual({
    'out/x.csv': leaves,
    'twice/x.csv': leaves,
    'dangling/x.csv': leaves,
    'out/deep/x.csv': leaves,
    'link.csv': 'outputPath names something that is no plain file.',
    directory: 'outputPath names something that is no plain file.',
    'plain/x.csv': 'outputPath leads through a file that is no directory.',
    'alias/x.csv': '200',
  });
  expect(readdirSync(outside)).toEqual(['target.csv']);
  expect(readFileSync(join(outside, 'target.csv'), 'utf8')).toBe('untouched');
  expect(readdirSync(join(inside, 'directory'))).toEqual(['x.csv']);
});

test('no export replaces a database, a backup, or what lies beside one', async () => {
  const { harness, directory } = await exportDirectory();
  const inside = join(directory, 'exports');
  mkdirSync(join(inside, 'backups'), { recursive: true });
  const backup = join(inside, 'backups', 'Mon.db');
  const sqlite = new Database(backup);
  sqlite.exec('create table t (x); insert into t values (1)');
  sqlite.close();
  copyFileSync(backup, join(inside, 'no ending'));
  const before = readFileSync(backup);
  const database = 'outputPath names a database or a backup, which an export must not replace.';
  const beside = 'outputPath names a file that belongs to the database beside it.';
  for (const [outputPath, sentence] of [
    ['backups/Mon.db', database],
    ['no ending', database],
    ['backups/Mon.db-wal', beside],
    ['backups/Mon.db-shm', beside],
    ['backups/Mon.db-journal', beside],
  ] as const) {
    const answer = await harness.app.request('/API/intercom/report/engagement', {
      method: 'POST',
      headers: AUTHORIZATION,
      body: JSON.stringify({ outputPath }),
    });
    expect({ outputPath, detail: (await problemOf(answer)).detail }).toEqual({
      outputPath,
      detail: sentence,
    });
  }
  expect(readdirSync(join(inside, 'backups'))).toEqual(['Mon.db']);
  expect(readFileSync(backup).equals(before), 'the backup is as it was').toBe(true);
});

test('a directory that cannot be written is said to be so, and the log has the reason', async () => {
  const { harness, directory } = await exportDirectory();
  writeFileSync(join(directory, 'exports'), 'a file where the directory should be');
  const answer = await harness.app.request('/API/intercom/report/engagement', {
    method: 'POST',
    headers: AUTHORIZATION,
    body: '{"outputPath": "x.csv"}',
  });
  expect(await problemOf(answer)).toMatchObject({
    status: 500,
    detail: expect.stringContaining('EXPORT_DIR'),
  });
  expect(harness.logLines.join('')).toMatch(/EEXIST|ENOTDIR/);
});
