import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { systemClock } from '../../src/clock.js';
import { populate } from '../../src/sandbox/population.js';
import { startSandboxServer } from '../../src/sandbox/serve-sandbox.js';
import { createWorkspace, type Workspace } from '../../src/sandbox/workspace.js';
import { freePort } from '../../src/cli/replicas/free-port.js';
import { serviceSettings, startService, type ServiceProcess } from '../support/service-process.js';

const CALL_MS = 120;
const PER_WINDOW = 1666;
const WINDOW_MS = 10_000;
const LOOK_EVERY_MS = 50;

const runShape = z.looseObject({
  runId: z.string(),
  status: z.string(),
  changed: z.number(),
  progress: z.object({ phase: z.string() }),
});
const runsShape = z.object({ runs: z.array(runShape) });
type ShownRun = z.output<typeof runShape>;

interface Phase {
  readonly name: string;
  readonly beganAtMs: number;
  readonly callsBefore: number;
}

/**
 * The first backfill, and then sweeps over 10,000 members, by the built service against a workspace that takes 120 ms
 * for each call: calls, the time that Intercom's rate limit alone needs for as many, and ours. Paging follows cursors,
 * one call after the other; writes and the reads right before them go out together.
 */
export async function benchSweep(isShort: boolean): Promise<void> {
  const members = isShort ? 300 : 10_000;
  const directory = mkdtempSync(join(process.cwd(), 'node_modules', '.bench-'));
  const workspace = createWorkspace({
    clock: systemClock,
    latencyMs: CALL_MS,
    rateLimit: { perWindow: PER_WINDOW, windowMs: WINDOW_MS },
    logLength: 1000,
  });
  populate(workspace, { members, seed: 3 });
  const intercom = await startSandboxServer(workspace);
  const where = { apiBase: intercom.url, databasePath: join(directory, 'bench.db'), port: await freePort() };
  const off = { SWEEP_EVERY_MINUTES: '0', RECONCILE_CRON: 'off' };
  const conversations = workspace.conversations().length;
  const pages = Math.ceil(conversations / 150) + Math.ceil(workspace.contacts().length / 150);
  console.log(
    `sweep: ${members} members, ${conversations} conversations (${pages} pages), ${CALL_MS} ms a call, ` +
      `${PER_WINDOW} calls in ${WINDOW_MS / 1000} s`,
  );
  let service: ServiceProcess | null = null;
  try {
    const bench = { workspace, url: '' };
    bench.url = `http://127.0.0.1:${where.port}`;
    service = await startService({ ...serviceSettings(workspace, where), ...off });
    await watch(bench, 'first backfill', () => newestRun(bench.url, 'backfill'));
    await untilWritten(bench.url);
    await watch(bench, 'reconcile, nothing to do', await start(bench.url, 'reconcile', {}));
    for (const { id, role } of workspace.contacts()) {
      if (role !== 'user') continue;
      const empty = { 'Last Coaching Session': null, 'Last Call': null, 'First Session Date': null };
      workspace.updateContact(id, { customAttributes: empty });
    }
    const sync = { dryRun: false, force: true };
    await watch(bench, 'writing session-sync of everybody', await start(bench.url, 'session-sync', sync));
  } finally {
    service?.process.kill('SIGTERM');
    await service?.ended;
    await intercom.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

interface Bench {
  readonly workspace: Workspace;
  readonly url: string;
}

async function start(url: string, job: string, body: object): Promise<() => Promise<ShownRun>> {
  const answer = await fetch(`${url}/API/intercom/${job}`, {
    method: 'POST',
    body: JSON.stringify({ ...body, async: true }),
  });
  const { runId } = runShape.parse(await answer.json());
  return async () => runShape.parse(await (await fetch(`${url}/API/intercom/runs/${runId}`)).json());
}

async function newestRun(url: string, job: string): Promise<ShownRun> {
  const { runs } = runsShape.parse(await (await fetch(`${url}/API/intercom/runs?job=${job}&limit=1`)).json());
  return runs[0] ?? { runId: '', status: 'running', changed: 0, progress: { phase: 'starting' } };
}

/** Prints each phase of a run as it ends, and the whole. */
async function watch({ workspace }: Bench, title: string, look: () => Promise<ShownRun>): Promise<void> {
  console.log(`  ${title}`);
  const begin = (name: string): Phase => ({
    name,
    beganAtMs: systemClock.nowMs(),
    callsBefore: workspace.calls.total,
  });
  const whole = begin('in all');
  let phase = begin('starting');
  for (;;) {
    const run = await look();
    if (run.progress.phase !== phase.name || run.status !== 'running') {
      printPhase(phase, workspace);
      phase = begin(run.progress.phase);
    }
    if (run.status !== 'running') {
      printPhase(whole, workspace);
      if (run.status !== 'done') throw new Error(`${title}: ${JSON.stringify(run)}`);
      console.log(`    ${run.changed} members changed`);
      return;
    }
    await systemClock.sleep(LOOK_EVERY_MS);
  }
}

/** Work without calls has no rate limit to be compared with, and neither has paging: a cursor allows one call at a time. */
function printPhase({ name, beganAtMs, callsBefore }: Phase, workspace: Workspace): void {
  const seconds = (systemClock.nowMs() - beganAtMs) / 1000;
  const calls = workspace.calls.total - callsBefore;
  if (seconds < 0.2 && calls === 0) return;
  const limitSeconds = (calls / PER_WINDOW) * (WINDOW_MS / 1000);
  const beside =
    name === 'writing'
      ? `   the rate limit alone: ${limitSeconds.toFixed(1)} s   ours / limit: ${(seconds / limitSeconds).toFixed(2)} (target: at most 1.25)`
      : `   one after the other: ${((calls * CALL_MS) / 1000).toFixed(1)} s`;
  console.log(
    `    ${name.padEnd(22)} ${seconds.toFixed(1).padStart(7)} s ${String(calls).padStart(6)} calls${beside}`,
  );
}

async function untilWritten(url: string): Promise<void> {
  for (;;) {
    const metrics = await (await fetch(`${url}/metrics`)).text();
    if (/^engagement_writes_waiting 0$/m.test(metrics)) return;
    await systemClock.sleep(500);
  }
}
