import { expect, test } from 'vitest';
import { systemClock } from '../../src/clock.js';
import { LEASE_MS } from '../../src/work/lease-keeper.js';
import { closeRandomCall } from '../../src/sandbox/coaches.js';
import { createRandom } from '../../src/sandbox/random.js';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.js';
import { findWrongAttributes } from '../support/harness.js';
import { freePort } from '../../src/cli/replicas/free-port.js';
import { prepareService } from '../support/started-service.js';

const SETTINGS = {
  timeZone: 'America/New_York',
  eligibleProgramsByReferral: { 'Counter Health': 'Smart Access' },
};

test('two services on one file share the work: nothing is lost, nothing written twice', async () => {
  const { workspace, start, databasePath } = await prepareService({ members: 40 });
  const [one, other] = [await start(), await start(await freePort())];
  let turn = 0;
  workspace.webhooks.deliverTo((request) => {
    turn += 1;
    const { url } = turn % 2 === 0 ? one : other;
    return request
      .arrayBuffer()
      .then((body) => fetch(`${url}/webhooks/intercom`, { method: 'POST', headers: request.headers, body }));
  });
  const random = createRandom(9);
  for (let number = 0; number < 150; number += 1) {
    closeRandomCall(workspace, random);
    await systemClock.sleep(20);
  }

  const store = openSqliteStore({ path: databasePath, timeZone: SETTINGS.timeZone });
  const isIdle = async (): Promise<boolean> => {
    await workspace.webhooks.drained();
    const { notificationsWaiting, writesWaiting } = await store.backlog(systemClock.nowMs());
    return notificationsWaiting + writesWaiting === 0;
  };
  while (!(await isIdle())) await systemClock.sleep(100);
  expect(await findWrongAttributes(workspace, store, systemClock, SETTINGS)).toEqual([]);
  expect(await store.parked()).toEqual([]);
  await store.close();

  const lastWrite = new Map<string, string>();
  const doubled = workspace.calls.matching({ method: 'PUT' }).filter(({ path, status, body }) => {
    const text = JSON.stringify(body);
    const isDoubled = status === 200 && lastWrite.get(path) === text;
    lastWrite.set(path, text);
    return isDoubled;
  });
  expect(doubled).toEqual([]);
  for (const service of [one, other]) {
    service.process.kill('SIGTERM');
    expect(await service.ended).toBe(0);
  }
});

test('a service that sleeps longer than its lease, in the middle of a write, sends nothing when it awakes', async () => {
  const { workspace, start, databasePath } = await prepareService({ members: 5 });
  const sleeper = await start();
  const store = openSqliteStore({ path: databasePath, timeZone: SETTINGS.timeZone });
  const untilTrue = async (isTrue: () => boolean | Promise<boolean>): Promise<void> => {
    while (!(await isTrue())) await systemClock.sleep(100);
    expect(await isTrue()).toBe(true);
  };
  await untilTrue(async () => (await store.latestDoneRun(['backfill'])) !== null);
  workspace.webhooks.deliverTo(`${sleeper.url}/webhooks/intercom`);
  const { id } = workspace.addContact({ customAttributes: { 'Enrolled Date': '2026-10-01' } });
  await untilTrue(async () => (await store.findMember(id)) !== null);
  await untilTrue(async () => (await store.backlog(systemClock.nowMs())).writesWaiting === 0);
  workspace.calls.clear();
  // First Session Date is read right before it is written: that read is answered late.
  workspace.faults.next({ method: 'GET', path: `/contacts/${id}` }, { kind: 'slow', delayMs: 3000 });
  const call = workspace.addConversation({ contactIds: [id], adminId: 5_210_001 }).id;
  workspace.closeConversation(call, { channel: 'Phone', serviceCode: 'Health Coaching 001' });
  await untilTrue(() => workspace.calls.matching({ method: 'GET', path: `/contacts/${id}` }).length === 1);
  sleeper.process.kill('SIGSTOP');
  workspace.webhooks.stop();
  const other = await start(await freePort());
  const puts = (): number => workspace.calls.matching({ method: 'PUT', path: `/contacts/${id}` }).length;
  await systemClock.sleep(LEASE_MS);
  await untilTrue(() => puts() === 1);
  await untilTrue(async () => (await store.backlog(systemClock.nowMs())).writesWaiting === 0);

  sleeper.process.kill('SIGCONT');
  await systemClock.sleep(15_000);
  expect(puts()).toBe(1);
  expect(await findWrongAttributes(workspace, store, systemClock, SETTINGS)).toEqual([]);
  await store.close();
  for (const service of [sleeper, other]) {
    service.process.kill('SIGTERM');
    expect(await service.ended).toBe(0);
  }
});
