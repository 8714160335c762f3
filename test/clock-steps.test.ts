import { expect, test } from 'vitest';
import { createSchedule } from '../src/reconcile/schedule.js';
import { createLogins } from '../src/http/logins.js';
import { populate } from '../src/sandbox/population.js';
import type { Workspace } from '../src/sandbox/workspace.js';
import { createHarness, type Harness } from './support/harness.js';
import { createMovedClock, type MovedClock } from './support/moved-clock.js';

/** 11:00 in New York. */
const AT = '2026-10-15T15:00:00Z';
const DAY_MS = 86_400_000;

/** A service whose clock the test sets, and an Intercom whose clock is right all the time. */
async function createPair(): Promise<
  Harness & { readonly pass: (ms: number) => void; readonly right: MovedClock }
> {
  const right = createMovedClock(AT);
  const harness = await createHarness({ at: AT, workspace: { clock: right } });
  return {
    ...harness,
    right,
    pass: (ms) => {
      right.advance(ms);
      harness.clock.advance(ms);
    },
  };
}

function statusesOf(workspace: Workspace): (readonly [status: unknown, date: unknown])[] {
  return workspace
    .contacts()
    .map(
      ({ customAttributes: held }) => [held['Engagement Status'], held['Engagement Status Date']] as const,
    );
}

function closeCall(harness: Harness, contactId: string): void {
  const call = harness.workspace.addConversation({ contactIds: [contactId], adminId: 5_210_001 });
  harness.workspace.closeConversation(call.id, { channel: 'Phone', serviceCode: 'Health Coaching 001' });
}

function members(harness: Harness, count: number): string[] {
  return Array.from(
    { length: count },
    () => harness.workspace.addContact({ customAttributes: { 'Enrolled Date': '2026-10-01' } }).id,
  );
}

