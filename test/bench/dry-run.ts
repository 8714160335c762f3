import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { systemClock } from '../../src/clock.js';
import { populate } from '../../src/sandbox/population.js';
import { startSandboxServer } from '../../src/sandbox/serve-sandbox.js';
import { createWorkspace } from '../../src/sandbox/workspace.js';
import { freePort } from '../../src/cli/replicas/free-port.js';
import { serviceSettings, startService } from '../support/service-process.js';
import { median } from './load.js';

const runShape = z.looseObject({ status: z.string() });

/**
 * `npm run bench -- dry-run`: a session-sync of everybody that writes nothing, by the built service against a workspace
 * that answers at once: what is left is the computing of both. The processor time of each is told apart.
 */
export async function benchDryRun(isShort: boolean): Promise<void> {
  const members = isShort ? 500 : 2000;
  const rounds = isShort ? 2 : 3;
  const directory = mkdtempSync(join(process.cwd(), 'node_modules', '.bench-'));
  const clock = systemClock;
  const rateLimit = { perWindow: 1_000_000, windowMs: 10_000 };
  const workspace = createWorkspace({ clock, rateLimit, logLength: 1000 });
  populate(workspace, { members, seed: 3 });
  const intercom = await startSandboxServer(workspace);
  const where = { apiBase: intercom.url, databasePath: join(directory, 'bench.db'), port: await freePort() };
  const off = { SWEEP_EVERY_MINUTES: '0', RECONCILE_CRON: 'off' };
  const service = await startService({ ...serviceSettings(workspace, where), ...off });
  const metric = async (name: string): Promise<number> => {
    const text = await (await fetch(`${service.url}/metrics`)).text();
    return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1] ?? Number.NaN);
  };
  const measure = async (what: string): Promise<void> => {
    const results: Cost[] = [];
    for (let round = 0; round < rounds; round += 1) {
      const cpuBefore = await metric('process_cpu_seconds_total');
      const own = process.cpuUsage();
      const beganAt = performance.now();
      await syncDry(service.url);
      const seconds = (performance.now() - beganAt) / 1000;
      const { user, system } = process.cpuUsage(own);
      const ours = (await metric('process_cpu_seconds_total')) - cpuBefore;
      results.push({ seconds, ours, sandbox: (user + system) / 1e6 });
    }
    const middle = (of: (cost: Cost) => number): string => median(results.map(of)).toFixed(1);
    console.log(
      `  ${what.padEnd(24)} ${middle(({ seconds }) => seconds)} s   processor: ours ${middle(({ ours }) => ours)} s, ` +
        `the look-alike workspace ${middle(({ sandbox }) => sandbox)} s`,
    );
  };
  console.log(
    `dry-run: session-sync of ${members} members, ${workspace.conversations().length} conversations, ${rounds} rounds`,
  );
  try {
    while ((await metric('engagement_writes_waiting')) !== 0 || !(await isFilled(service.url))) {
      await clock.sleep(200);
    }
    await measure('nothing is new');
    // No webhook tells of it.
    for (const { id } of workspace.conversations()) workspace.replyToConversation(id, 'admin');
    for (const { id, archived } of workspace.contacts()) {
      if (!archived) workspace.updateContact(id, { customAttributes: { Employer: 'Another One' } });
    }
    await measure('everything is new');
  } finally {
    service.process.kill('SIGTERM');
    await service.ended;
    await intercom.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

interface Cost {
  readonly seconds: number;
  readonly ours: number;
  readonly sandbox: number;
}

async function syncDry(url: string): Promise<void> {
  const body = JSON.stringify({ dryRun: true, force: true });
  const answer = await fetch(`${url}/API/intercom/session-sync`, { method: 'POST', body });
  const { status } = runShape.parse(await answer.json());
  if (status !== 'done') throw new Error(`the run ended as ${status}`);
}

async function isFilled(url: string): Promise<boolean> {
  return (await (await fetch(`${url}/readyz`)).text()).includes('"backfill":"done"');
}
