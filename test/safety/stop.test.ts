import { connect, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../src/clock.js';
import { signBody } from '../../src/intercom/signature.js';
import { closeRandomCall } from '../../src/sandbox/coaches.js';
import { createRandom } from '../../src/sandbox/random.js';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.js';
import { findWrongAttributes } from '../support/harness.js';
import { prepareService } from '../support/started-service.js';

const SETTINGS = {
  timeZone: 'America/New_York',
  eligibleProgramsByReferral: { 'Counter Health': 'Smart Access' },
};
const MAX_STOP_MS = 10_000;

/** A connection of its own, and all that came back on it. */
async function open(port: number): Promise<{ readonly socket: Socket; readonly ended: Promise<string> }> {
  const socket = connect(port, '127.0.0.1');
  onTestFinished(() => {
    socket.destroy();
  });
  let text = '';
  socket.setEncoding('utf8').on('data', (piece: string) => (text += piece));
  socket.on('error', () => undefined);
  const ended = new Promise<string>((resolve) => socket.once('close', () => resolve(text)));
  await new Promise<void>((resolve) => socket.once('connect', () => resolve()));
  return { socket, ended };
}

test('a stop with requests and writes in hand is over in ten seconds, and the next start finishes what was left', async () => {
  const { workspace, start, send, port, databasePath } = await prepareService({
    workspace: { latencyMs: 800 },
    members: 10,
  });
  const service = await start();
  const isFilled = async (): Promise<boolean> =>
    (await (await fetch(`${service.url}/readyz`)).text()).includes('"backfill":"done"');
  while (!(await isFilled())) await systemClock.sleep(100);
  workspace.webhooks.deliverTo(`${service.url}/webhooks/intercom`);
  const random = createRandom(3);
  for (let number = 0; number < 40; number += 1) closeRandomCall(workspace, random);
  // Intercom loses what it can't deliver; what is lost here is to be ours.
  const undelivered = (): number =>
    workspace.webhooks.deliveries.filter(
      ({ topic, outcome }) => topic.startsWith('conversation.') && outcome !== 'delivered',
    ).length;
  while (undelivered() > 0) await systemClock.sleep(20);
  expect(workspace.webhooks.deliveries.length).toBeGreaterThanOrEqual(40);

  // One that will be finished after the stop has begun, and one that never will be.
  const item = { type: 'conversation', id: '99999' };
  const body = JSON.stringify({ id: 'notif_late', topic: 'conversation.admin.closed', data: { item } });
  const signature = signBody(Buffer.from(body), workspace.settings.clientSecret);
  const head =
    `POST /webhooks/intercom HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n` +
    `X-Hub-Signature: ${signature}\r\nContent-Length: ${body.length}\r\n\r\n`;
  const late = await open(port);
  late.socket.write(head + body.slice(0, 20));
  const never = await open(port);
  never.socket.write(head + body.slice(0, 20));
  await systemClock.sleep(200);

  const stoppedAt = performance.now();
  service.process.kill('SIGTERM');
  await systemClock.sleep(300);
  expect(await send({}), 'nothing new is taken').toBeNull();
  late.socket.write(body.slice(20));
  expect(await late.ended).toContain('HTTP/1.1 200');
  expect(await service.ended).toBe(0);
  expect(performance.now() - stoppedAt).toBeLessThan(MAX_STOP_MS);
  expect(await never.ended).toBe('');

  await start();
  let wrong: readonly object[] = [{}];
  while (wrong.length > 0) {
    await systemClock.sleep(200);
    const store = openSqliteStore({ path: databasePath, timeZone: SETTINGS.timeZone });
    const { notificationsWaiting, writesWaiting } = await store.backlog(systemClock.nowMs());
    const isDone = notificationsWaiting + writesWaiting === 0;
    if (isDone) wrong = await findWrongAttributes(workspace, store, systemClock, SETTINGS);
    await store.close();
  }
  expect(wrong).toEqual([]);
});

test('whoever holds a connection without asking anything is cut off, and others are served meanwhile', async () => {
  const { start, port } = await prepareService({ members: 3 });
  const service = await start();
  const silent = await open(port);
  const slow = await open(port);
  const bodiless = await open(port);
  slow.socket.write('GET /healthz HTTP/1.1\r\nHost: x\r\n');
  const dripping = (async () => {
    for (let number = 0; !slow.socket.destroyed && number < 60; number += 1) {
      slow.socket.write(`x-${number}: y\r\n`);
      await systemClock.sleep(500);
    }
  })();
  bodiless.socket.write(
    'POST /webhooks/intercom HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n',
  );
  for (let number = 0; number < 5; number += 1) {
    expect((await fetch(`${service.url}/healthz`)).status).toBe(200);
    await systemClock.sleep(100);
  }
  const ends = await Promise.all([silent.ended, slow.ended, bodiless.ended]);
  for (const text of ends) expect(text).toMatch(/^(?:HTTP\/1\.1 408|$)/);
  await dripping;
  expect((await fetch(`${service.url}/healthz`)).status).toBe(200);
  service.process.kill('SIGTERM');
  expect(await service.ended).toBe(0);
});
