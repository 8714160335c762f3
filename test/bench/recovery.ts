import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { systemClock } from '../../src/clock.js';
import { readConfig } from '../../src/config/config.js';
import { createLog } from '../../src/log.js';
import { BROKEN_CONNECTION_HEADER, createSandboxApp } from '../../src/sandbox/app.js';
import { closeRandomCall, editRandomContact } from '../../src/sandbox/coaches.js';
import { populate } from '../../src/sandbox/population.js';
import { createRandom, type Random } from '../../src/sandbox/random.js';
import { startSandboxServer } from '../../src/sandbox/serve-sandbox.js';
import { createWorkspace, type Workspace } from '../../src/sandbox/workspace.js';
import { serve } from '../../src/serve.js';
import { CALL_FAILURES } from '../support/call-failures.js';
import { findWrongAttributes } from '../support/harness.js';
import { createMovedClock, type MovedClock } from '../support/moved-clock.js';
import { freePort } from '../../src/cli/replicas/free-port.js';
import { serviceSettings, startService } from '../support/service-process.js';
import { undoingTwice } from './load.js';

const MEMBERS = 150;
const STEP_MS = 250;
/** Calls that are closed, or contacts that are edited, in each second of an outage. */
const ACTS_PER_SECOND = 2;
/** Everything is right this long after Intercom heals, beside what the rate limit takes. */
const MAX_RECOVERY_MS = 15_000;
const WINDOW_MS = 10_000;
/** Then it is said what is wrong. */
const GIVE_UP_AFTER_MS = 3_600_000;
const SETTINGS = {
  timeZone: 'America/New_York',
  eligibleProgramsByReferral: { 'Counter Health': 'Smart Access' },
};

interface Outage {
  readonly share: 'a third' | 'all';
  readonly seconds: number;
  readonly perWindow: number;
}

interface Recovery {
  /** From the end of the outage until everything is right and nothing waits. */
  readonly ms: number;
  readonly callsInOutage: number;
  readonly callsAfter: number;
  readonly problems: readonly string[];
}

/**
 * `npm run bench -- recovery`: a third of the calls to Intercom fails, or all do, some of them without any answer, for
 * two and for ten minutes of a clock that is moved, and for a minute of the real one with the built program, while
 * coaches go on working. Fails when something is wrong or left over 15 s after Intercom has healed, plus what its rate
 * limit takes for the calls that were needed, or when that limit was exceeded.
 */
export async function benchRecovery(isShort: boolean): Promise<void> {
  const problems: string[] = [];
  const run = async (
    clock: string,
    outage: Outage,
    measure: (outage: Outage) => Promise<Recovery>,
  ): Promise<void> => {
    const { ms, callsInOutage, callsAfter, problems: found } = await measure(outage);
    const limitMs = MAX_RECOVERY_MS + Math.floor(callsAfter / outage.perWindow) * WINDOW_MS;
    const what = `${outage.share} of the calls, ${outage.seconds} s, ${outage.perWindow} calls in 10 s (${clock})`;
    console.log(
      `  ${what.padEnd(60)} right after ${(ms / 1000).toFixed(1).padStart(5)} s (at most ${limitMs / 1000} s), ` +
        `${callsInOutage} calls during it, ${callsAfter} after`,
    );
    const late = ms > limitMs ? [`${(ms / 1000).toFixed(1)} s are more than ${limitMs / 1000} s`] : [];
    problems.push(...[...found, ...late].map((problem) => `${what}: ${problem}`));
  };
  console.log(`recovery: ${MEMBERS} members, ${ACTS_PER_SECOND} changes a second, everything right again`);
  for (const share of ['a third', 'all'] as const) {
    await run('moved clock', { share, seconds: 120, perWindow: 1666 }, measureMoved);
    if (isShort) continue;
    await run('moved clock', { share, seconds: 600, perWindow: 1666 }, measureMoved);
    await run('moved clock', { share, seconds: 600, perWindow: 100 }, measureMoved);
    await run('real clock', { share, seconds: 60, perWindow: 1666 }, measureReal);
  }
  if (isShort) await run('real clock', { share: 'all', seconds: 5, perWindow: 1666 }, measureReal);
  if (problems.length > 0) throw new Error(problems.join('\n'));
}

/** Calls that hang are among them: nobody can tell those from slow ones for ten seconds. */
function breakDown({ faults }: Workspace, { share }: Outage): void {
  const kinds = [...CALL_FAILURES, { kind: 'slow', delayMs: 60_000 } as const];
  for (const kind of kinds) faults.sometimes({}, share === 'all' ? 1 / 6 : 1 / 18, kind);
  if (share === 'all') faults.always({}, { kind: 'gateway', status: 504 });
}

