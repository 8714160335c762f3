import { expect, test } from 'vitest';
import type { IntercomClient } from '../src/intercom/client.js';
import { createLog } from '../src/log.js';
import { RUN_LEASE_MS, type RunDeps } from '../src/reconcile/run-frame.js';
import { runJob } from '../src/reconcile/run-job.js';
import { createSchedule } from '../src/reconcile/schedule.js';
import { populate } from '../src/sandbox/population.js';
import type { Run, RunProgress } from '../src/store/ports/runs.js';
import { createHarness, type Harness } from './support/harness.js';

const NEVER = new AbortController().signal;

function depsOf(harness: Harness, owner: string, intercom: IntercomClient = harness.intercom): RunDeps {
  const { store, clock, settings } = harness;
  const { breaker } = harness.runDeps;
  return {
    store,
    breaker,
    clock,
    settings,
    intercom,
    owner,
    maxChangeShare: 0.2,
    log: createLog({ level: 'silent' }),
  };
}

/** What a start of the service owes the cache. */
async function fillCache(deps: RunDeps, backfillDays: number): Promise<void> {
  await createSchedule(deps, { backfillDays, sweepEveryMinutes: 0, reconcileCron: null }).runDue();
}

function backfill(deps: RunDeps, days: number, signal: AbortSignal): Promise<Run> {
  return runJob(deps, { job: 'backfill', params: { days } }, signal);
}

/** Stops `stopping` after so many search pages. */
function stopAfter(pages: number, intercom: IntercomClient, stopping: AbortController): IntercomClient {
  let left = pages;
  const count = <Result>(result: Result): Result => {
    left -= 1;
    if (left === 0) stopping.abort();
    return result;
  };
  return {
    ...intercom,
    searchContacts: async (search, options) => count(await intercom.searchContacts(search, options)),
    searchConversations: async (search, options) =>
      count(await intercom.searchConversations(search, options)),
  };
}

test('a backfill takes one call per search page and a few more, none per contact', async () => {
  const harness = await createHarness();
  const { workspace } = harness;
  populate(workspace, { members: 160, conversationsPerMember: 3, seed: 3 });
  const conversations = workspace.conversations().length;
  const members = workspace.contacts().filter(({ role, archived }) => role === 'user' && !archived).length;
  workspace.calls.clear();
  const run = await backfill(depsOf(harness, 'one'), 365, NEVER);

  expect(run).toMatchObject({ status: 'done', progress: { phase: 'done', contacts: members } });
  const pages = Math.ceil(conversations / 150) + Math.ceil(members / 150);
  expect(workspace.calls.total).toBeLessThanOrEqual(pages + 4);
  const byId = /^\/(?:contacts|conversations)\/(?!search$)[^/]+$/;
  expect(workspace.calls.matching({ path: byId })).toEqual([]);
  await harness.settle();
  expect(await harness.wrongAttributes()).toEqual([]);
});

test('a stopped backfill goes on at the page where it was', async () => {
  const harness = await createHarness();
  const { workspace, store } = harness;
  populate(workspace, { members: 40, conversationsPerMember: 15, seed: 4 });
  const stopping = new AbortController();
  const stopped = backfill(
    depsOf(harness, 'one', stopAfter(4, harness.intercom, stopping)),
    365,
    stopping.signal,
  );
  await expect(stopped).rejects.toMatchObject({ code: 'stopped' });
  const halfway = await store.latestRun('backfill');
  expect(halfway).toMatchObject({ status: 'running', progress: { calls: 4 } });

  await store.releaseDeadLeases((owner) => owner === 'one');
  workspace.calls.clear();
  const run = await backfill(depsOf(harness, 'two'), 365, NEVER);
  expect(run).toMatchObject({ id: halfway?.id, status: 'done' });
  const pages =
    Math.ceil(workspace.conversations().length / 150) + Math.ceil(workspace.contacts().length / 150);
  expect(workspace.calls.matching({ path: /\/search$/ }).length).toBeLessThanOrEqual(pages - 4 + 2);
  await harness.settle();
  expect(await harness.wrongAttributes()).toEqual([]);
});

