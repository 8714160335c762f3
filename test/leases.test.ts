import { expect, onTestFinished, test } from 'vitest';
import type { Clock } from '../src/clock.js';
import { AppError } from '../src/errors.js';
import type { IntercomClient } from '../src/intercom/client.js';
import { CALL_TIMEOUT_MS } from '../src/intercom/send-call.js';
import { MAX_WAIT_MS } from '../src/intercom/rate-budget.js';
import { createHeartbeat } from '../src/work/heartbeat.js';
import { LEASE_MS } from '../src/work/lease-keeper.js';
import { createProcessor } from '../src/process/processor.js';
import { carryRun, openJob } from '../src/reconcile/run-job.js';
import type { WorkLoop } from '../src/work/work-loop.js';
import { createWriter } from '../src/write-back/writer.js';
import { createHarness, createTestClient, type Harness } from './support/harness.js';
import { createMovedClock } from './support/moved-clock.js';
import { addMember, COACH } from './support/report-workspace.js';

const AT = '2026-10-15T15:00:00Z';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function until(isTrue: () => boolean): Promise<void> {
  for (let turns = 0; turns < 10_000 && !isTrue(); turns += 1) await turn();
  expect(isTrue()).toBe(true);
}

/** A member with one change that waits to be written, and nothing else to do. */
async function withWaitingWrite(): Promise<{ readonly harness: Harness; readonly id: string }> {
  const harness = await createHarness({ at: AT });
  const { workspace, runDeps, metrics } = harness;
  const id = addMember(workspace, { attributes: { 'Enrolled Date': '2026-10-01' } });
  await harness.backfill();
  harness.clock.advance(60_000);
  const call = workspace.addConversation({ contactIds: [id], adminId: COACH }).id;
  workspace.closeConversation(call, { channel: 'Phone', serviceCode: 'Health Coaching 001' });
  await workspace.webhooks.drained();
  await createProcessor({ ...runDeps, metrics, settleAfterSeconds: 0 }).runDue();
  workspace.calls.clear();
  return { harness, id };
}

/** A writer of the same process, whose clock stands still, as that of a process that sleeps. */
function createSleepingWriter(
  { runDeps, metrics, workspace, clock }: Harness,
  wrap: (intercom: IntercomClient) => Partial<IntercomClient>,
  at: Clock = createMovedClock(new Date(clock.nowMs()).toISOString()),
): WorkLoop {
  const client = createTestClient(workspace, at);
  const intercom = { ...client, ...wrap(client) };
  const writer = createWriter({ ...runDeps, metrics, clock: at, intercom, dryRun: false });
  onTestFinished(() => writer.stop());
  return writer;
}

const putsOf = ({ workspace }: Harness): number => workspace.calls.matching({ method: 'PUT' }).length;

test('a lease has room for two calls at their limits', () => {
  expect(LEASE_MS).toBeGreaterThan(2 * (CALL_TIMEOUT_MS + MAX_WAIT_MS));
});

test('work in hand keeps its lease, however long it takes: nobody else takes the contact meanwhile', async () => {
  const { harness } = await withWaitingWrite();
  const gate = Promise.withResolvers<void>();
  let begun = 0;
  const wrap = (intercom: IntercomClient): Partial<IntercomClient> => ({
    updateContact: async (...parameters) => {
      begun += 1;
      await gate.promise;
      return intercom.updateContact(...parameters);
    },
    readContact: async (...parameters) => {
      begun += 1;
      await gate.promise;
      return intercom.readContact(...parameters);
    },
  });
  createSleepingWriter(harness, wrap, harness.clock).start();
  await until(() => begun === 1);
  for (let step = 0; step < 20; step += 1) {
    harness.clock.advance(LEASE_MS / 6);
    for (let turns = 0; turns < 5; turns += 1) await turn();
  }
  await harness.settle();
  expect(putsOf(harness)).toBe(0);
  gate.resolve();
  await until(() => putsOf(harness) === 1);
  await harness.settle();
  expect(putsOf(harness)).toBe(1);
  expect(await harness.wrongAttributes()).toEqual([]);
});

test.each(['between two calls', 'waiting for the rate limit'])(
  'a process that slept longer than its lease, %s, sends nothing afterwards',
  async (where) => {
    const { harness } = await withWaitingWrite();
    const gate = Promise.withResolvers<void>();
    let isThere = false;
    const writer = createSleepingWriter(harness, (intercom) => ({
      readContact: async (...parameters) => {
        const answer = await intercom.readContact(...parameters);
        if (where === 'between two calls') {
          isThere = true;
          await gate.promise;
        }
        return answer;
      },
      updateContact: async (...parameters) => {
        isThere = true;
        await gate.promise;
        return intercom.updateContact(...parameters);
      },
    }));
    writer.start();
    await until(() => isThere);
    harness.clock.advance(LEASE_MS + 1000);
    await harness.settle();
    expect(putsOf(harness)).toBe(1);
    harness.logLines.length = 0;
    gate.resolve();
    await until(() => harness.logLines.some((line) => line.includes('write handled')));
    expect(harness.logLines.join()).toContain('"result":"lease_lost"');
    expect(putsOf(harness)).toBe(1);
  },
);

