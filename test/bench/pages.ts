import { createApp } from '../../src/app.js';
import { createRateBudget } from '../../src/intercom/rate-budget.js';
import { createLog } from '../../src/log.js';
import { createMetrics } from '../../src/operate/metrics.js';
import { openSqliteReportStore } from '../../src/store/sqlite/reports/sqlite-report-store.js';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.js';
import { createMovedClock } from '../support/moved-clock.js';
import { percentile } from './load.js';
import { benchDatabase, NOW_AT, TIME_ZONE } from './reports-data.js';

const PATHS = [
  '/intercom',
  '/intercom/caseload',
  '/intercom/sessions',
  '/intercom/new-participants',
  '/intercom/billing',
  '/intercom/upcoming',
  '/intercom/data-quality',
  '/intercom/activity',
];
/** The most rows that a page shows, in an order that the report has not by itself. */
const HEAVIEST = new Map([
  ['/intercom/caseload', '?limit=100&employer=Employer+7&sort=memberName'],
  ['/intercom/sessions', '?limit=100&lookbackDays=1&sort=memberName'],
  ['/intercom/new-participants', '?limit=100&lookbackDays=7&sort=memberName'],
  ['/intercom/billing', '?limit=100&employer=Employer+7&sort=memberName'],
  ['/intercom/upcoming', '?limit=100&days=30'],
  ['/intercom/data-quality', '?limit=100&lookbackDays=7'],
]);
const TOKEN = 'bench-token-0123456789';
const ROUNDS = 100;
const SHORT_ROUNDS = 10;

/** Every page at the size of a large workspace: how long its HTML takes, and what that weighs before compression. */
export async function benchPages(isShort: boolean): Promise<void> {
  const size = isShort
    ? { members: 2000, conversations: 20_000 }
    : { members: 100_000, conversations: 1_000_000 };
  const path = await benchDatabase(size);
  const clock = createMovedClock(new Date(NOW_AT * 1000).toISOString());
  const store = openSqliteStore({ path, timeZone: TIME_ZONE });
  const reports = openSqliteReportStore({ path });
  const log = createLog({ level: 'error' });
  const app = createApp({
    store,
    reports,
    clock,
    log,
    jobs: { start: () => Promise.reject(new Error('no run is started here')) },
    metrics: createMetrics({ store, clock, budget: createRateBudget({ clock }) }),
    clientSecrets: ['bench-client-secret'],
    access: { apiTokens: [TOKEN], auth: 'token' },
    timeZone: TIME_ZONE,
    eligibleProgramsByReferral: {},
    backfillDays: 365,
    exportDir: 'exports',
    messenger: { appId: null, secret: null, region: 'us' },
  });
  console.log(`${size.members} members, ${size.conversations} conversations`);
  const pages = PATHS.flatMap((one) => [
    one,
    ...(HEAVIEST.has(one) ? [`${one}${HEAVIEST.get(one) ?? ''}`] : []),
  ]);
  for (const page of pages) {
    const tookMs: number[] = [];
    let bytes = 0;
    for (let number = 0; number < (isShort ? SHORT_ROUNDS : ROUNDS); number += 1) {
      const startMs = performance.now();
      const answer = await app.request(page, { headers: { authorization: `Bearer ${TOKEN}` } });
      bytes = (await answer.arrayBuffer()).byteLength;
      tookMs.push(performance.now() - startMs);
      if (answer.status !== 200) throw new Error(`${page} was answered with ${answer.status}`);
    }
    tookMs.sort((one, other) => one - other);
    const [p50 = '', p99 = ''] = [0.5, 0.99].map((share) => percentile(tookMs, share).toFixed(0));
    console.log(
      `  p50 ${p50.padStart(4)} ms  p99 ${p99.padStart(4)} ms  ${(bytes / 1024).toFixed(0).padStart(4)} KB  ${page}`,
    );
  }
  await reports.close();
  await store.close();
}
