import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { startSandboxServer } from '../../src/sandbox/serve-sandbox.js';
import { createWorkspace } from '../../src/sandbox/workspace.js';
import { freePort } from '../../src/cli/replicas/free-port.js';
import {
  residentMb,
  serviceSettings,
  startService,
  type ServiceProcess,
} from '../support/service-process.js';
import { BENCH_TOKEN, openBenchApp } from './bench-app.js';
import { startChild } from './child.js';
import { benchEngines, type Engine } from './engines.js';
import { fire, median, percentile } from './load.js';
import { notificationShots } from './payload.js';
import { openBareReports, type BareName } from './reports-bare.js';
import { benchDatabase, TIME_ZONE, type DataSize } from './reports-data.js';
import { p50, p99, secondsFromIntercom, timeInTurns } from './timing.js';

const FULL: DataSize = { members: 100_000, conversations: 1_000_000 };
const SHORT: DataSize = { members: 2000, conversations: 20_000 };

const REPORTS: readonly (readonly [what: string, path: string, bare: BareName])[] = [
  ['caseload, summary', 'caseload?view=summary', 'caseloadSummary'],
  ['caseload, 1,000 members', 'caseload?view=members', 'caseload'],
  ['sessions, 1,000', 'sessions', 'sessions'],
  ['new participants, summary', 'new-participants?limit=1', 'participantSummary'],
  ['new participants, 1,000', 'new-participants', 'participants'],
  ['billing month, 1,000 rows', 'billing', 'billing'],
  ['overview', 'overview', 'overview'],
  ['upcoming, up to 1,000', 'upcoming', 'upcoming'],
  ['data quality, 1,000', 'data-quality', 'dataQuality'],
  ['engagement, 1,000 rows', 'report/engagement?format=json', 'engagement'],
];

/**
 * Every report against the bare SQL and JSON.stringify of the same rows, in turns in one process; then exports of the
 * built service, and webhooks beside them. Beside each figure: how long the same data takes to page from Intercom. With
 * another engine: {@link benchEngines}.
 */
export async function benchReports(isShort: boolean, engine: Engine): Promise<void> {
  const size = isShort ? SHORT : FULL;
  const path = await benchDatabase(size);
  if (engine !== 'sqlite') return benchEngines({ path, size, engine, rounds: isShort ? 5 : 30 });
  console.log(`reports: ${size.members} members, ${size.conversations} conversations, a file database`);
  await benchAnswers(path, size, isShort ? 10 : 100);
  await benchService(path, size, isShort);
}

async function benchAnswers(path: string, size: DataSize, rounds: number): Promise<void> {
  const [contactId = ''] = someMembers(path, 1);
  const ours = openBenchApp(path);
  const bare = openBareReports(path, contactId);
  const all = secondsFromIntercom([size.members, size.conversations]);
  const asked = [
    ...REPORTS.map((report) => [...report, all] as const),
    ['one member', `members/${contactId}`, 'member', secondsFromIntercom([1, 1])] as const,
  ];
  for (const [what, address, name, fromIntercom] of asked) {
    const [ourTimes = [], bareTimes = []] = await timeInTurns(
      [() => ours.get(`/API/intercom/${address}`), async () => bare.read(name)],
      rounds,
    );
    console.log(
      `  ${what.padEnd(27)} p50 ${ms(p50(ourTimes))}  p99 ${ms(p99(ourTimes))}   bare SQL p50 ${ms(p50(bareTimes))}` +
        `   ratio ${(p50(ourTimes) / p50(bareTimes)).toFixed(2)} (target at most 2)   Intercom ${fromIntercom.toFixed(1)} s`,
    );
  }
  bare.close();
  await ours.close();
}

/** Contact ids of some members with sessions. */
function someMembers(path: string, count: number): string[] {
  const sqlite = new Database(path, { readonly: true });
  const ids = sqlite
    .prepare<[number], string>(
      'select contact_id from reported_members where last_session_at is not null limit ?',
    )
    .pluck()
    .all(count);
  sqlite.close();
  return ids;
}

const LOOK_AT_MEMORY_MS = 50;
const WEBHOOK_CONNECTIONS = 8;
const EXPORTER = join(import.meta.dirname, 'exporter.ts');