/** A writer that asks whether it may send, and does so only when `gate` resolves. */
function startSendingWriter(harness: Parameters<typeof createSleepingWriter>[0], gate: Promise<void>) {
  let isSent = false;
  createSleepingWriter(harness, (intercom) => ({
    updateContact: async (contactId, attributes, options) => {
      await options.beforeSend?.();
      isSent = true;
      await gate;
      const { beforeSend: _asked, ...others } = options;
      return intercom.updateContact(contactId, attributes, others);
    },
  })).start();
  return { hasBegun: () => isSent };
}

test('a write whose lease was lost on its way is said to be so, and the contact is read again and put right', async () => {
  const { harness, id } = await withWaitingWrite();
  const { workspace, clock } = harness;
  const gate = Promise.withResolvers<void>();
  const sending = startSendingWriter(harness, gate.promise);
  await until(sending.hasBegun);
  clock.advance(LEASE_MS + 1000);
  // Whoever takes the contact over knows of a later call than the one that sleeps.
  const call = workspace.addConversation({ contactIds: [id], adminId: COACH }).id;
  workspace.closeConversation(call, { channel: 'Phone', serviceCode: 'Health Coaching 001' });
  await harness.settle();
  expect(await harness.wrongAttributes()).toEqual([]);
  harness.logLines.length = 0;
  workspace.webhooks.stop();
  gate.resolve();
  await until(() => harness.logLines.some((line) => line.includes('write handled')));
  expect(harness.logLines.join()).toContain('"result":"lease_lost"');
  expect(harness.logLines.join()).not.toContain('"result":"sent"');
  expect(await harness.wrongAttributes(), 'the late write has undone the newer one').not.toEqual([]);
  await harness.settleWithRetries(120_000);
  expect(await harness.wrongAttributes()).toEqual([]);
});

test('a late write of a process that others took for dead is put right within two minutes', async () => {
  const { harness, id } = await withWaitingWrite();
  const { workspace, clock, store, runDeps } = harness;
  const beating = (owner: string) =>
    createHeartbeat({ ...runDeps, owner, role: 'service', budget: { flush: async () => undefined } });
  // Nothing wakes it while it sleeps.
  const deaf = { ...store, onWork: () => () => undefined };
  const asleep = { ...harness, runDeps: { ...runDeps, store: deaf } };
  const gate = Promise.withResolvers<void>();
  const sending = startSendingWriter(asleep, gate.promise);
  await beating(runDeps.owner).beat();
  await until(sending.hasBegun);
  clock.advance(10_000);
  const other = beating('other/2/0');
  await other.beat();
  expect(other.alive()).toEqual({ services: 1, processes: 1, takenOver: 1 });
  const call = workspace.addConversation({ contactIds: [id], adminId: COACH }).id;
  workspace.closeConversation(call, { channel: 'Phone', serviceCode: 'Health Coaching 001' });
  await harness.settle();
  expect(await harness.wrongAttributes(), 'long before the lease would have ended').toEqual([]);
  harness.logLines.length = 0;
  workspace.webhooks.stop();
  gate.resolve();
  await until(() => harness.logLines.some((line) => line.includes('write handled')));
  expect(harness.logLines.join()).toContain('"result":"lease_lost"');
  expect(await harness.wrongAttributes(), 'the late write has undone the newer one').not.toEqual([]);
  await harness.settleWithRetries(120_000);
  expect(await harness.wrongAttributes()).toEqual([]);
  await other.stop();
  expect(await store.beat({ owner: 'three', role: 'command', nowMs: clock.nowMs(), aliveForMs: 1 })).toEqual({
    services: 0,
    processes: 1,
    takenOver: 0,
  });
});

test('a write that a dead process had sent comes late and nobody says so: it is put right all the same', async () => {
  const { harness, id } = await withWaitingWrite();
  const { workspace, clock, runDeps, store } = harness;
  const [dead, other] = ['dead/1/0', 'other/2/0'].map((owner) =>
    createHeartbeat({ ...runDeps, owner, role: 'service', budget: { flush: async () => undefined } }),
  );
  await dead?.beat();
  const [write] = await store.leaseWrites({
    owner: 'dead/1/0',
    nowMs: clock.nowMs(),
    leaseMs: LEASE_MS,
    limit: 1,
  });
  clock.advance(10_000);
  await other?.beat();
  const call = workspace.addConversation({ contactIds: [id], adminId: COACH }).id;
  workspace.closeConversation(call, { channel: 'Phone', serviceCode: 'Health Coaching 001' });
  await harness.settle();
  expect(await harness.wrongAttributes()).toEqual([]);
  workspace.webhooks.stop();
  const late = Object.fromEntries(write?.changes.map(({ attribute, after }) => [attribute, after]) ?? []);
  await harness.intercom.updateContact(id, late, { priority: 'soon' });
  expect(await harness.wrongAttributes()).not.toEqual([]);
  await harness.settleWithRetries(120_000);
  expect(await harness.wrongAttributes()).toEqual([]);
});

