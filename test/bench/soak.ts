import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { systemClock } from '../../src/clock.js';
import { closeRandomCall, editRandomContact } from '../../src/sandbox/coaches.js';
import { populate } from '../../src/sandbox/population.js';
import { createRandom } from '../../src/sandbox/random.js';
import { startSandboxServer } from '../../src/sandbox/serve-sandbox.js';
import { createWorkspace, type Workspace } from '../../src/sandbox/workspace.js';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.js';
import { CALL_FAILURES } from '../support/call-failures.js';
import { findWrongAttributes } from '../support/harness.js';
import { freePort } from '../../src/cli/replicas/free-port.js';
import {
  residentMb,
  serviceSettings,
  startService,
  type ServiceProcess,
} from '../support/service-process.js';
import { undoingTwice } from './load.js';

const WEBHOOKS_PER_SECOND = 100;
/** An act makes up to three notifications, one of them only when the service has written. */
const MAX_ACTS_PER_SECOND = 45;
const MEMBERS = 300;
/**
 * Of what lives in the last third of the run over the third before; caches have filled up by then. What lives is the
 * least heap in use right after a collection that was asked for: how much memory is resident says only how seldom V8
 * collects on a machine that has plenty.
 */
const MAX_GROWTH = 1.2;
const COLLECT_EVERY_SECONDS = 3;
const COLLECTOR = new URL('collect-garbage.mjs', import.meta.url);
/** What the service's unit allows (`MemoryMax`). */
const MAX_RESIDENT_MB = 1024;
/**
 * Share of the calls that are answered 429, each of which closes the rest of its window of 10 s. The load takes about
 * 1,060 of the 1,666 calls of each: a 429 in every 500 calls would leave less than that, and nobody could keep up. This
 * leaves 1,400, and comes a dozen times in ten minutes.
 */
const PAUSES = 0.0002;
const SETTINGS = {
  timeZone: 'America/New_York',
  eligibleProgramsByReferral: { 'Counter Health': 'Smart Access' },
};

interface Sample {
  readonly residentMb: number;
  readonly heapMb: number;
  readonly waiting: number;
  readonly oldestSeconds: number;
}

/**
 * `npm run bench -- soak`: ten minutes (`--short`: a minute and a half) of 100 webhooks a second while a tenth of the calls to
 * Intercom fails and notifications are repeated, late or out of order. Fails when an event is lost, anything is parked,
 * an attribute ends up wrong, work is left over, or memory grows on and on.
 */
