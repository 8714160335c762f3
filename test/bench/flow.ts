import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { systemClock } from '../../src/clock.js';
import { startSandboxServer } from '../../src/sandbox/serve-sandbox.js';
import type { Workspace } from '../../src/sandbox/workspace.js';
import { freePort } from '../../src/cli/replicas/free-port.js';
import { serviceSettings, startService } from '../support/service-process.js';
import { startChild } from './child.js';
import { createFlowWorkspace, type FlowShots } from './flow-shots.js';
import { fire, median, percentile, type LoadResult } from './load.js';

const CONNECTIONS = 128;
/** Before the measured ones, to warm both up. */
const WARM_UP = 500;
const LOOK_EVERY_MS = 20;
const GIVE_UP_AFTER_MS = 120_000;
const FORCED_WRITES = 'engagement_database_forced_writes_total';

interface Flow {
  readonly load: LoadResult;
  /** From the first notification until every one is applied, and until every closed call is in Intercom. */
  readonly appliedMs: number;
  readonly writtenMs: number;
  readonly loopDelayP99Ms: number;
  readonly bytesPerEvent: number;
  /** Of the processor, all threads, milliseconds. */
  readonly cpuMsPerEvent: number;
  /** Not a number where the service doesn't count them. */
  readonly forcedPerEvent: number;
}

/**
 * `npm run bench -- flow`: the built service receives, processes and writes at once, against the bare handler that
 * verifies, appends and syncs one notification at a time and does nothing else. In turns, each in a process of its own,
 * with the same signed notifications: one in a hundred is a counted close.
 */
