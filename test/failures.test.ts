import { closeSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, onTestFinished, test, vi } from 'vitest';
import { createApp } from '../src/app.js';
import type { IntercomClient } from '../src/intercom/client.js';
import { signBody } from '../src/intercom/signature.js';
import { temporaryDirectory } from './support/command-line.js';
import { createHarness, createTestClient, type Harness, type HarnessOptions } from './support/harness.js';
import { createMovedClock } from './support/moved-clock.js';
import { openForLooking } from './support/open-for-looking.js';

// Each of these stands in docs/operating.md under "What happens if …".

/** The service, and the one connection with which it writes. */
async function createWithConnection(options: HarnessOptions = {}) {
  const pragma = vi.spyOn(Database.prototype, 'pragma');
  const harness = await createHarness(options);
  const writers = pragma.mock.contexts.filter((_, at) => pragma.mock.calls[at]?.[0] === 'journal_mode = WAL');
  // The first test of all makes the empty database that the others are copies of.
  const connection = writers.find((one) => one instanceof Database && one.open);
  if (!(connection instanceof Database)) throw new Error('no connection was opened');
  return { harness, connection };
}

/** A close of the call as Intercom tells of it, padded to `bytes`. */
function closeOf(call: string, number: number, bytes = 0): Uint8Array {
  const item = { type: 'conversation', id: call, padding: 'x'.repeat(bytes) };
  const topic = 'conversation.admin.closed';
  const notification = { type: 'notification_event', id: `notif_${number}`, topic, data: { item } };
  return new TextEncoder().encode(JSON.stringify(notification));
}

async function send(
  { app, workspace }: Pick<Harness, 'app' | 'workspace'>,
  body: Uint8Array,
  secret?: string,
) {
  const signature = signBody(body, secret ?? workspace.settings.clientSecret);
  return app.request('/webhooks/intercom', {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-hub-signature': signature },
    body: new Uint8Array(body),
  });
}

async function readiness({ app, clock }: Harness): Promise<number> {
  // It looks once a second.
  clock.advance(1000);
  return (await app.request('/readyz')).status;
}

/** Intercom's own notifications are lost from here on; the test sends its own. */
function sendNothing({ workspace }: Harness): void {
  workspace.webhooks.deliverTo(() => new Response(null, { status: 200 }));
}

function addClosedCall({ workspace }: Harness, enrolledOn = '2026-10-01'): string {
  const id = workspace.addContact({ customAttributes: { 'Enrolled Date': enrolledOn } }).id;
  const call = workspace.addConversation({ contactIds: [id], adminId: 5_210_001 }).id;
  workspace.closeConversation(call, { channel: 'Phone', serviceCode: 'Health Coaching 001' });
  return call;
}

test('a full disk: 503 until there is room again, and nothing that was answered 200 is lost', async () => {
  const { harness, connection } = await createWithConnection();
  await harness.backfill();
  sendNothing(harness);
  const call = addClosedCall(harness);
  expect(await readiness(harness)).toBe(200);
  const pages = Number(connection.pragma('page_count', { simple: true }));
  connection.pragma(`max_page_count = ${pages + 20}`);
  const stored: string[] = [];
  let refused: Response | null = null;
  for (let number = 0; refused === null; number += 1) {
    const answer = await send(harness, closeOf(call, number, 9000));
    if (answer.status === 200) stored.push(`notif_${number}`);
    else refused = answer;
  }
  expect(refused.status).toBe(503);
  expect(refused.headers.get('retry-after')).toBe('60');
  expect(stored.length).toBeGreaterThan(2);
  expect(await readiness(harness)).toBe(503);
  expect((await harness.get('/API/intercom/overview')).status, 'what is known can still be read').toBe(200);

  connection.pragma('max_page_count = 1073741823');
  expect(await readiness(harness)).toBe(200);
  expect((await send(harness, closeOf(call, stored.length, 9000))).status).toBe(200);
  await harness.settleWithRetries();
  const done = openForLooking(harness.databasePath)
    .prepare<[], string>("select dedupe_key from inbox where status = 'done'")
    .pluck()
    .all();
  expect(done).toEqual(expect.arrayContaining(stored));
  expect(await harness.store.parked()).toEqual([]);
  expect(await harness.wrongAttributes()).toEqual([]);
});