test('work whose lease turns out to be lost ends its calls by itself', async () => {
  const { harness } = await withWaitingWrite();
  const asleep = createMovedClock(new Date(harness.clock.nowMs()).toISOString());
  let begun = 0;
  createSleepingWriter(
    harness,
    () => ({
      readContact: (_id, { signal }) => {
        begun += 1;
        return new Promise((_resolve, reject) => {
          signal?.addEventListener('abort', () => reject(new AppError('stopped', 'later', 'stopped')));
        });
      },
    }),
    asleep,
  ).start();
  await until(() => begun === 1);
  harness.clock.advance(LEASE_MS + 1000);
  await harness.settle();
  harness.logLines.length = 0;
  // It awakes.
  asleep.advance(LEASE_MS + 1000);
  await until(() => harness.logLines.some((line) => line.includes('write handled')));
  expect(harness.logLines.join()).toContain('"result":"lease_lost"');
  expect(putsOf(harness)).toBe(1);
});

test('a clock that jumps ahead costs the work in hand nothing as long as nobody else has taken it', async () => {
  const { harness } = await withWaitingWrite();
  const gate = Promise.withResolvers<void>();
  let begun = 0;
  const writer = createSleepingWriter(
    harness,
    (intercom) => ({
      readContact: async (...parameters) => {
        begun += 1;
        await gate.promise;
        return intercom.readContact(...parameters);
      },
    }),
    harness.clock,
  );
  writer.start();
  await until(() => begun === 1);
  harness.clock.advance(40 * LEASE_MS);
  for (let turns = 0; turns < 20; turns += 1) await turn();
  gate.resolve();
  await until(() => putsOf(harness) === 1);
  await harness.settle();
  expect(putsOf(harness)).toBe(1);
  expect(harness.logLines.join()).not.toContain('lease_lost');
});

test('a run keeps its lease while Intercom takes its time; one that lost it ends without a word about the run', async () => {
  const harness = await createHarness({ at: AT });
  const { runDeps, store, clock, workspace, intercom } = harness;
  addMember(workspace, { attributes: { 'Enrolled Date': '2026-10-01' } });
  const gate = Promise.withResolvers<void>();
  let begun = 0;
  const searchingBehind = (passed: Promise<void>): IntercomClient => ({
    ...intercom,
    searchContacts: async (...parameters) => {
      begun += 1;
      await passed;
      return intercom.searchContacts(...parameters);
    },
  });
  const opened = await openJob(runDeps, { job: 'backfill', params: { days: 30 } });
  if (opened.kind === 'busy') throw new Error('nothing else runs');
  const never = new AbortController().signal;
  const asleep = createMovedClock(AT);
  const first = carryRun({ ...runDeps, intercom: searchingBehind(gate.promise) }, opened.run, never);
  await until(() => begun === 1);
  const takeOver = { owner: runDeps.owner, leaseMs: LEASE_MS };
  for (let step = 0; step < 12; step += 1) {
    clock.advance(LEASE_MS / 4);
    for (let turns = 0; turns < 5; turns += 1) await turn();
    expect(await store.adoptRun({ ...takeOver, nowMs: clock.nowMs() })).toBeNull();
  }
  gate.resolve();
  expect((await harness.whileJobsRun(first)).status).toBe('done');

  const next = await openJob(runDeps, { job: 'reconcile', params: { dryRun: true } });
  if (next.kind === 'busy') throw new Error('nothing else runs');
  const stuck = Promise.withResolvers<void>();
  begun = 0;
  const sleeping = { ...runDeps, intercom: searchingBehind(stuck.promise), clock: asleep };
  const second = carryRun(sleeping, next.run, never);
  const ended = second.catch((error: unknown) => error);
  await until(() => begun === 1);
  clock.advance(LEASE_MS + 1000);
  const taken = await store.adoptRun({ ...takeOver, nowMs: clock.nowMs() });
  if (taken === null) throw new Error('its lease has run out');
  stuck.resolve();
  expect(await ended).toMatchObject({ code: 'run_in_progress' });
  expect(await store.findRun(taken.id)).toMatchObject({ status: 'running' });
  expect((await harness.whileJobsRun(carryRun(runDeps, taken, never))).status).toBe('done');
});
