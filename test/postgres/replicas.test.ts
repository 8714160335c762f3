import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { startReplicas, type Replicas } from '../../src/cli/replicas/start-replicas.js';
import { systemClock } from '../../src/clock.js';
import { populate } from '../../src/sandbox/population.js';
import { startSandboxServer } from '../../src/sandbox/serve-sandbox.js';
import { createWorkspace, type Workspace } from '../../src/sandbox/workspace.js';
import { joinPostgresStore } from '../../src/store/postgres/postgres-store.js';
import { createDatabase } from '../support/postgres-server.js';

/* The built program in processes of its own, as companies run it: one database, a balancer, and one that dies. */

const PROGRAM = new URL('../../dist/cli/replicas/replica.js', import.meta.url);
const WAIT = { timeout: 60_000, interval: 100 };

let url: string;
let workspace: Workspace;
let replicas: Replicas;
let endings: (() => Promise<unknown>)[];
const writers = new Set<number>();

beforeEach(async () => {
  const database = await createDatabase();
  ({ url } = database);
  workspace = createWorkspace();
  populate(workspace, { members: 40 });
  const intercom = await startSandboxServer(workspace);
  endings = [() => database.drop(), () => intercom.close()];
  writers.clear();
  replicas = await startReplicas({
    count: 2,
    port: 0,
    program: PROGRAM,
    settings: {
      INTERCOM_ACCESS_TOKEN: workspace.settings.token,
      INTERCOM_CLIENT_SECRET: workspace.settings.clientSecret,
      INTERCOM_API_BASE: intercom.url,
      INTERCOM_VERSION: workspace.settings.appVersion,
      DATABASE_URL: url,
      DATABASE_CONNECTIONS: '4',
      SETTLE_AFTER_SECONDS: '0',
      SWEEP_EVERY_MINUTES: '0',
      RECONCILE_CRON: 'off',
    },
    clock: systemClock,
    onProgress: () => undefined,
    onWritten: (_, who) => writers.add(who),
    print: () => undefined,
  });
  endings.push(() => replicas.stop());
  await replicas.filled;
  workspace.webhooks.deliverTo(`${replicas.url}/webhooks/intercom`);
  endings.push(async () => workspace.webhooks.stop());
});
afterEach(async () => {
  for (const end of endings.toReversed()) await end();
});

/** A counted call of each member, and when it was closed. */
async function closeCalls(): Promise<ReadonlyMap<string, number>> {
  const closed = new Map<string, number>();
  for (const { id, role, archived } of workspace.contacts()) {
    if (role !== 'user' || archived) continue;
    const conversation = workspace.addConversation({
      contactIds: [id],
      adminId: workspace.state.admins[0]?.id ?? null,
      startedBy: 'admin',
      sourceType: 'phone_call',
    });
    workspace.closeConversation(conversation.id, { channel: 'Phone', serviceCode: 'Health Coaching 001' });
    closed.set(id, Math.floor(systemClock.nowMs() / 1000));
    await systemClock.sleep(10);
  }
  return closed;
}

async function expectWritten(closed: ReadonlyMap<string, number>): Promise<void> {
  const contacts = new Map(workspace.contacts().map((contact) => [contact.id, contact]));
  const missing = [...closed].filter(([id, atMost]) => {
    const at = contacts.get(id)?.customAttributes['Last Coaching Session'];
    return typeof at !== 'number' || at < atMost - 1;
  });
  expect(missing).toEqual([]);
  expect(workspace.webhooks.deliveries.filter(({ outcome }) => outcome !== 'delivered')).toEqual([]);
}

test('one replica is killed with work in hand: nothing is lost, nothing is parked, and it comes back', async () => {
  const before = closeCalls();
  await vi.waitFor(() => expect(writers.size).toBe(2), WAIT);
  await replicas.kill(2);
  writers.clear();
  const between = await closeCalls();
  await vi.waitFor(() => expectWritten(between), WAIT);
  await vi.waitFor(async () => expectWritten(await before), WAIT);
  expect([...writers]).toEqual([1]);

  await replicas.start(2);
  const after = await closeCalls();
  await vi.waitFor(() => expectWritten(after), WAIT);
  expect([...writers].toSorted((one, other) => one - other)).toEqual([1, 2]);

  const looking = await joinPostgresStore({ url, timeZone: 'America/New_York', maxConnections: 2 });
  endings.push(() => looking.close());
  await vi.waitFor(async () => {
    expect(await looking.backlog(systemClock.nowMs())).toMatchObject({
      notificationsWaiting: 0,
      notificationsParked: 0,
      writesWaiting: 0,
      writesParked: 0,
      objectsParked: 0,
    });
  }, WAIT);
});

test('each of them is ready, and answers the same', async () => {
  await vi.waitFor(async () => {
    const answers = await Promise.all([1, 2, 3, 4].map(() => fetch(`${replicas.url}/readyz`)));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
  }, WAIT);
  const report = await Promise.all(
    [1, 2].map(async () => (await fetch(`${replicas.url}/API/intercom/overview`)).json()),
  );
  expect(report[0]).toEqual(report[1]);
});