/** The built service on a copy of the database: how fast it exports, and what exports cost webhooks. */
async function benchService(path: string, size: DataSize, isShort: boolean): Promise<void> {
  const directory = mkdtempSync(join(process.cwd(), 'node_modules', '.bench-'));
  const databasePath = join(directory, 'bench.db');
  copyFileSync(path, databasePath);
  const workspace = createWorkspace();
  const intercom = await startSandboxServer(workspace);
  const settings = serviceSettings(workspace, {
    apiBase: intercom.url,
    databasePath,
    port: await freePort(),
  });
  const service = await startService({
    ...settings,
    API_TOKENS: BENCH_TOKEN,
    REPORT_TIMEZONE: TIME_ZONE,
    BACKFILL_DAYS: '0',
    SETTLE_AFTER_SECONDS: '0',
    // The workspace has none of the members: what is decided about them is not to be sent.
    DRY_RUN: 'true',
  });
  try {
    await benchExports(service, size);
    await benchWebhooks(service, workspace.settings.clientSecret, someMembers(path, 1000), isShort);
  } finally {
    service.process.kill('SIGKILL');
    await service.ended;
    await intercom.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

async function benchExports(service: ServiceProcess, size: DataSize): Promise<void> {
  const fromIntercom = secondsFromIntercom([size.members, size.conversations]).toFixed(0);
  // Once before, so that what every process grows by at first is not taken for the export's.
  await download(service, 'caseload?view=members&format=csv');
  for (const [what, address] of [
    ['caseload CSV, members', 'caseload?view=members&format=csv&lookbackDays=365'],
    ['caseload CSV, sessions', 'caseload?view=sessions&format=csv'],
    ['engagement CSV', 'report/engagement'],
  ] as const) {
    const before = residentMb(service);
    const startedAt = performance.now();
    const { rows, most } = await download(service, address);
    const seconds = (performance.now() - startedAt) / 1000;
    console.log(
      `  ${what.padEnd(27)} ${rows} rows in ${seconds.toFixed(2)} s: ${Math.round(rows / seconds)}/s (target 50000)` +
        `   memory +${Math.max(0, most - before)} MB (target below 64)   Intercom ${fromIntercom} s`,
    );
  }
}

/** Reads a CSV as it comes, and looks at the service's memory meanwhile. */
async function download(
  service: ServiceProcess,
  address: string,
): Promise<{ readonly rows: number; readonly most: number }> {
  const answer = await fetch(`${service.url}/API/intercom/${address}`, {
    headers: { authorization: `Bearer ${BENCH_TOKEN}` },
  });
  if (answer.status !== 200 || answer.body === null) throw new Error(`${address}: ${answer.status}`);
  let lines = 0;
  let most = 0;
  let lookedAtMs = 0;
  for await (const piece of answer.body) {
    for (let at = piece.indexOf(10); at >= 0; at = piece.indexOf(10, at + 1)) lines += 1;
    if (performance.now() - lookedAtMs < LOOK_AT_MEMORY_MS) continue;
    lookedAtMs = performance.now();
    most = Math.max(most, residentMb(service));
  }
  return { rows: lines - 1, most };
}

async function benchWebhooks(
  service: ServiceProcess,
  secret: string,
  contactIds: readonly string[],
  isShort: boolean,
): Promise<void> {
  const rounds = isShort ? 1 : 5;
  const perRound = isShort ? 200 : 1000;
  const alone: number[] = [];
  const beside: number[] = [];
  const shoot = async (into: number[] | null): Promise<void> => {
    const { latenciesMs, notOk } = await fire(
      `${service.url}/webhooks/intercom`,
      notificationShots(perRound, secret, contactIds),
      WEBHOOK_CONNECTIONS,
    );
    if (notOk > 0) throw new Error(`${notOk} notifications were not answered 200`);
    into?.push(percentile(latenciesMs, 0.99));
  };
  await shoot(null);
  for (let round = 0; round < rounds; round += 1) {
    await shoot(alone);
    const address = `${service.url}/API/intercom/caseload?view=members&format=csv`;
    const exporter = await startChild(EXPORTER, [address, BENCH_TOKEN]);
    await shoot(beside);
    await exporter.stop();
  }
  console.log(
    `  webhook answered             p99 ${ms(median(alone))}   while exports run ${ms(median(beside))}` +
      `   ratio ${(median(beside) / median(alone)).toFixed(2)} (target at most 2)`,
  );
}

function ms(value: number): string {
  return `${value.toFixed(1)} ms`;
}
