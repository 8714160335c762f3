import { expect, test } from 'vitest';
import { populate } from '../src/sandbox/population.js';
import type { CallFault } from '../src/sandbox/faults.js';
import { createHarness, type Harness } from './support/harness.js';

const CONVERSATIONS = { method: 'POST', path: '/conversations/search' };

async function createPopulated(): Promise<Harness> {
  const harness = await createHarness();
  populate(harness.workspace, { members: 8, conversationsPerMember: 32, seed: 17 });
  harness.workspace.webhooks.stop();
  harness.clock.advance(30 * 60_000);
  return harness;
}

/** Lets time pass while calls are in flight, too: they are what takes time here. */
async function whileTimePasses<Result>(harness: Harness, work: Promise<Result>): Promise<Result> {
  const progress = { isDone: false };
  const markDone = (): void => {
    progress.isDone = true;
  };
  work.then(markDone, markDone);
  while (!progress.isDone) {
    for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    harness.clock.advance(1000);
  }
  return work;
}

function perPageOf(request: unknown): number {
  const body: { readonly pagination?: { readonly per_page?: number } } = Object(request);
  return body.pagination?.per_page ?? 0;
}

function sizesAsked(harness: Harness): readonly number[] {
  return harness.workspace.calls.matching(CONVERSATIONS).map(({ body }) => perPageOf(body));
}

/** Intercom is too slow, or its answer too large, whenever a page has more than so many entries. */
const TOO_MUCH: readonly (readonly [string, CallFault])[] = [
  ['too slow', { kind: 'slow', delayMs: 46_000 }],
  ['an error', { kind: 'status', status: 500 }],
  ['too large', { kind: 'altered', alter: (body) => ({ ...Object(body), filling: 'x'.repeat(21_000_000) }) }],
];

test.each(TOO_MUCH)('pages that are %s are halved until they come, and grow again', async (_what, fault) => {
  const harness = await createPopulated();
  harness.workspace.faults.always({ ...CONVERSATIONS, body: (request) => perPageOf(request) > 40 }, fault);
  const run = await whileTimePasses(harness, harness.backfill());
  expect(run.status).toBe('done');
  const sizes = sizesAsked(harness);
  expect(sizes.slice(0, 4)).toEqual([150, 75, 37, 37]);
  expect(sizes.slice(4)).toContain(74);
  expect(Math.min(...sizes.filter((size) => size !== 1))).toBeGreaterThanOrEqual(37);
  await harness.settle();
  expect(await harness.wrongAttributes()).toEqual([]);
});

test('a page that takes half a minute is waited for', async () => {
  const harness = await createPopulated();
  harness.workspace.faults.always(CONVERSATIONS, { kind: 'slow', delayMs: 30_000 });
  const run = await whileTimePasses(harness, harness.backfill());
  expect(run.status).toBe('done');
  expect(new Set(sizesAsked(harness))).toEqual(new Set([150]));
});

test('while a page is waited for the run stays in this hand', async () => {
  const harness = await createPopulated();
  harness.workspace.faults.next(
    CONVERSATIONS,
    { kind: 'slow', delayMs: 44_000 },
    { kind: 'slow', delayMs: 44_000 },
  );
  let busy = 0;
  const watched = {
    ...harness.intercom,
    searchConversations: async (...parameters: Parameters<typeof harness.intercom.searchConversations>) => {
      const page = await harness.intercom.searchConversations(...parameters);
      const lease = { owner: 'another/1/0', nowMs: harness.clock.nowMs(), leaseMs: 60_000 };
      // Twice its lease could have run out by now.
      if ((await harness.store.adoptRun(lease)) === null) busy += 1;
      return page;
    },
  };
  const job = harness.runJob({ job: 'backfill', params: { days: 365 } }, { intercom: watched });
  const run = await whileTimePasses(harness, job);
  expect(run.status).toBe('done');
  expect(busy).toBeGreaterThan(2);
});

test('a page that does not come even with one entry ends the run, bounded, with a reason', async () => {
  const harness = await createPopulated();
  const isLater = (request: unknown): boolean => JSON.stringify(Object(request)).includes('starting_after');
  harness.workspace.faults.always({ ...CONVERSATIONS, body: isLater }, { kind: 'status', status: 500 });
  await expect(harness.backfill()).rejects.toMatchObject({ code: 'intercom_search_incomplete' });
  expect(await harness.store.latestRun('backfill')).toMatchObject({
    status: 'failed',
    reason: expect.stringMatching(/not even with one entry.*500/),
  });
  expect(sizesAsked(harness).length).toBeLessThan(20);
  expect((await harness.store.freshness()).coverageFromAt).toBeNull();
});

test.each([2, 10])(
  'while searches alone fail for %i minutes a run waits, and goes on as soon as they are answered',
  async (minutes) => {
    const harness = await createPopulated();
    const { clock, intercom, workspace } = harness;
    workspace.faults.always({ method: 'POST' }, { kind: 'status', status: 503 });
    const run = harness.backfill();
    const progress = { isDone: false };
    const markDone = (): void => {
      progress.isDone = true;
    };
    run.then(markDone, markDone);
    const passTime = async (): Promise<void> => {
      for (let turn = 0; turn < 60; turn += 1) await new Promise((resolve) => setImmediate(resolve));
      // Everything else is answered.
      await intercom.readWorkspace({ priority: 'soon' });
      clock.advance(250);
    };
    const healsAtMs = clock.nowMs() + minutes * 60_000;
    while (clock.nowMs() < healsAtMs) await passTime();
    expect(await harness.store.latestRun('backfill')).toMatchObject({ status: 'running' });
    workspace.faults.clear();
    while (!progress.isDone && clock.nowMs() < healsAtMs + 60_000) await passTime();
    expect(progress.isDone).toBe(true);
    expect((await run).status).toBe('done');
  },
);

test('while Intercom answers nothing at all a run waits, however long', async () => {
  const harness = await createPopulated();
  const { faults } = harness.workspace;
  faults.always({}, { kind: 'gateway', status: 503 });
  const run = harness.backfill();
  const untilMs = harness.clock.nowMs() + 3 * 3_600_000;
  while (harness.clock.nowMs() < untilMs) {
    harness.clock.advance(60_000);
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(await harness.store.latestRun('backfill')).toMatchObject({ status: 'running' });
  faults.clear();
  expect((await run).status).toBe('done');
});
