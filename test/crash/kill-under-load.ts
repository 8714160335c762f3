import { expect, onTestFinished } from 'vitest';
import { systemClock } from '../../src/clock.js';
import { signBody } from '../../src/intercom/signature.js';
import { closeRandomCall } from '../../src/sandbox/coaches.js';
import { populate } from '../../src/sandbox/population.js';
import { createRandom } from '../../src/sandbox/random.js';
import { startSandboxServer } from '../../src/sandbox/serve-sandbox.js';
import { createWorkspace, type Workspace } from '../../src/sandbox/workspace.js';
import type { Store } from '../../src/store/ports/store.js';
import { findWrongAttributes } from '../support/harness.js';
import { freePort } from '../../src/cli/replicas/free-port.js';
import { serviceSettings, startService } from '../support/service-process.js';

const KILLS = 10;
const CLOSES_PER_SECOND = 50;
/** While no service answers: after a thousand failures Intercom would send nothing for a while, and that is not our loss. */
const CLOSES_PER_SECOND_DOWN = 4;
export const TIME_ZONE = 'America/New_York';

/** The database that a service is killed on. */
export interface KilledDatabase {
  /** Settings that name it. */
  readonly settings: Readonly<Record<string, string>>;
  /** What is still to be done: notifications, writes, and the run that fills or repairs the cache. */
  readonly countLeft: () => Promise<number>;
  /** Everything that the inbox holds. @throws where the database is damaged */
  readonly listInbox: () => Promise<readonly { readonly dedupeKey: string; readonly status: string }[]>;
  readonly open: () => Promise<Store>;
}

/** In either engine's words. */
export const LEFT = `select (select count(*) from inbox where status = 'waiting' and origin = 'webhook')
  + (select count(*) from outbox) + (select count(*) from runs where status = 'running') as count`;
export const INBOX = 'select dedupe_key as "dedupeKey", status from inbox';

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

/** However long that takes: only the test's own limit ends it. */
async function untilNothingIsLeft({ countLeft }: KilledDatabase): Promise<void> {
  while ((await countLeft()) > 0) await systemClock.sleep(100);
}

/**
 * Kills the built service ten times while coaches close calls. @throws where anything was lost or doubled, or the end state
 * is wrong
 */
export async function expectToSurviveKills(database: KilledDatabase): Promise<void> {
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
  const where = { apiBase: intercom.url, databasePath: '', port };
  const environment = { ...serviceSettings(workspace, where), ...database.settings };
  let service = await startService(environment);
  const loading = new AbortController();
  onTestFinished(async () => {
    loading.abort();
    service.process.kill('SIGKILL');
    await intercom.close();
  });

  const random = createRandom(4711);
  workspace.webhooks.deliverTo(url);
  let closes = 0;
  let isUp = true;
  const load = (async () => {
    while (!loading.signal.aborted) {
      closeRandomCall(workspace, random);
      closes += 1;
      await systemClock.sleep(1000 / (isUp ? CLOSES_PER_SECOND : CLOSES_PER_SECOND_DOWN));
    }
  })();

  // The first kills fall into the backfill, the others into the stream of closed calls.
  for (let kill = 0; kill < KILLS; kill += 1) {
    await systemClock.sleep(random.between(50, 1200));
    service.process.kill('SIGKILL');
    isUp = false;
    await service.ended;
    service = await startService(environment);
    isUp = true;
  }
  await systemClock.sleep(500);
  loading.abort();
  await load;
  await workspace.webhooks.drained();
  await deliverAgain(workspace, url);
  await untilNothingIsLeft(database);
  // Echoes of the last writes may still be on their way.
  await workspace.webhooks.drained();
  await untilNothingIsLeft(database);
  service.process.kill('SIGTERM');
  expect(await service.ended).toBe(0);

  expect(closes).toBeGreaterThan(KILLS * 10);
  expect(workspace.webhooks.deliveries.filter(({ outcome }) => outcome === 'dropped')).toEqual([]);
  const states = await database.listInbox();
  const settled = new Map(states.map((row) => [row.dedupeKey, row.status]));
  expect(settled.size).toBe(states.length);
  const lost = workspace.webhooks.deliveries.filter(
    ({ outcome, notificationId }) =>
      outcome === 'delivered' &&
      !['done', 'ignored'].includes(settled.get(notificationId ?? '') ?? 'missing'),
  );
  expect(lost).toEqual([]);

  const store = await database.open();
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
}