test('a full disk in the middle of the work: it waits, and goes on when there is room', async () => {
  const { harness, connection } = await createWithConnection();
  await harness.backfill();
  sendNothing(harness);
  const call = addClosedCall(harness);
  expect((await send(harness, closeOf(call, 1))).status).toBe(200);
  connection.pragma('query_only = ON');
  const loop = harness.settle();
  await expect(loop).rejects.toMatchObject({ code: 'store_unavailable', retry: 'later' });
  connection.pragma('query_only = OFF');
  await harness.settleWithRetries();
  expect(await harness.store.parked()).toEqual([]);
  expect(await harness.wrongAttributes()).toEqual([]);
});

/** Another program, as `sqlite3` or a `VACUUM` would be, that begins to write and does not end. */
function lockedBy({ databasePath }: Harness): Database.Database {
  const other = new Database(databasePath);
  onTestFinished(() => {
    other.close();
  });
  other.exec('begin immediate');
  return other;
}

test('a write lock of another program: 503 for webhooks, all else answers, and what was in hand goes on after it', async () => {
  const harness = await createHarness();
  await harness.backfill();
  sendNothing(harness);
  const call = addClosedCall(harness);
  expect((await send(harness, closeOf(call, 1))).status).toBe(200);
  const other = lockedBy(harness);
  const handled = harness.settle();
  const refused = await send(harness, closeOf(call, 2));
  expect(refused.status).toBe(503);
  expect(refused.headers.get('retry-after')).toBe('60');
  expect(await readiness(harness)).toBe(503);
  expect((await harness.get('/API/intercom/caseload')).status).toBe(200);
  expect((await harness.app.request('/healthz')).status).toBe(200);
  other.exec('rollback');
  await handled;
  expect(await readiness(harness)).toBe(200);
  expect(await harness.wrongAttributes(), 'no lease had to run out').toEqual([]);
  expect((await send(harness, closeOf(call, 2))).status).toBe(200);
});

test('a database that became read-only: 503 for webhooks, reports go on', async () => {
  const { harness, connection } = await createWithConnection();
  await harness.backfill();
  sendNothing(harness);
  const call = addClosedCall(harness);
  connection.pragma('query_only = ON');
  expect((await send(harness, closeOf(call, 1))).status).toBe(503);
  expect(await readiness(harness)).toBe(503);
  expect((await harness.get('/API/intercom/caseload')).status).toBe(200);
  expect((await harness.app.request('/healthz')).status).toBe(200);
  connection.pragma('query_only = OFF');
  expect((await send(harness, closeOf(call, 1))).status).toBe(200);
  await harness.settle();
  expect(await harness.wrongAttributes()).toEqual([]);
});

test('a damaged page: what needs it is answered 503, the process goes on, and the log says what it is', async () => {
  const database = join(temporaryDirectory(), 'damaged.db');
  const first = await createHarness({ database });
  const call = addClosedCall(first);
  await first.backfill();
  expect((await send(first, closeOf(call, 1))).status).toBe(200);
  await first.reports.close();
  await first.store.close();
  const raw = openForLooking(database);
  const page = Number(raw.pragma('page_size', { simple: true }));
  const root = raw
    .prepare<[], number>("select rootpage from sqlite_master where name = 'inbox'")
    .pluck()
    .get();
  raw.close();
  const file = openSync(database, 'r+');
  writeSync(file, Buffer.alloc(page, 0x5a), 0, page, ((root ?? 1) - 1) * page);
  closeSync(file);

  const harness = await createHarness({ database, listens: false });
  expect((await send({ ...harness, workspace: first.workspace }, closeOf(call, 2))).status).toBe(503);
  expect(await readiness(harness)).toBe(503);
  expect((await harness.app.request('/healthz')).status).toBe(200);
  expect((await harness.get('/API/intercom/caseload')).status).toBe(200);
  expect(harness.logLines.join()).toContain('the database file is damaged (SQLITE_CORRUPT)');
});

