import { expect, test } from 'vitest';
import { createSchedule, type Schedule, type ScheduleSettings } from '../src/reconcile/schedule.js';
import { populate } from '../src/sandbox/population.js';
import { createFilledHarness, populated } from './support/filled-harness.js';
import { createHarness, type Harness } from './support/harness.js';

/** 11:00 in New York. */
const AT = '2026-10-15T15:00:00Z';
const EVERY_FIVE = { backfillDays: 365, sweepEveryMinutes: 5, reconcileCron: '0 2 * * *' };

async function createFilled(settings: ScheduleSettings = EVERY_FIVE): Promise<[Harness, Schedule]> {
  const harness = await createFilledHarness(populated({ members: 10, seed: 31 }), { at: AT });
  return [harness, createSchedule(harness.runDeps, settings)];
}

async function runDue(harness: Harness, schedule: Schedule): Promise<string[]> {
  const runs = await harness.whileJobsRun(schedule.runDue());
  return runs.map(({ job, status }) => `${job} ${status}`);
}

const minutesFrom = (at: string, ms: number | null): number | null =>
  ms === null ? null : Math.round((ms - Date.parse(at)) / 60_000);

test('a sweep every few minutes, everything at two in the morning of the report time zone', async () => {
  const [harness, schedule] = await createFilled();
  expect(await runDue(harness, schedule)).toEqual([]);
  expect(minutesFrom(AT, await schedule.nextDueAtMs())).toBe(5);
  harness.clock.advance(5 * 60_000);
  expect(await runDue(harness, schedule)).toEqual(['sweep done']);
  expect(await runDue(harness, schedule)).toEqual([]);
  harness.clock.set('2026-10-16T01:59:30-04:00');
  expect(await runDue(harness, schedule)).toEqual(['sweep done']);
  harness.clock.set('2026-10-16T02:00:00-04:00');
  expect(await runDue(harness, schedule)).toEqual(['reconcile done']);
  expect(await runDue(harness, schedule)).toEqual([]);
});

test('a night that the service has missed is made up for at its next start, once', async () => {
  const [harness] = await createFilled();
  harness.clock.set('2026-10-19T12:00:00-04:00');
  const started = createSchedule(harness.runDeps, EVERY_FIVE);
  expect(await runDue(harness, started)).toEqual(['reconcile done']);
  expect(await runDue(harness, started)).toEqual([]);
});

test('a start says when it has looked, so that nothing is decided on what was missed before', async () => {
  const [harness] = await createFilled();
  harness.clock.set('2026-10-19T12:00:00-04:00');
  const started = createSchedule(harness.runDeps, EVERY_FIVE);
  const looked = started.start();
  await harness.whileJobsRun(looked);
  expect(await harness.store.latestDoneRun(['reconcile'])).toMatchObject({ status: 'done' });
  const stopped = started.stop();
  harness.clock.advance(60_000);
  await stopped;
});

test('what a process that is gone has left is finished first, with its own settings', async () => {
  const [harness, schedule] = await createFilled();
  const lease = { owner: 'elsewhere/1/0', nowMs: harness.clock.nowMs(), leaseMs: 60_000 };
  const params = { lookbackDays: 30, dryRun: true, force: false };
  await harness.store.openRun({ job: 'session-sync', params, ...lease });
  harness.clock.advance(30_000);
  expect(await runDue(harness, schedule), 'it may still be alive').toEqual([]);
  harness.clock.advance(30_000);
  expect(await runDue(harness, schedule)).toEqual(['session-sync done']);
  expect((await harness.store.latestRun('session-sync'))?.params).toMatchObject(params);
});

test('two processes on one database make one sweep', async () => {
  const [harness, one] = await createFilled();
  const other = createSchedule({ ...harness.runDeps, owner: 'test/2/0' }, EVERY_FIVE);
  harness.clock.advance(5 * 60_000);
  harness.workspace.calls.clear();
  const both = await harness.whileJobsRun(Promise.all([one.runDue(), other.runDue()]));
  const statuses = both.flat().map(({ status }) => status);
  expect(statuses.toSorted()).toEqual(['done', 'running']);
  const { total } = await harness.store.listRuns({ limit: 10, after: null, jobs: ['sweep'] });
  expect(total).toBe(1);
});

test('what is off does not run', async () => {
  const [harness, schedule] = await createFilled({
    backfillDays: 365,
    sweepEveryMinutes: 0,
    reconcileCron: null,
  });
  harness.clock.advance(3 * 86_400_000);
  expect(await schedule.nextDueAtMs()).toBeNull();
  expect(await runDue(harness, schedule)).toEqual([]);
});

test('a dry run by hand does not stand in for the night', async () => {
  const [harness, schedule] = await createFilled();
  harness.clock.set('2026-10-16T02:00:00-04:00');
  const params = { lookbackDays: null, dryRun: true, force: false };
  await harness.runJob({ job: 'reconcile', params });
  expect(await runDue(harness, schedule)).toEqual(['reconcile done']);
});

test('a run that fails is tried again after a while, not at once', async () => {
  const [harness] = await createFilled();
  const intercom = {
    ...harness.intercom,
    searchConversations: () => harness.intercom.readContact('no such id', { priority: 'sweep' }).then(never),
  };
  const schedule = createSchedule({ ...harness.runDeps, intercom }, EVERY_FIVE);
  harness.clock.advance(5 * 60_000);
  expect(await runDue(harness, schedule)).toEqual(['sweep failed']);
  expect(await runDue(harness, schedule)).toEqual([]);
  harness.clock.advance(5 * 60_000);
  expect(await runDue(harness, schedule)).toEqual(['sweep failed']);
});

