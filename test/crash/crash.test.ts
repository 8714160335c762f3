import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../src/clock.js';
import { signBody } from '../../src/intercom/signature.js';
import { closeRandomCall } from '../../src/sandbox/coaches.js';
import { populate } from '../../src/sandbox/population.js';
import { createRandom } from '../../src/sandbox/random.js';
import { startSandboxServer } from '../../src/sandbox/serve-sandbox.js';
import { createWorkspace, type Workspace } from '../../src/sandbox/workspace.js';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.js';
import { findWrongAttributes } from '../support/harness.js';
import { freePort, serviceSettings, startService } from '../support/service-process.js';

const KILLS = 10;
const CLOSES_PER_SECOND = 50;
const TIME_ZONE = 'America/New_York';

/** Sends again what Intercom gave up on while the service was down: losing those is its own rule, not our loss. */
async function deliverAgain(workspace: Workspace, url: string): Promise<void> {
  for (const delivery of workspace.webhooks.deliveries.filter(({ outcome }) => outcome === 'failed')) {
    const answer = await fetch(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'x-hub-signature': signBody(delivery.body, workspace.settings.clientSecret),
      },
      body: new Uint8Array(delivery.body),
    });
    expect(answer.status).toBe(200);
  }
}

/** What is still to be done: notifications, writes, and the run that fills or repairs the cache. */
function leftIn(path: string): number {
  const database = new Database(path, { readonly: true });
  try {
    const left = database
      .prepare<[], number>(
        `select (select count(*) from inbox where status = 'waiting' and origin = 'webhook')
           + (select count(*) from outbox) + (select count(*) from runs where status = 'running')`,
      )
      .pluck();
    return left.get() ?? 0;
  } finally {
    database.close();
  }
}

/** However long that takes: only the test's own limit ends it. */
async function untilNothingIsLeft(path: string): Promise<void> {
  while (leftIn(path) > 0) await systemClock.sleep(100);
}

test('kill -9 at ten random moments under load: nothing lost, nothing doubled, the end state is right', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'engagement-crash-'));
  const databasePath = join(directory, 'crash.db');
  const workspace = createWorkspace({
    clock: systemClock,
    redeliverAfterMs: 1500,
    seed: 11,
    logLength: 200_000,
  });
  populate(workspace, { members: 80, seed: 11 });
  const intercom = await startSandboxServer(workspace);
  const port = await freePort();
  const url = `http://127.0.0.1:${port}/webhooks/intercom`;
  const environment = serviceSettings(workspace, { apiBase: intercom.url, databasePath, port });
  let service = await startService(environment);
  const loading = new AbortController();
  onTestFinished(async () => {
    loading.abort();
    service.process.kill('SIGKILL');
    await intercom.close();
    rmSync(directory, { recursive: true, force: true });
  });

  const random = createRandom(4711);
  workspace.webhooks.deliverTo(url);
  let closes = 0;
  const load = (async () => {
    while (!loading.signal.aborted) {
      closeRandomCall(workspace, random);
      closes += 1;
      await systemClock.sleep(1000 / CLOSES_PER_SECOND);
    }
  })();

  // The first kills fall into the backfill, the others into the stream of closed calls.
  for (let kill = 0; kill < KILLS; kill += 1) {
    await systemClock.sleep(random.between(50, 1200));
    service.process.kill('SIGKILL');
    await service.ended;
    service = await startService(environment);
  }
  await systemClock.sleep(500);
  loading.abort();
  await load;
  await workspace.webhooks.drained();
  await deliverAgain(workspace, url);
  await untilNothingIsLeft(databasePath);
  // Echoes of the last writes may still be on their way.
  await workspace.webhooks.drained();
  await untilNothingIsLeft(databasePath);
  service.process.kill('SIGTERM');
  expect(await service.ended).toBe(0);

  expect(closes).toBeGreaterThan(KILLS * 10);
  const database = new Database(databasePath, { readonly: true });
  expect(database.pragma('integrity_check', { simple: true })).toBe('ok');
  const states = database
    .prepare<[], { dedupe_key: string; status: string }>('select dedupe_key, status from inbox')
    .all();
  const settled = new Map(states.map((row) => [row.dedupe_key, row.status]));
  expect(settled.size).toBe(states.length);
  const lost = workspace.webhooks.deliveries.filter(
    ({ outcome, notificationId }) =>
      outcome === 'delivered' &&
      !['done', 'ignored'].includes(settled.get(notificationId ?? '') ?? 'missing'),
  );
  expect(lost).toEqual([]);
  database.close();

  const store = openSqliteStore({ path: databasePath, timeZone: TIME_ZONE });
  expect(await store.parked()).toEqual([]);
  const settings = { timeZone: TIME_ZONE, eligibleProgramsByReferral: { 'Counter Health': 'Smart Access' } };
  expect(await findWrongAttributes(workspace, store, systemClock, settings)).toEqual([]);
  await store.close();

  // Doubled would be the same write to the same contact twice in a row.
  const lastWrite = new Map<string, string>();
  const doubled = workspace.calls.matching({ method: 'PUT' }).filter((call) => {
    const body = JSON.stringify(call.body);
    const isDoubled = call.status === 200 && lastWrite.get(call.path) === body;
    lastWrite.set(call.path, body);
    return isDoubled;
  });
  expect(doubled).toEqual([]);
}, 300_000);