test.each([40, -40])(
  'a clock that jumps by %i days writes no status, whatever happens meanwhile',
  async (days) => {
    const harness = await createPair();
    const { workspace, clock, pass } = harness;
    const ids = members(harness, 30);
    for (const id of ids.slice(0, 15)) closeCall(harness, id);
    await harness.backfill();
    const before = statusesOf(workspace);
    expect(before.some(([status]) => status === 'Engaged')).toBe(true);

    clock.step(days * DAY_MS);
    for (let look = 0; look < 5; look += 1) {
      pass(4000);
      await harness.settle();
    }
    // Facts are facts: a call that is closed now is written, and only what depends on the day waits.
    const called = ids[20] ?? '';
    closeCall(harness, called);
    await harness.settle();
    await harness.runJob({ job: 'reconcile', params: { lookbackDays: null, dryRun: false, force: true } });
    expect(workspace.contact(called).customAttributes['Last Coaching Session']).toBeTypeOf('number');
    expect(statusesOf(workspace)).toEqual(before);
    expect(harness.logLines.join('')).toMatch(/the clock has jumped|the clock can't be right/);

    clock.step(-days * DAY_MS);
    pass(15_000);
    await harness.settleWithRetries();
    expect(await harness.wrongAttributes()).toEqual([]);
    expect(statusesOf(workspace)).toEqual(before);
  },
);

test('a jump that takes the clock nobody can set with it is noticed too', async () => {
  const harness = await createPair();
  const { workspace, clock } = harness;
  members(harness, 5);
  await harness.backfill();
  const before = statusesOf(workspace);
  clock.advance(40 * DAY_MS);
  await harness.settle();
  expect(statusesOf(workspace)).toEqual(before);
});

test('a status that was on its way before the jump is sent as it was decided', async () => {
  const harness = await createPair();
  const { workspace, clock, pass } = harness;
  const [id = ''] = members(harness, 1);
  await harness.backfill();
  clock.advance(0);
  pass(30 * DAY_MS);
  workspace.faults.always({ method: 'PUT' }, { kind: 'status', status: 503 });
  await harness.settle();
  const decidedAt = Math.floor(clock.nowMs() / 1000);
  clock.step(40 * DAY_MS);
  const other = workspace.contact(id);
  workspace.updateContact(id, { customAttributes: { ...other.customAttributes, Employer: 'Acme' } });
  await harness.settle();
  workspace.faults.clear();
  await harness.settleWithRetries();
  expect(workspace.contact(id).customAttributes).toMatchObject({
    'Engagement Status': 'Unengaged',
    'Engagement Status Date': decidedAt,
  });
});

test('a machine that slept has the right time after the jump, and goes on at once', async () => {
  const harness = await createPair();
  const { workspace, clock, right } = harness;
  members(harness, 5);
  await harness.backfill();
  // The clock that nobody can set stands still meanwhile.
  clock.step(40 * DAY_MS);
  right.advance(40 * DAY_MS);
  await harness.settle();
  expect(statusesOf(workspace).map(([status]) => status)).toEqual(
    Array.from({ length: 5 }, () => 'Unengaged'),
  );
});

test('a clock that is wrong from the very start is noticed with the first answer, and told of', async () => {
  const right = createMovedClock(AT);
  const harness = await createHarness({ at: '2025-01-01T00:00:00Z', workspace: { clock: right } });
  const { workspace, clock } = harness;
  members(harness, 3);
  await harness.intercom.readWorkspace({ priority: 'soon' });
  await harness.backfill();
  expect(statusesOf(workspace).every(([status]) => status === undefined || status === null)).toBe(true);
  const readiness = await harness.app.request('/readyz');
  expect(readiness.status).toBe(200);
  expect(await readiness.json()).toMatchObject({ clock: "can't be right" });
  expect(await (await harness.get('/intercom')).text()).toContain('behind Intercom’s');
  expect(await (await harness.get('/intercom/activity')).text()).toContain('behind Intercom’s');
  expect(await harness.metrics.scrape()).toMatch(/engagement_clock_ahead_seconds -56\d{6}/);

  clock.step(right.nowMs() - clock.nowMs());
  clock.advance(15_000);
  right.advance(15_000);
  await harness.settle();
  expect(statusesOf(workspace).map(([status]) => status)).toEqual(['Engaged', 'Engaged', 'Engaged']);
  expect(await harness.wrongAttributes()).toEqual([]);
});

test('a clock that is weeks ahead erases no payload that is still young', async () => {
  const harness = await createPair();
  const { clock, pass } = harness;
  const [id = ''] = members(harness, 1);
  await harness.backfill();
  closeCall(harness, id);
  await harness.settle();
  const kept = harness.logLines.length;
  clock.step(40 * DAY_MS);
  pass(11 * 60_000);
  await harness.settle();
  expect(harness.logLines.slice(kept).join('')).not.toContain('payloads were erased');
});

test.each([40 * DAY_MS, 3 * 3_600_000])(
  'after the clock was %i ms ahead and is right again, sweeps and nights go on as if nothing had been',
  async (aheadMs) => {
    const harness = await createPair();
    const { workspace, clock, pass } = harness;
    populate(workspace, { members: 10, seed: 31 });
    await harness.backfill();
    const schedule = createSchedule(harness.runDeps, {
      backfillDays: 365,
      sweepEveryMinutes: 5,
      reconcileCron: '0 2 * * *',
    });
    const runDue = async (): Promise<string[]> =>
      (await harness.whileJobsRun(schedule.runDue())).map(({ job, status }) => `${job} ${status}`);
    clock.step(aheadMs);
    pass(5 * 60_000);
    expect(await runDue()).not.toEqual([]);
    clock.step(-aheadMs);
    pass(5 * 60_000);
    await harness.settle();
    expect(await runDue()).toEqual(['sweep done']);
    const run = await harness.store.latestRun('sweep');
    expect(run?.startedAtMs).toBeLessThanOrEqual(clock.nowMs());
    expect(run?.finishedAtMs).toBeLessThanOrEqual(clock.nowMs());
    const { sweptUntilAt, sweptAt } = await harness.store.freshness();
    expect(Math.max(sweptUntilAt ?? 0, sweptAt ?? 0)).toBeLessThanOrEqual(clock.nowMs() / 1000);
    // 11:00 to 02:00 is fifteen hours.
    pass(15 * 3_600_000);
    expect(await runDue()).toContain('reconcile done');
  },
);

test('nights begin though the clock was ahead at the start, and no backfill tells when the last one was', async () => {
  const harness = await createPair();
  const { clock, pass } = harness;
  clock.step(40 * DAY_MS);
  const schedule = createSchedule(harness.runDeps, {
    backfillDays: 0,
    sweepEveryMinutes: 0,
    reconcileCron: '0 2 * * *',
  });
  clock.step(-40 * DAY_MS);
  await harness.settle();
  const runDue = async (): Promise<string[]> =>
    (await harness.whileJobsRun(schedule.runDue())).map(({ job, status }) => `${job} ${status}`);
  expect(await runDue()).toEqual([]);
  pass(15 * 3_600_000);
  expect(await runDue()).toEqual(['reconcile done']);
});

test('a run in hand while the clock is put back knows nothing of a time that has yet to come', async () => {
  const harness = await createPair();
  const { clock, pass } = harness;
  members(harness, 2);
  await harness.backfill();
  clock.step(40 * DAY_MS);
  pass(5 * 60_000);
  let isBack = false;
  const intercom = new Proxy(harness.intercom, {
    get: (target, name, receiver) => {
      if (name === 'searchContacts' && !isBack) {
        isBack = true;
        clock.step(-40 * DAY_MS);
      }
      return Reflect.get(target, name, receiver);
    },
  });
  await harness.runJob(
    { job: 'sweep', params: { lookbackDays: null, dryRun: false, force: false } },
    { intercom },
  );
  expect(isBack).toBe(true);
  expect((await harness.store.freshness()).sweptUntilAt).toBeLessThanOrEqual(clock.nowMs() / 1000);
});

test('the clocks of two processes may differ: neither rewrites the times of the other', async () => {
  const harness = await createHarness({ at: AT });
  const { clock, store } = harness;
  const nowMs = clock.nowMs();
  expect(await store.fixTimes({ nowMs: nowMs + 90_000, backMs: 0 })).toBe(0);
  const waits = {
    dedupeKey: 'a',
    topic: null,
    subject: null,
    lane: null,
    createdAt: null,
    body: Buffer.from('{}'),
    hashContent: null,
    unreadable: null,
  };
  await store.storeNotification({ ...waits, receivedAtMs: nowMs + 90_000 });
  await harness.settle();
  expect(await store.nextNotificationDueAtMs()).toBe(nowMs + 90_000);
  expect(harness.logLines.join('')).not.toContain('the clock has gone back');
  // Its own step back counts, however small it is beside that.
  clock.step(-30_000);
  await harness.settle();
  expect(harness.logLines.join('')).toContain('the clock has gone back');
});

test('a session that was opened by a clock that was ahead does not outlive it', () => {
  const clock = createMovedClock(AT);
  const sessions = createLogins(['token-0123456789'], clock);
  clock.step(40 * DAY_MS);
  const cookie = sessions.open(0);
  expect(sessions.read(cookie)).not.toBeNull();
  clock.step(-40 * DAY_MS);
  expect(sessions.read(cookie)).toBeNull();
  const usual = sessions.open(0);
  clock.step(-5000);
  expect(sessions.read(usual)).not.toBeNull();
});