test('a clock that was a year ahead and is put back: nothing waits for that year, and every status is right again', async () => {
  // Intercom's own clock is right all the time.
  const intercom = createMovedClock('2026-10-15T15:00:00Z');
  const harness = await createHarness({ at: '2026-10-15T15:00:00Z', workspace: { clock: intercom } });
  const { workspace, clock } = harness;
  addClosedCall(harness);
  await harness.backfill();
  expect(await harness.wrongAttributes()).toEqual([]);

  clock.set('2027-11-20T15:00:00Z');
  await harness.settle();
  expect((await harness.get('/API/intercom/overview')).status).toBe(200);
  workspace.faults.always({}, { kind: 'status', status: 503 });
  // It waits for a retry that lies a year ahead.
  const late = addClosedCall(harness);
  await harness.settle();
  for (let attempt = 0; attempt < 10; attempt += 1) {
    await harness.app.request('/sign-in', { method: 'POST', body: new URLSearchParams({ token: 'wrong' }) });
  }
  workspace.faults.clear();

  intercom.advance(3_600_000);
  clock.set('2026-10-15T16:00:00Z');
  const signIn = await harness.app.request('/sign-in', {
    method: 'POST',
    body: new URLSearchParams({ token: 'wrong' }),
  });
  expect(signIn.status).toBe(403);
  await harness.settleWithRetries();
  expect(workspace.conversation(late).state).toBe('closed');
  expect(await harness.wrongAttributes()).toEqual([]);
  expect(await harness.store.parked()).toEqual([]);
  const backlog = await harness.store.backlog(clock.nowMs());
  expect(backlog).toMatchObject({ notificationsWaiting: 0, writesWaiting: 0 });
});

test.each([-1, -60, -3600])('a clock that goes back by %i seconds loses nothing', async (seconds) => {
  const harness = await createHarness();
  const { workspace, clock } = harness;
  await harness.backfill();
  workspace.faults.next({}, { kind: 'status', status: 503 }, { kind: 'status', status: 429 });
  addClosedCall(harness);
  await harness.settle();
  clock.advance(seconds * 1000);
  addClosedCall(harness);
  await harness.settleWithRetries(2 * 3_600_000);
  expect(await harness.wrongAttributes()).toEqual([]);
  expect(await harness.store.parked()).toEqual([]);
  const answer: unknown = await (await harness.get('/API/intercom/overview')).json();
  expect(answer).toMatchObject({ generatedAt: Math.floor(clock.nowMs() / 1000) });
});

test('a token that is withdrawn: everything waits, parks nothing, and goes on with the right one', async () => {
  let isWithdrawn = false;
  const withdrawable = (good: IntercomClient): IntercomClient =>
    new Proxy(good, {
      get: (target, name, receiver) => Reflect.get(isWithdrawn ? bad : target, name, receiver),
    });
  const harness = await createHarness({ wrapIntercom: withdrawable });
  const { workspace, clock } = harness;
  const settings = { ...workspace.settings, token: 'another-token' };
  const bad = createTestClient({ ...workspace, settings }, clock);
  await harness.backfill();
  isWithdrawn = true;
  addClosedCall(harness);
  await harness.settleWithRetries(3 * 3_600_000);
  expect(await harness.store.parked()).toEqual([]);
  expect((await harness.wrongAttributes()).length).toBeGreaterThan(0);
  expect(harness.logLines.join()).toContain('Intercom refused the token (401 unauthorized)');
  isWithdrawn = false;
  await harness.settleWithRetries();
  expect(await harness.wrongAttributes()).toEqual([]);
});

test('the client secret is changed without missing a webhook', async () => {
  const harness = await createHarness();
  const { workspace } = harness;
  const call = addClosedCall(harness);
  const [old, fresh] = [workspace.settings.clientSecret, 'a-fresh-client-secret'];
  const statuses = async (clientSecrets: readonly string[], from: number): Promise<number[]> => {
    const app = createApp({ ...harness.appDeps, clientSecrets });
    const byOld = await send({ app, workspace }, closeOf(call, from), old);
    const byFresh = await send({ app, workspace }, closeOf(call, from + 1), fresh);
    return [byOld.status, byFresh.status];
  };
  expect(await statuses([old], 0)).toEqual([200, 401]);
  expect(await statuses([old, fresh], 2)).toEqual([200, 200]);
  expect(await statuses([fresh], 4)).toEqual([401, 200]);
});

test('a payload that the disk has damaged is parked alone', async () => {
  const harness = await createHarness();
  sendNothing(harness);
  const [damaged, whole] = [addClosedCall(harness), addClosedCall(harness, '2026-10-02')];
  await send(harness, closeOf(damaged, 1, 5000));
  await send(harness, closeOf(whole, 2, 5000));
  const raw = new Database(harness.databasePath);
  onTestFinished(() => {
    raw.close();
  });
  raw.exec("update payloads set body = x'0bad' where inbox_id = (select min(inbox_id) from payloads)");
  await harness.settle();
  const parked = await harness.store.parked();
  expect(parked).toMatchObject([{ kind: 'notification' }]);
  expect(parked[0]?.reason).toMatch(/^notification_unreadable: /);
  expect((await harness.store.backlog(harness.clock.nowMs())).notificationsWaiting).toBe(0);
});