export async function benchSoak(isShort: boolean): Promise<void> {
  const seconds = isShort ? 90 : 600;
  const directory = mkdtempSync(join(process.cwd(), 'node_modules', '.soak-'));
  const databasePath = join(directory, 'soak.db');
  const workspace = createWorkspace({ clock: systemClock, seed: 17 });
  populate(workspace, { members: MEMBERS, seed: 17 });
  const intercom = await startSandboxServer(workspace);
  const port = await freePort();
  const service = await startService({
    ...serviceSettings(workspace, { apiBase: intercom.url, databasePath, port }),
    SETTLE_AFTER_SECONDS: '10',
    NODE_OPTIONS: `--import=${COLLECTOR.href}`,
  });
  try {
    await untilIdle(databasePath, workspace, service.url);
    makeFlaky(workspace);
    const load = await sendFor(seconds, workspace, service);
    workspace.faults.clear();
    workspace.deliveryFaults.clear();
    const drainedInMs = await untilIdle(databasePath, workspace, service.url);
    service.process.kill('SIGTERM');
    const status = await service.ended;
    report(seconds, load, drainedInMs, workspace);
    const problems = [
      ...memoryProblems(load.samples),
      ...(await storeProblems(databasePath, workspace, load.answered)),
      ...(status === 0 ? [] : [`the service ended with status ${status}`]),
    ];
    if (problems.length > 0) throw new Error(problems.join('\n'));
  } finally {
    service.process.kill('SIGKILL');
    workspace.webhooks.stop();
    await intercom.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

function makeFlaky({ faults, deliveryFaults }: Workspace): void {
  faults.sometimes({}, PAUSES, { kind: 'status', status: 429 });
  for (const kind of CALL_FAILURES) faults.sometimes({}, 0.02, kind);
  deliveryFaults.sometimes({}, 0.05, { kind: 'repeated', times: 2 });
  deliveryFaults.sometimes({}, 0.05, { kind: 'reordered' });
  deliveryFaults.sometimes({}, 0.02, { kind: 'delayed', delayMs: 2000 });
}

interface Load {
  /** Ids of all notifications that were answered 200. */
  readonly answered: ReadonlySet<string>;
  readonly sent: number;
  readonly refused: number;
  readonly samples: readonly Sample[];
}

async function sendFor(seconds: number, workspace: Workspace, service: ServiceProcess): Promise<Load> {
  const answered = new Set<string>();
  const counts = { sent: 0, refused: 0 };
  workspace.webhooks.deliverTo(async (request) => {
    counts.sent += 1;
    const body = await request.arrayBuffer();
    const { headers } = request;
    const answer = await fetch(`${service.url}/webhooks/intercom`, { method: 'POST', headers, body });
    await answer.arrayBuffer();
    const id = /"id":"(notif_[^"]+)"/.exec(Buffer.from(body).toString())?.[1];
    if (answer.status === 200 && id !== undefined) answered.add(id);
    if (answer.status !== 200) counts.refused += 1;
    return new Response(null, { status: answer.status });
  });
  const random = createRandom(4711);
  const samples: Sample[] = [];
  const mayUndo = undoingTwice();
  const beganAtMs = systemClock.nowMs();
  const elapsedMs = (): number => systemClock.nowMs() - beganAtMs;
  const ticks = (perSecond: number): number => (elapsedMs() / 1000) * perSecond;
  for (let acts = 0; elapsedMs() < seconds * 1000;) {
    if (acts < ticks(MAX_ACTS_PER_SECOND) && counts.sent < ticks(WEBHOOKS_PER_SECOND)) {
      acts += 1;
      if (acts % 7 === 0) editRandomContact(workspace, random, mayUndo);
      else closeRandomCall(workspace, random);
    }
    if (samples.length < elapsedMs() / 1000 / COLLECT_EVERY_SECONDS) {
      service.process.kill('SIGUSR2');
      samples.push(await sample(service));
    }
    await systemClock.sleep(5);
  }
  return { answered, ...counts, samples };
}

async function sample(service: ServiceProcess): Promise<Sample> {
  const metrics = await (await fetch(`${service.url}/metrics`)).text();
  const valueOf = (name: string): number =>
    Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(metrics)?.[1] ?? Number.NaN);
  return {
    residentMb: residentMb(service),
    heapMb: valueOf('nodejs_heap_size_used_bytes') / 1024 / 1024,
    waiting: valueOf('engagement_inbox_waiting'),
    oldestSeconds: valueOf('engagement_inbox_oldest_seconds'),
  };
}

/** Waits until every notification is delivered and everything is worked off; answers how long that took. */
async function untilIdle(databasePath: string, workspace: Workspace, url: string): Promise<number> {
  const beganAtMs = systemClock.nowMs();
  const database = new Database(databasePath, { readonly: true });
  const waiting = database
    .prepare<[], number>(
      "select (select count(*) from inbox where status = 'waiting') + (select count(*) from outbox)",
    )
    .pluck();
  try {
    for (let quiet = 0; quiet < 3;) {
      await workspace.webhooks.drained();
      const readiness = await (await fetch(`${url}/readyz`)).text();
      quiet = waiting.get() === 0 && readiness.includes('"backfill":"done"') ? quiet + 1 : 0;
      if (systemClock.nowMs() - beganAtMs > 180_000)
        throw new Error(`work is left over after three minutes: ${describeLeft(database)}`);
      await systemClock.sleep(200);
    }
  } finally {
    database.close();
  }
  return systemClock.nowMs() - beganAtMs;
}