function never(): never {
  throw new Error('it was refused');
}

/** Refuses every page of conversations behind the first: a cursor that has grown stale, each time. */
function refusePages(harness: Harness): void {
  harness.workspace.faults.always(
    { method: 'POST', path: '/conversations/search' },
    {
      kind: 'altered',
      alter: (body) => ({ ...Object(body), pages: { next: { starting_after: 'stale' } } }),
    },
  );
}

test('a first backfill that fails is tried again with growing delays, and sweeps and nights go on', async () => {
  const harness = await createHarness({ at: AT });
  populate(harness.workspace, { members: 10, seed: 32 });
  harness.workspace.webhooks.stop();
  harness.clock.advance(30 * 60_000);
  refusePages(harness);
  const schedule = createSchedule(harness.runDeps, EVERY_FIVE);
  expect(await runDue(harness, schedule)).toEqual(['backfill failed', 'sweep done']);
  const readiness = await harness.app.request('/readyz');
  expect(await readiness.json()).toMatchObject({
    backfill: 'failed',
    detail: expect.stringContaining('again'),
  });
  expect(await harness.metrics.scrape()).toContain('engagement_first_backfill_failed 1');
  for (const page of ['/intercom', '/intercom/activity']) {
    expect(await (await harness.get(page)).text()).toContain('The first backfill has failed');
  }

  const tries: number[] = [];
  for (let minute = 0; minute < 40; minute += 1) {
    harness.clock.advance(60_000);
    if ((await runDue(harness, schedule)).includes('backfill failed')) tries.push(minute);
  }
  const pauses = tries.slice(1).map((minute, at) => minute - (tries[at] ?? 0));
  expect(pauses.length).toBeGreaterThan(1);
  for (const [at, pause] of pauses.entries()) expect(pause).toBeGreaterThan(pauses[at - 1] ?? 0);

  // Sweeps and nights need no backfill; without coverage they claim nothing.
  harness.workspace.faults.clear();
  harness.workspace.faults.next(
    { method: 'POST', path: '/contacts/search' },
    { kind: 'status', status: 400 },
  );
  harness.clock.advance(60 * 60_000);
  expect(await runDue(harness, schedule)).toEqual(['backfill failed', 'sweep done']);
  expect(await harness.store.freshness()).toMatchObject({
    coverageFromAt: null,
    sweptUntilAt: null,
    sweptAt: null,
    completeAt: null,
  });
  harness.clock.advance(60 * 60_000);
  expect(await runDue(harness, schedule)).toEqual(['backfill done']);
  await schedule.filled;
  await harness.settle();
  expect(await harness.wrongAttributes()).toEqual([]);
  expect(await harness.metrics.scrape()).toContain('engagement_first_backfill_failed 0');
});

test('a night comes although there was no backfill yet', async () => {
  const harness = await createHarness({ at: AT });
  populate(harness.workspace, { members: 10, seed: 33 });
  harness.workspace.faults.always(
    { method: 'POST', path: '/conversations/search' },
    { kind: 'status', status: 400 },
  );
  const schedule = createSchedule(harness.runDeps, { ...EVERY_FIVE, sweepEveryMinutes: 0 });
  expect(await runDue(harness, schedule)).toEqual(['backfill failed']);
  harness.clock.set('2026-10-16T02:00:00-04:00');
  expect(await runDue(harness, schedule)).toEqual(['backfill failed', 'reconcile failed']);
  const nights: number[] = [];
  for (let minute = 1; minute < 60; minute += 1) {
    harness.clock.advance(60_000);
    if ((await runDue(harness, schedule)).includes('reconcile failed')) nights.push(minute);
  }
  expect(nights).toEqual([5, 15, 35]);
});

test('a run that was taken over, and one whose place cannot be read, stop nothing', async () => {
  const [harness, schedule] = await createFilled();
  const { store, clock } = harness;
  const lease = { owner: 'elsewhere/1/0', nowMs: clock.nowMs(), leaseMs: 60_000 };
  const params = { lookbackDays: null, dryRun: false, force: false };
  const opened = await store.openRun({ job: 'sweep', params, ...lease });
  if (opened.kind === 'busy') throw new Error('nobody else is at a run');
  const { run } = opened;
  await store.advanceRun({
    runId: run.id,
    lease: run.lease,
    leaseUntilMs: clock.nowMs(),
    checkpoint: '{"phase":',
    progress: run.progress,
  });
  clock.advance(5 * 60_000);
  expect(await runDue(harness, schedule)).toEqual(['sweep done']);
  expect((await store.findRun(run.id))?.status).toBe('failed');

  const robbed = {
    ...harness.intercom,
    searchConversations: async (...parameters: Parameters<typeof harness.intercom.searchConversations>) => {
      const page = await harness.intercom.searchConversations(...parameters);
      clock.advance(120_000);
      await store.adoptRun({ ...lease, nowMs: clock.nowMs() });
      return page;
    },
  };
  clock.advance(5 * 60_000);
  const other = createSchedule({ ...harness.runDeps, intercom: robbed }, EVERY_FIVE);
  expect(await runDue(harness, other)).toEqual([]);
  expect((await store.latestRun('sweep'))?.status).toBe('running');
  clock.advance(5 * 60_000);
  expect(await runDue(harness, schedule)).toContain('sweep done');
});
