import type { Hono } from 'hono';
import { createApp } from '../../src/app.js';
import { systemClock, type Clock } from '../../src/clock.js';
import { createBreaker } from '../../src/intercom/breaker.js';
import { createRateBudget } from '../../src/intercom/rate-budget.js';
import { createLog } from '../../src/log.js';
import { createMetrics } from '../../src/watch/metrics.js';
import { makeCsvHere } from '../../src/reports/answer.js';
import type { ReportStore } from '../../src/store/ports/reports.js';
import type { Store } from '../../src/store/ports/store.js';
import { openPostgresReports } from '../../src/store/postgres/postgres-report-store.js';
import { joinPostgresStore } from '../../src/store/postgres/postgres-store.js';
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
  const stores = { store: openSqliteStore({ path, timeZone }), reports: openSqliteReportStore({ path }) };
  return depsOn(stores, clock, timeZone);
}

function depsOn(
  { store, reports }: { readonly store: Store; readonly reports: ReportStore },
  clock: Clock,
  timeZone: string,
) {
  const breaker = createBreaker({ clock });
  return {
    store,
    reports,
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

const AT_THE_END: Clock = { ...systemClock, nowMs: () => NOW_AT * 1000 };

/** The app on the benchmark's database, at the moment at which its data ends. */
export function openBenchApp(path: string): BenchApp {
  return openApp(benchDeps(path, AT_THE_END, TIME_ZONE));
}

/** The same app on a Postgres database that the benchmark's was copied to. */
export async function openPostgresBenchApp(url: string): Promise<BenchApp> {
  const store = await joinPostgresStore({ url, timeZone: TIME_ZONE });
  return openApp(depsOn({ store, reports: openPostgresReports({ url }) }, AT_THE_END, TIME_ZONE));
}

function openApp(deps: ReturnType<typeof depsOn>): BenchApp {
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