/** The first entries that wait, each with why. */
function describeLeft(database: Database.Database): string {
  const rows = database
    .prepare(
      `select 'inbox' as place, origin as kind, status as state, attempts, due_at_ms - ? as dueInMs, reason
       from inbox where status = 'waiting'
       union all
       select 'outbox', cast(rank as text), state, attempts, due_at_ms - ?, reason from outbox limit 10`,
    )
    .all(systemClock.nowMs(), systemClock.nowMs());
  return JSON.stringify(rows);
}

function memoryProblems(samples: readonly Sample[]): string[] {
  const { before, last } = liveMb(samples);
  const resident = largest(samples, (one) => one.residentMb);
  return [
    // Written so that figures that are missing fail too.
    ...(last <= before * MAX_GROWTH
      ? []
      : [`what lives in memory grew from ${before.toFixed(0)} to ${last.toFixed(0)} MB in the last third`]),
    ...(resident <= MAX_RESIDENT_MB ? [] : [`${resident} MB of memory were resident`]),
  ];
}

/** The least heap in use in the second and in the last third. */
function liveMb(samples: readonly Sample[]): { readonly before: number; readonly last: number } {
  const third = Math.floor(samples.length / 3);
  const of = (some: readonly Sample[]): number => Math.min(...some.map(({ heapMb }) => heapMb));
  return { before: of(samples.slice(third, 2 * third)), last: of(samples.slice(2 * third)) };
}

function largest(samples: readonly Sample[], of: (one: Sample) => number): number {
  return Math.max(...samples.map(of));
}

async function storeProblems(
  databasePath: string,
  workspace: Workspace,
  answered: ReadonlySet<string>,
): Promise<string[]> {
  const database = new Database(databasePath, { readonly: true });
  const settled = new Set(
    database
      .prepare<[], string>("select dedupe_key from inbox where status in ('done', 'ignored')")
      .pluck()
      .all(),
  );
  database.close();
  const lost = [...answered].filter((id) => !settled.has(id));
  const store = openSqliteStore({ path: databasePath, timeZone: SETTINGS.timeZone });
  const parked = await store.parked();
  const wrong = await findWrongAttributes(workspace, store, systemClock, SETTINGS);
  await store.close();
  return [
    ...(lost.length === 0 ? [] : [`${lost.length} events were answered 200 and lost, ${lost[0]} first`]),
    ...(parked.length === 0 ? [] : [`${parked.length} pieces of work were parked: ${parked[0]?.reason}`]),
    ...(wrong.length === 0 ? [] : [`${wrong.length} attributes are wrong: ${JSON.stringify(wrong[0])}`]),
  ];
}

function report(seconds: number, load: Load, drainedInMs: number, workspace: Workspace): void {
  const { samples, sent, answered, refused } = load;
  const { before, last } = liveMb(samples);
  const most = (of: (one: Sample) => number): number => largest(samples, of);
  const perSecond = (sent / seconds).toFixed(0);
  console.log(`soak: ${seconds} s, ${sent} webhooks (${perSecond} a second), ${refused} not answered 200`);
  console.log(`  events kept              ${answered.size}`);
  console.log(
    `  calls to Intercom failed ${workspace.faults.happened}, rate limit exceeded ${workspace.windows.refused}`,
  );
  console.log(`  attributes written       ${workspace.calls.writes} requests`);
  console.log(
    `  waiting, at most         ${most((one) => one.waiting)}, oldest ${most((one) => one.oldestSeconds).toFixed(1)} s`,
  );
  console.log(
    `  memory that lives        second third ${before.toFixed(0)} MB, last third ${last.toFixed(0)} MB; resident at most ${most((one) => one.residentMb)} MB`,
  );
  console.log(`  drained in               ${(drainedInMs / 1000).toFixed(1)} s`);
}
