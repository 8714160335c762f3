import type { Hono } from 'hono';
import { createApp } from '../../src/app.js';
import { systemClock, type Clock } from '../../src/clock.js';
import { createBreaker } from '../../src/intercom/breaker.js';
import { createRateBudget } from '../../src/intercom/rate-budget.js';
import { createLog } from '../../src/log.js';
import { createMetrics } from '../../src/watch/metrics.js';
import { makeCsvHere } from '../../src/reports/answer.js';
import { openSqliteReportStore } from '../../src/store/sqlite/sqlite-report-store.js';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.js';
import { NOW_AT, TIME_ZONE } from './reports-data.js';

export const BENCH_TOKEN = 'benchmark-token-0123456789';

export interface BenchApp {
  readonly app: Hono;
  /** The whole answer as text. */
  get(path: string): Promise<string>;
  close(): Promise<void>;
}

/** What the app is made from on the database at `path`, without anything that works off the inbox. */
export function benchDeps(path: string, clock: Clock, timeZone: string) {
  const store = openSqliteStore({ path, timeZone });
  const breaker = createBreaker({ clock });
  return {
    store,
    reports: openSqliteReportStore({ path }),
    makeCsv: makeCsvHere,
    // Nothing asks for one here.
    jobs: { start: () => Promise.reject(new Error('no jobs')) },
    exportDir: 'exports',
    clock,
    time: { isTrusted: () => true, aheadMs: () => 0 },
    log: createLog({ level: 'fatal' }),
    metrics: createMetrics({ store, budget: createRateBudget({ clock }), breaker, clock }),
    clientSecrets: ['benchmark-client-secret'],
    access: { apiTokens: [BENCH_TOKEN], auth: 'token' },
    timeZone,
    eligibleProgramsByReferral: {},
    backfillDays: 0,
    messenger: { appId: null, secret: null, region: 'us' },
    outage: breaker.outage,
  } as const;
}

/** The app on the benchmark's database, at the moment at which its data ends. */
export function openBenchApp(path: string): BenchApp {
  const deps = benchDeps(path, { ...systemClock, nowMs: () => NOW_AT * 1000 }, TIME_ZONE);
  const { store, reports } = deps;
  const app = createApp(deps);
  return {
    app,
    get: async (address) => {
      const answer = await app.request(address, { headers: { authorization: `Bearer ${BENCH_TOKEN}` } });
      if (answer.status !== 200) throw new Error(`${address} was answered with ${answer.status}`);
      return answer.text();
    },
    close: async () => {
      await reports.close();
      await store.close();
    },
  };
}