export async function benchFlow(isShort: boolean): Promise<void> {
  const rounds = isShort ? 3 : 5;
  const size = isShort ? { members: 500, notifications: 2000 } : { members: 1000, notifications: 5000 };
  const bare: LoadResult[] = [];
  const ours: Flow[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const directory = mkdtempSync(join(process.cwd(), 'node_modules', '.bench-'));
    try {
      await measureRound(directory, size, { bare, ours });
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  }
  console.log(
    `flow: ${rounds} rounds of ${size.notifications} notifications of ${size.members} members, ${CONNECTIONS} connections`,
  );
  printLoad('bare handler, append and sync', bare);
  printLoad(
    'intercom-engagement',
    ours.map(({ load }) => load),
  );
  const ratio = (of: (load: LoadResult) => number): number =>
    median(ours.map(({ load }, round) => of(load) / of(bare[round] ?? load)));
  const middle = (of: (flow: Flow) => number): number => median(ours.map(of));
  const p99 = ({ latenciesMs }: LoadResult): number => percentile(latenciesMs, 0.99);
  const per = (ms: number): number => Math.round((size.notifications * 1000) / ms);
  print('acknowledged, ours / bare', ratio(({ perSecond }) => perSecond).toFixed(2), 'at least 1.5');
  print('p99 of the answer, ours / bare', ratio(p99).toFixed(2), 'at most 1');
  const applied = middle(({ appliedMs }) => appliedMs);
  const limit = (3 * size.notifications) / 5000;
  print(
    'all applied after the first came',
    `${(applied / 1000).toFixed(2)} s, ${per(applied)}/s`,
    `at most ${limit} s`,
  );
  const written = middle(({ writtenMs }) => writtenMs);
  print('all closed calls written after', `${(written / 1000).toFixed(2)} s`);
  const delay = middle(({ loopDelayP99Ms }) => loopDelayP99Ms);
  print('event loop delay p99, 10 ms of it by design', `${delay.toFixed(1)} ms`, 'under 20 ms');
  const bytes = middle(({ bytesPerEvent }) => bytesPerEvent);
  print('bytes written for each event', `${(bytes / 1000).toFixed(1)} kB`, 'under 20 kB');
  const forced = middle(({ forcedPerEvent }) => forcedPerEvent);
  print('forced writes for each event', forced.toFixed(3), 'at most 0.2');
  print('processor time for each event', `${middle(({ cpuMsPerEvent }) => cpuMsPerEvent).toFixed(2)} ms`);
  const refused = [...bare, ...ours.map(({ load }) => load)].reduce((sum, { notOk }) => sum + notOk, 0);
  if (refused > 0) throw new Error(`${refused} notifications were not answered 200`);
}

async function measureRound(
  directory: string,
  size: { readonly members: number; readonly notifications: number },
  results: { readonly bare: LoadResult[]; readonly ours: Flow[] },
): Promise<void> {
  const { workspace, act } = createFlowWorkspace(size.members);
  const intercom = await startSandboxServer(workspace);
  const where = { apiBase: intercom.url, databasePath: join(directory, 'ours.db'), port: await freePort() };
  const off = { SWEEP_EVERY_MINUTES: '0', RECONCILE_CRON: 'off', LOG_LEVEL: 'info' };
  const service = await startService({ ...serviceSettings(workspace, where), ...off });
  try {
    await untilReady(service.url);
    // After the backfill: otherwise it would know all of it already.
    const warmUp = await act(WARM_UP);
    const acted = await act(size.notifications);
    const { clientSecret } = workspace.settings;
    const handler = await startChild('test/bench/bare-handler.ts', [
      join(directory, 'bare.db'),
      clientSecret,
    ]);
    try {
      const url = `${handler.url}/webhooks/intercom`;
      await fire(url, warmUp.shots, CONNECTIONS);
      results.bare.push(await fire(url, acted.shots, CONNECTIONS));
    } finally {
      await handler.stop();
    }
    await fire(`${service.url}/webhooks/intercom`, warmUp.shots, CONNECTIONS);
    await untilReady(service.url);
    const flow = await measureOurs(workspace, acted, {
      url: service.url,
      pid: service.process.pid ?? 0,
      databasePath: where.databasePath,
    });
    results.ours.push(flow);
  } finally {
    service.process.kill('SIGTERM');
    await service.ended;
    await intercom.close();
  }
}

async function measureOurs(
  workspace: Workspace,
  { shots, closedFor }: FlowShots,
  { url, pid, databasePath }: { readonly url: string; readonly pid: number; readonly databasePath: string },
): Promise<Flow> {
  const database = new Database(databasePath, { readonly: true });
  const waiting = database
    .prepare<[], number>("select count(*) from inbox where status = 'waiting' and origin = 'webhook'")
    .pluck();
  try {
    // Asking empties the histogram of the event loop's delays.
    const before = await readMetrics(url);
    const bytesBefore = bytesWritten(pid);
    const startedAt = performance.now();
    const load = await fire(`${url}/webhooks/intercom`, shots, CONNECTIONS);
    const until = async (isDone: () => boolean): Promise<number> => {
      while (!isDone()) {
        if (performance.now() - startedAt > GIVE_UP_AFTER_MS) throw new Error('not all is done in time');
        await systemClock.sleep(LOOK_EVERY_MS);
      }
      return performance.now() - startedAt;
    };
    const appliedMs = await until(() => waiting.get() === 0);
    const writtenMs = await until(() => isWritten(workspace, closedFor));
    const after = await readMetrics(url);
    const cpuSeconds = after('process_cpu_seconds_total') - before('process_cpu_seconds_total');
    const forced = after(FORCED_WRITES) - before(FORCED_WRITES);
    return {
      load,
      appliedMs,
      writtenMs,
      loopDelayP99Ms: after('nodejs_eventloop_lag_p99_seconds') * 1000,
      bytesPerEvent: (bytesWritten(pid) - bytesBefore) / shots.length,
      cpuMsPerEvent: (cpuSeconds * 1000) / shots.length,
      forcedPerEvent: forced / shots.length,
    };
  } finally {
    database.close();
  }
}

function isWritten(workspace: Workspace, contactIds: readonly string[]): boolean {
  const written = new Set(workspace.calls.matching({ method: 'PUT' }).map(({ path }) => path));
  return contactIds.every((id) => written.has(`/contacts/${id}`));
}

async function untilReady(url: string): Promise<void> {
  for (;;) {
    const readiness = await (await fetch(`${url}/readyz`)).text();
    const metric = await readMetrics(url);
    const waits = metric('engagement_inbox_waiting') + metric('engagement_writes_waiting');
    if (readiness.includes('"backfill":"done"') && waits === 0) return;
    await systemClock.sleep(100);
  }
}

/** Answers what `/metrics` says of a name without labels; not a number where it says nothing. */
async function readMetrics(url: string): Promise<(name: string) => number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return (name) => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1] ?? Number.NaN);
}

/** What the process has made the disk write so far, page cache included; 0 where the system doesn't tell. */
function bytesWritten(pid: number): number {
  if (process.platform !== 'linux') return Number.NaN;
  const io = readFileSync(`/proc/${pid}/io`, 'utf8');
  return Number(/^write_bytes: (\d+)$/m.exec(io)?.[1] ?? Number.NaN);
}

function printLoad(name: string, loads: readonly LoadResult[]): void {
  const value = (share: number): string =>
    median(loads.map(({ latenciesMs }) => percentile(latenciesMs, share))).toFixed(1);
  const perSecond = Math.round(median(loads.map((load) => load.perSecond)));
  print(name, `${perSecond}/s   p50 ${value(0.5)} ms   p99 ${value(0.99)} ms`);
}

function print(what: string, value: string, target?: string): void {
  console.log(`  ${what.padEnd(46)} ${value}${target === undefined ? '' : `   (target: ${target})`}`);
}