test('what changes while the pages are read is known at its end', async () => {
  const harness = await createHarness();
  const { workspace, clock } = harness;
  populate(workspace, { members: 30, conversationsPerMember: 25, seed: 5 });
  const open = workspace.conversations().filter(({ state }) => state !== 'closed');
  const intercom = harness.intercom;
  let closed = 0;
  const busy: IntercomClient = {
    ...intercom,
    searchConversations: async (search, options) => {
      const page = await intercom.searchConversations(search, options);
      const call = open[closed];
      closed += 1;
      clock.advance(2000);
      // No webhook tells of it: nothing is delivered yet.
      if (call !== undefined && closed < 5) {
        workspace.closeConversation(call.id, { channel: 'Phone', serviceCode: 'Health Coaching 001' });
      }
      return page;
    },
  };
  workspace.webhooks.stop();
  await backfill(depsOf(harness, 'one', busy), 365, NEVER);
  await harness.settle();
  expect(closed).toBeGreaterThan(4);
  expect(await harness.wrongAttributes()).toEqual([]);
});

test('only one process fills the cache; another one waits for it', async () => {
  const harness = await createHarness();
  populate(harness.workspace, { members: 20, seed: 6 });
  const stopping = new AbortController();
  const first = backfill(
    depsOf(harness, 'one', stopAfter(2, harness.intercom, stopping)),
    365,
    stopping.signal,
  );
  await expect(first).rejects.toMatchObject({ code: 'stopped' });
  const second = await backfill(depsOf(harness, 'two'), 365, NEVER);
  expect(second.status).toBe('running');
  // Its lease runs out: whoever had it is gone.
  harness.clock.advance(RUN_LEASE_MS + 1000);
  expect((await backfill(depsOf(harness, 'two'), 365, NEVER)).status).toBe('done');
});

test('a failure that cannot fix itself ends the run with its reason, and the next start begins a new one', async () => {
  const harness = await createHarness();
  const { workspace, store, intercom } = harness;
  populate(workspace, { members: 20, seed: 7 });
  const tooLong: IntercomClient = {
    ...intercom,
    searchContacts: (search, options) => intercom.searchContacts({ ...search, perPage: 151 }, options),
  };
  await expect(backfill(depsOf(harness, 'one', tooLong), 365, NEVER)).rejects.toMatchObject({
    code: 'intercom_refused_request',
  });
  const failed = await store.latestRun('backfill');
  expect(failed).toMatchObject({
    status: 'failed',
    reason: expect.stringContaining('intercom_refused_request'),
  });
  await fillCache(depsOf(harness, 'one'), 365);
  const done = await store.latestRun('backfill');
  expect(done?.status).toBe('done');
  expect(done?.id).not.toBe(failed?.id);
  await fillCache(depsOf(harness, 'one'), 365);
  expect((await store.latestRun('backfill'))?.id).toBe(done?.id);
});

test('progress is told after every page, and never goes back within a phase', async () => {
  const harness = await createHarness();
  populate(harness.workspace, { members: 40, seed: 8 });
  const told: RunProgress[] = [];
  const deps = { ...depsOf(harness, 'one'), onProgress: (progress: RunProgress) => told.push(progress) };
  await backfill(deps, 365, NEVER);
  expect([...new Set(told.map(({ phase }) => phase))]).toEqual([
    'contacts',
    'conversations',
    'changed meanwhile',
    'members',
    'done',
  ]);
  for (const [index, { phase, done, total, calls }] of told.entries()) {
    const before = told[index - 1];
    expect(calls).toBeGreaterThanOrEqual(before?.calls ?? 0);
    expect(done).toBeGreaterThanOrEqual(before?.phase === phase ? before.done : 0);
    expect(done).toBeLessThanOrEqual(total ?? done);
  }
});

test('with BACKFILL_DAYS=0 nothing is asked for, and the coverage begins now, once', async () => {
  const harness = await createHarness({ at: '2026-10-15T15:00:00Z' });
  const at = Date.parse('2026-10-15T15:00:00Z') / 1000;
  await fillCache(depsOf(harness, 'one'), 0);
  harness.clock.advance(3_600_000);
  await fillCache(depsOf(harness, 'one'), 0);
  expect(await harness.store.freshness()).toMatchObject({ coverageFromAt: at });
  expect(harness.workspace.calls.total).toBe(0);
});

test('a read that fails in the middle of a step is tried again, and does not end the run', async () => {
  const harness = await createHarness();
  const { workspace } = harness;
  const { id } = workspace.addContact({ name: 'Before' });
  await harness.settle();
  // Another snapshot of the same second that no webhook tells of: only reading it by id settles it.
  workspace.webhooks.stop();
  workspace.updateContact(id, { name: 'After' });
  const path = new RegExp(`^/contacts/${id}$`);
  workspace.faults.next({ method: 'GET', path }, { kind: 'status', status: 503 }, { kind: 'reset' });
  const run = await harness.backfill();
  expect(workspace.faults.happened).toBe(2);
  expect(run.status).toBe('done');
  expect((await harness.store.findMember(id))?.contact.name).toBe('After');
});
