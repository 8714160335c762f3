import { expect, test } from 'vitest';
import type { DatabaseFacts } from '../src/store/ports/database-facts.js';
import type { ServerFacts } from '../src/store/ports/server-facts.js';
import { checkMachine } from '../src/watch/doctor/check-machine.js';
import { checkServer } from '../src/watch/doctor/check-server.js';
import { temporaryDirectory } from './support/command-line.js';

const GOOD: ServerFacts = {
  version: '15.14',
  isKnownVersion: true,
  encoding: 'UTF8',
  isStandby: false,
  isReadOnly: false,
  syncsCommits: true,
  syncsFiles: true,
  keepsFullPages: true,
  connections: 12,
  maxConnections: 97,
  sizeBytes: 1_300_000_000,
};

const problemsOf = (database: DatabaseFacts) =>
  checkServer(database, 15).flatMap(({ level, sentence, fix }) =>
    level === 'ok' ? [] : [[level, sentence, fix !== null && fix.length > 10]],
  );
const withServer = (over: Partial<ServerFacts>): DatabaseFacts => ({
  kind: 'missing',
  server: { ...GOOD, ...over },
});

test('nothing is wrong with a server as it comes', () => {
  expect(checkServer(withServer({}), 15).map(({ level, sentence }) => [level, sentence])).toEqual([
    ['ok', 'Postgres 15.14, 1.3 GB: the first start makes the tables'],
    ['ok', '12 of 97 connections are used'],
  ]);
});

test.for<[Partial<ServerFacts>, string, string]>([
  [{ isKnownVersion: false, version: '14.2' }, 'fail', 'Postgres 14.2 is too old'],
  [{ encoding: 'LATIN1' }, 'fail', "the database's encoding is LATIN1, which can't hold every name"],
  [{ isStandby: true, isReadOnly: true }, 'fail', 'the server is a standby, which can only be read'],
  [{ isReadOnly: true }, 'fail', 'the service could only read: default_transaction_read_only is on'],
  [{ syncsFiles: false }, 'fail', 'fsync is off: a crash of the machine can damage the whole database'],
  [
    { syncsCommits: false },
    'fail',
    'synchronous_commit is off: a crash loses webhooks that were already answered',
  ],
  [
    { keepsFullPages: false },
    'warn',
    'full_page_writes is off: a crash can damage tables, unless the file system writes whole pages',
  ],
  [{ connections: 90 }, 'warn', '90 of 97 connections are used; each process of the service may need 15'],
])('%j is a problem with a fix', ([over, level, sentence]) => {
  expect(problemsOf(withServer(over))).toEqual([[level, sentence, true]]);
});

test('a server that can not be used is one problem', () => {
  expect(problemsOf({ kind: 'unusable', why: 'its data is damaged' })).toEqual([
    ['fail', "the database can't be used: its data is damaged", true],
  ]);
});

test('with a server, no file is looked for and no disk measured', () => {
  const exportDir = temporaryDirectory();
  const findings = checkMachine({
    databasePath: '/nowhere/engagement.db',
    databaseUrl: 'postgres://user:secret@db.example.test/engagement',
    databaseConnections: 50,
    databaseReportConnections: 20,
    exportDir,
    database: withServer({}),
    nodeVersion: '24.0.0',
    freeBytes: () => 0,
  });
  expect(findings.map(({ check }) => check)).toEqual(
    expect.arrayContaining(['node', 'database', 'connections', 'export directory']),
  );
  expect(findings.find(({ check }) => check === 'connections')?.sentence).toContain('may need 91');
  expect(findings.map(({ check }) => check)).not.toContain('disk');
  expect(JSON.stringify(findings)).not.toMatch(/secret|nowhere/);
});