/** What coaches do, one thing after the other. */
function actsIn(workspace: Workspace, random: Random): (number: number) => void {
  const mayUndo = undoingTwice();
  return (number) => {
    if (number % 7 === 0) editRandomContact(workspace, random, mayUndo);
    else closeRandomCall(workspace, random);
  };
}

function newWorkspace(clock: Workspace['settings']['clock'], perWindow: number): Workspace {
  const workspace = createWorkspace({ clock, seed: 23, rateLimit: { perWindow, windowMs: WINDOW_MS } });
  populate(workspace, { members: MEMBERS, seed: 23 });
  return workspace;
}

function problemsOf(
  workspace: Workspace,
  wrong: readonly { readonly attribute: string }[],
  parked: readonly { readonly reason: string }[],
): string[] {
  const { refused, maxCalls } = workspace.windows;
  return [
    ...(refused === 0 ? [] : [`the rate limit was exceeded by ${refused} calls (${maxCalls} in a window)`]),
    ...(wrong.length === 0 ? [] : [`${wrong.length} attributes are wrong: ${JSON.stringify(wrong[0])}`]),
    ...(parked.length === 0 ? [] : [`${parked.length} pieces of work were parked: ${parked[0]?.reason}`]),
  ];
}

/** The whole service in this process, with a clock that goes on only when nothing is under way. */
async function measureMoved(outage: Outage): Promise<Recovery> {
  const directory = mkdtempSync(join(process.cwd(), 'node_modules', '.bench-'));
  const clock = createMovedClock('2026-10-15T15:00:00Z');
  const workspace = newWorkspace(clock, outage.perWindow);
  const random = createRandom(4711);
  const act = actsIn(workspace, random);
  const network = callDirectly(workspace);
  const where = {
    apiBase: network.apiBase,
    databasePath: join(directory, 'bench.db'),
    port: await freePort(),
  };
  const config = readConfig({
    ...serviceSettings(workspace, where),
    SETTLE_AFTER_SECONDS: '0',
    SWEEP_EVERY_MINUTES: '1',
  });
  const service = await serve({ config, clock, log: createLog({ level: 'fatal' }) });
  workspace.webhooks.deliverTo((request) => network.deliver(service.url, request));
  const pass = async (ms: number, during: () => void = () => undefined): Promise<void> => {
    for (let passed = 0; passed < ms; passed += STEP_MS) {
      during();
      await quiet(workspace, network);
      clock.advance(STEP_MS);
    }
    await quiet(workspace, network);
  };
  const leftOver = async (): Promise<readonly { readonly attribute: string }[]> => {
    const wrong = await findWrongAttributes(workspace, service.store, clock, SETTINGS);
    const { notificationsWaiting, writesWaiting } = await service.store.backlog(clock.nowMs());
    return notificationsWaiting + writesWaiting === 0
      ? wrong
      : [...wrong, { attribute: `${notificationsWaiting} notifications and ${writesWaiting} writes wait` }];
  };
  try {
    while ((await service.store.latestDoneRun(['backfill'])) === null) await pass(STEP_MS);
    while ((await leftOver()).length > 0) await pass(STEP_MS);
    breakDown(workspace, outage);
    const before = workspace.calls.total;
    let acts = 0;
    await pass(outage.seconds * 1000, () => {
      acts += STEP_MS / 1000;
      if (acts % (1 / ACTS_PER_SECOND) === 0) act(acts * ACTS_PER_SECOND);
    });
    workspace.faults.clear();
    const healed = workspace.calls.total;
    const healedAtMs = clock.nowMs();
    while ((await leftOver()).length > 0 && clock.nowMs() - healedAtMs < GIVE_UP_AFTER_MS)
      await pass(STEP_MS);
    const ms = clock.nowMs() - healedAtMs;
    const problems = problemsOf(workspace, await leftOver(), await service.store.parked());
    return { ms, callsInOutage: healed - before, callsAfter: workspace.calls.total - healed, problems };
  } finally {
    workspace.webhooks.stop();
    await stopMoved(service.stop(), clock);
    network.restore();
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Nothing that waits for time may keep it from ending. */
async function stopMoved(stopping: Promise<void>, clock: MovedClock): Promise<void> {
  const progress = { isDone: false };
  void stopping.finally(() => {
    progress.isDone = true;
  });
  while (!progress.isDone) {
    clock.advance(STEP_MS);
    await systemClock.sleep(1);
  }
  await stopping;
}

interface Network {
  readonly apiBase: string;
  /** Counts up with everything that happens. */
  readonly happened: () => number;
  readonly deliver: (url: string, request: Request) => Promise<Response>;
  readonly restore: () => void;
}

/** Puts the workspace's API in the place of the network, so that nothing takes real time. */
function callDirectly(workspace: Workspace): Network {
  const app = createSandboxApp(workspace);
  const network = globalThis.fetch;
  const apiBase = 'https://api.intercom.example';
  let happened = 0;
  globalThis.fetch = async (input, init) => {
    const request = new Request(input, init);
    if (!request.url.startsWith(apiBase)) return network(request);
    happened += 1;
    const { signal } = request;
    const aborted = new Promise<never>((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(new DOMException('aborted', 'AbortError')), {
        once: true,
      });
    });
    try {
      const response = await Promise.race([app.fetch(request), aborted]);
      if (response.headers.has(BROKEN_CONNECTION_HEADER)) throw new TypeError('fetch failed');
      return response;
    } finally {
      happened += 1;
    }
  };
  return {
    apiBase,
    happened: () => happened,
    deliver: async (url, request) => {
      const body = await request.arrayBuffer();
      const { headers } = request;
      const answer = await network(`${url}/webhooks/intercom`, { method: 'POST', headers, body });
      await answer.arrayBuffer();
      happened += 1;
      return new Response(null, { status: answer.status });
    },
    restore: () => {
      globalThis.fetch = network;
    },
  };
}

/** Until nothing has happened for some turns of the event loop. */
async function quiet(workspace: Workspace, { happened }: Network): Promise<void> {
  for (let still = 0, before = -1; still < 12; still = happened() === before ? still + 1 : 0) {
    before = happened();
    await workspace.webhooks.drained();
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** The built service in a process of its own, in real time. */
async function measureReal(outage: Outage): Promise<Recovery> {
  const directory = mkdtempSync(join(process.cwd(), 'node_modules', '.bench-'));
  const databasePath = join(directory, 'bench.db');
  const workspace = newWorkspace(systemClock, outage.perWindow);
  const random = createRandom(4711);
  const act = actsIn(workspace, random);
  const intercom = await startSandboxServer(workspace);
  const service = await startService({
    ...serviceSettings(workspace, { apiBase: intercom.url, databasePath, port: await freePort() }),
    SETTLE_AFTER_SECONDS: '0',
    SWEEP_EVERY_MINUTES: '1',
  });
  workspace.webhooks.deliverTo(async (request) => {
    const body = await request.arrayBuffer();
    const { headers } = request;
    const answer = await fetch(`${service.url}/webhooks/intercom`, { method: 'POST', headers, body });
    await answer.arrayBuffer();
    return new Response(null, { status: answer.status });
  });
  const database = new Database(databasePath, { readonly: true });
  const waiting = database
    .prepare<[], number>(
      "select (select count(*) from inbox where status = 'waiting') + (select count(*) from outbox)",
    )
    .pluck();
  const parked = database.prepare<[], { readonly reason: string }>(
    `select reason from inbox where status = 'parked' union all select reason from outbox where state = 'parked'
       union all select reason from writes where outcome = 'waiting' and parked_at_ms is not null`,
  );
  const coverage = database
    .prepare<[], string>("select value from meta where name = 'coverage_from_at'")
    .pluck();
  const leftOver = async (): Promise<readonly { readonly attribute: string }[]> => {
    const coverageFromAt = coverage.get();
    if (coverageFromAt === undefined) return [{ attribute: 'the first backfill is not done' }];
    const wrong = await findWrongAttributes(workspace, Number(coverageFromAt), systemClock, SETTINGS);
    const left = waiting.get() ?? 0;
    return left === 0 ? wrong : [...wrong, { attribute: `${left} pieces of work wait` }];
  };
  try {
    while ((await leftOver()).length > 0) await systemClock.sleep(STEP_MS);
    breakDown(workspace, outage);
    const before = workspace.calls.total;
    for (let number = 0; number < outage.seconds * ACTS_PER_SECOND; number += 1) {
      act(number);
      await systemClock.sleep(1000 / ACTS_PER_SECOND);
    }
    workspace.faults.clear();
    const healed = workspace.calls.total;
    const healedAtMs = systemClock.nowMs();
    const sinceMs = (): number => systemClock.nowMs() - healedAtMs;
    while ((await leftOver()).length > 0 && sinceMs() < GIVE_UP_AFTER_MS) await systemClock.sleep(50);
    const ms = sinceMs();
    const problems = problemsOf(workspace, await leftOver(), parked.all());
    service.process.kill('SIGTERM');
    const status = await service.ended;
    return {
      ms,
      callsInOutage: healed - before,
      callsAfter: workspace.calls.total - healed,
      problems: [...problems, ...(status === 0 ? [] : [`the service ended with status ${status}`])],
    };
  } finally {
    database.close();
    service.process.kill('SIGKILL');
    workspace.webhooks.stop();
    await intercom.close();
    rmSync(directory, { recursive: true, force: true });
  }
}
