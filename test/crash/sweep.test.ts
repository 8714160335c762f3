import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../src/clock.js';
import { populate } from '../../src/sandbox/population.js';
import { createRandom } from '../../src/sandbox/random.js';
import { startSandboxServer } from '../../src/sandbox/serve-sandbox.js';
import { createWorkspace } from '../../src/sandbox/workspace.js';
import type { Run } from '../../src/store/ports/runs.js';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.js';
import type { Store } from '../../src/store/ports/store.js';
import { findWrongAttributes } from '../support/harness.js';
import { freePort } from '../../src/cli/replicas/free-port.js';
import { serviceSettings, startService } from '../support/service-process.js';

const TIME_ZONE = 'America/New_York';
const KILLS = 4;

async function look<Result>(path: string, at: (store: Store) => Promise<Result>): Promise<Result> {
  const store = openSqliteStore({ path, timeZone: TIME_ZONE });
  try {
    return await at(store);
  } finally {
    await store.close();
  }
}

test('kill -9 in the middle of a backfill and of a sweep: each goes on where it was, and no member is missed', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'engagement-crash-'));
  const databasePath = join(directory, 'sweep.db');
  const workspace = createWorkspace({ clock: systemClock, latencyMs: 60, seed: 5, logLength: 200_000 });
  populate(workspace, { members: 400, seed: 5 });
  const intercom = await startSandboxServer(workspace);
  const port = await freePort();
  const settings = serviceSettings(workspace, { apiBase: intercom.url, databasePath, port });
  const environment = { ...settings, SWEEP_EVERY_MINUTES: '0', RECONCILE_CRON: 'off' };
  let service = await startService(environment);
  onTestFinished(async () => {
    service.process.kill('SIGKILL');
    await intercom.close();
    rmSync(directory, { recursive: true, force: true });
  });
  const random = createRandom(815);
  const killAgainAndAgain = async (): Promise<void> => {
    for (let kill = 0; kill < KILLS; kill += 1) {
      await systemClock.sleep(random.between(200, 700));
      service.process.kill('SIGKILL');
      await service.ended;
      service = await startService(environment);
    }
  };
  const untilDone = async (job: Run['job']): Promise<Run> => {
    for (;;) {
      const [run, backlog] = await look(databasePath, async (store) => [
        await store.latestRun(job),
        await store.backlog(systemClock.nowMs()),
      ]);
      if (run !== null && run.status !== 'running' && backlog.writesWaiting === 0) return run;
      await systemClock.sleep(200);
    }
  };
  const runsOf = (job: Run['job']): Promise<number> =>
    look(databasePath, async (store) => (await store.listRuns({ limit: 1, after: null, jobs: [job] })).total);
  const wrong = () =>
    look(databasePath, (store) =>
      findWrongAttributes(workspace, store, systemClock, {
        timeZone: TIME_ZONE,
        eligibleProgramsByReferral: { 'Counter Health': 'Smart Access' },
      }),
    );

  await killAgainAndAgain();
  expect((await untilDone('backfill')).status).toBe('done');
  expect(await runsOf('backfill')).toBe(1);
  expect(await wrong()).toEqual([]);

  // No webhook tells of any of this.
  const open = workspace.conversations().filter(({ state }) => state !== 'closed');
  for (const { id } of open.slice(0, 60)) {
    workspace.closeConversation(id, { channel: 'Phone', serviceCode: 'Health Coaching 001' });
  }
  const missed = new Set((await wrong()).map(({ contactId }) => contactId));
  expect(missed.size).toBeGreaterThan(20);
  workspace.calls.clear();
  const asked = await fetch(`${service.url}/API/intercom/reconcile`, {
    method: 'POST',
    body: JSON.stringify({ async: true }),
  });
  expect(asked.status).toBe(202);
  await killAgainAndAgain();
  const run = await untilDone('reconcile');
  expect(run).toMatchObject({ status: 'done', result: { changed: missed.size } });
  expect(await runsOf('reconcile')).toBe(1);
  expect(await wrong()).toEqual([]);
  const drift = await look(databasePath, (store) =>
    store.listDrift({ runId: run.id, limit: 5000, after: null }),
  );
  expect(new Set(drift.differences.map(({ contactId }) => contactId))).toEqual(missed);
  const puts = workspace.calls.matching({ method: 'PUT' }).filter(({ status }) => status === 200);
  expect(new Set(puts.map(({ path }) => path)).size).toBe(missed.size);
  service.process.kill('SIGTERM');
  expect(await service.ended).toBe(0);
}, 300_000);
