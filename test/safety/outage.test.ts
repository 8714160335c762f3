import { describe, expect, test } from 'vitest';
import { closeRandomCall, editRandomContact } from '../../src/sandbox/coaches.js';
import { runJob } from '../../src/reconcile/run-job.js';
import { populate } from '../../src/sandbox/population.js';
import { createRandom } from '../../src/sandbox/random.js';
import { CALL_FAILURES } from '../support/call-failures.js';
import type { CallFault } from '../../src/sandbox/faults.js';
import { createHarness, type Harness, type HarnessOptions } from '../support/harness.js';

test.each([1, 2, 3])(
  'Intercom failing a third of the calls: all is right in the end, and the budget is never exceeded (seed %i)',
  async (seed) => {
    const perWindow = 40;
    const harness = await createHarness({ workspace: { seed, rateLimit: { perWindow, windowMs: 10_000 } } });
    const { workspace, clock } = harness;
    const random = createRandom(seed);
    populate(workspace, { members: 25, seed });
    await harness.backfill();
    await harness.settleWithRetries();
    expect(await harness.wrongAttributes()).toEqual([]);

    const { faults } = workspace;
    for (const kind of [{ kind: 'status', status: 429 } as const, ...CALL_FAILURES]) {
      faults.sometimes({}, 1 / 18, kind);
    }
    workspace.deliveryFaults.sometimes({}, 1 / 10, { kind: 'repeated', times: 2 });
    workspace.deliveryFaults.sometimes({}, 1 / 10, { kind: 'reordered' });
    for (let number = 0; number < 60; number += 1) {
      closeRandomCall(workspace, random);
      if (number % 7 === 0) editRandomContact(workspace, random);
      clock.advance(400);
      await workspace.webhooks.drained();
    }
    await harness.settleWithRetries(6 * 3_600_000);

    expect(faults.happened).toBeGreaterThan(10);
    expect(await harness.wrongAttributes()).toEqual([]);
    expect(await harness.store.parked()).toEqual([]);
    expect(workspace.windows.refused).toBe(0);
    expect(workspace.windows.maxCalls).toBeLessThanOrEqual(perWindow);
  },
);

/** A workspace whose members are all right, and then `members` of them have a call while `during` goes on. */
async function outageOf(
  members: number,
  options: HarnessOptions,
  during: (harness: Harness) => Promise<void>,
): Promise<Harness> {
  const harness = await createHarness(options);
  const { workspace, clock } = harness;
  const ids = Array.from(
    { length: members },
    () => workspace.addContact({ customAttributes: { 'Enrolled Date': '2026-10-01' } }).id,
  );
  await harness.backfill();
  await harness.settleWithRetries();
  expect(await harness.wrongAttributes()).toEqual([]);
  clock.advance(60_000);
  workspace.calls.clear();
  harness.logLines.length = 0;
  const calls = ids.map((id) => workspace.addConversation({ contactIds: [id], adminId: 5_210_001 }).id);
  for (const call of calls)
    workspace.closeConversation(call, { channel: 'Phone', serviceCode: 'Health Coaching 001' });
  await during(harness);
  return harness;
}

async function letPass(harness: Harness, seconds: number): Promise<void> {
  for (let second = 0; second < seconds; second += 1) {
    await harness.settle();
    harness.clock.advance(1000);
  }
  await harness.settle();
}

function shownLines(harness: Harness): string[] {
  const isShown = /"level":"(?:warn|error)"|Intercom answers again/;
  return harness.logLines.filter((line) => isShown.test(line));
}

async function available(harness: Harness): Promise<string | undefined> {
  const scraped = await (await harness.get('/metrics')).text();
  return /^engagement_intercom_available (\d)$/m.exec(scraped)?.[1];
}

/** Until everything must be right: the longest pause between two probes, one that hangs, and a retry. */
const HEALED_WITHIN_S = 15;

describe('Intercom as a whole does not answer', () => {
  test.each<[string, CallFault]>([
    ['503', { kind: 'status', status: 503 }],
    ['a gateway', { kind: 'gateway', status: 502 }],
    ['a gateway that refuses', { kind: 'gateway', status: 413 }],
    ['a proxy that answers JSON', { kind: 'answer', status: 400, body: { error: 'bad request' } }],
    [
      'a proxy that wants a log-in',
      { kind: 'answer', status: 302, headers: { Location: 'https://login.example' } },
    ],
    ['no connection', { kind: 'reset' }],
    [
      'a refused token',
      { kind: 'answer', status: 401, body: { type: 'error.list', errors: [{ code: 'unauthorized' }] } },
    ],
  ])('%s: it is asked by probes alone, and all is right soon after', async (_what, fault) => {
    const seconds = 150;
    const harness = await outageOf(40, {}, async (world) => {
      world.workspace.faults.always({}, fault);
      await letPass(world, seconds);
    });
    const { workspace, store } = harness;
    // What was in hand; then a probe every 2 s to 4 s.
    expect(workspace.calls.total).toBeLessThanOrEqual(80 + seconds / 2);
    expect(shownLines(harness).length).toBeLessThanOrEqual(15);
    expect(shownLines(harness).filter((line) => line.includes('Intercom does not answer'))).toHaveLength(1);
    expect(await available(harness)).toBe('0');
    for (const path of ['/intercom', '/intercom/activity']) {
      expect(await (await harness.get(path)).text()).toContain('Intercom does not answer since');
    }
    expect(await store.parked()).toEqual([]);
    const attempts = (await store.recentNotifications(200, harness.clock.nowMs())).map((one) => one.attempts);
    expect(Math.max(...attempts), 'what waits is no attempt').toBeLessThanOrEqual(3);

    workspace.faults.clear();
    await letPass(harness, HEALED_WITHIN_S);
    expect(await harness.wrongAttributes()).toEqual([]);
    expect(shownLines(harness).filter((line) => line.includes('Intercom answers again'))).toHaveLength(1);
    expect(await available(harness)).toBe('1');
  });

  test('a run goes on when it is over, and does not wait for a pause of its own', async () => {
    const harness = await createHarness();
    const { workspace, clock } = harness;
    populate(workspace, { members: 5, seed: 1 });
    await harness.backfill();
    workspace.faults.always({}, { kind: 'reset' });
    const job = harness.runJob({
      job: 'reconcile',
      params: { lookbackDays: null, dryRun: false, force: false },
    });
    const healsAtMs = clock.nowMs() + 600_000;
    while (clock.nowMs() < healsAtMs) await new Promise((resolve) => setImmediate(resolve));
    workspace.faults.clear();
    const lines = shownLines(harness).length;
    expect(lines).toBeLessThanOrEqual(60);
    await job;
    expect(clock.nowMs() - healsAtMs).toBeLessThanOrEqual(HEALED_WITHIN_S * 1000);
  });

  test('many calls of one run wait for it together: one line and one kept lease for all', async () => {
    const harness = await createHarness();
    const { workspace, clock, store } = harness;
    const { id } = workspace.addContact();
    const gone = Array.from({ length: 60 }, () => workspace.addConversation({ contactIds: [id] }).id);
    await harness.backfill();
    workspace.deliveryFaults.always({}, { kind: 'lost' });
    for (const conversation of gone) workspace.deleteConversation(conversation);
    clock.advance(2 * 3_600_000);
    harness.logLines.length = 0;
    workspace.faults.always({ path: /^\/conversations\/\d+$/ }, { kind: 'status', status: 503 });
    const renewed: string[] = [];
    const counting: typeof store = {
      ...store,
      advanceRun: (page) => {
        renewed.push(page.runId);
        return store.advanceRun(page);
      },
    };
    const params = { lookbackDays: null, dryRun: false, force: true };
    const beganAtMs = clock.nowMs();
    const job = harness.runJob({ job: 'reconcile', params }, { store: counting });
    while (clock.nowMs() < beganAtMs + 300_000) await new Promise((resolve) => setImmediate(resolve));
    expect(shownLines(harness).length).toBeLessThanOrEqual(20);
    expect(renewed.length).toBeLessThanOrEqual(300 / 5);
    workspace.faults.clear();
    await job;
    expect((await store.findMember(id))?.conversations).toEqual([]);
  });

  test('what needs no call is handled all the same', async () => {
    const harness = await createHarness();
    const { workspace } = harness;
    const { id } = workspace.addContact({ externalId: 'M-1' });
    await harness.backfill();
    await harness.settleWithRetries();
    workspace.faults.always({}, { kind: 'reset' });
    for (let number = 0; number < 20; number += 1) {
      // A conversation of somebody unknown needs a look.
      const stranger = workspace.addContact({ externalId: `X-${number}` }).id;
      workspace.addConversation({ contactIds: [stranger], adminId: 5_210_001 });
    }
    await letPass(harness, 60);
    const call = workspace.addConversation({ contactIds: [id], adminId: 5_210_001 }).id;
    // Two snapshots of one second would need a look too.
    harness.clock.advance(2000);
    workspace.closeConversation(call, { channel: 'Phone', serviceCode: 'Health Coaching 001' });
    await harness.settle();
    const member = await harness.store.findMember('M-1');
    expect(member?.conversations.map(({ state }) => state)).toEqual(['closed']);
  });
});

describe('some calls fail', () => {
  test.each([1, 2])('a third, for two minutes: all is right soon after (seed %i)', async (seed) => {
    const harness = await outageOf(40, { workspace: { seed } }, async (world) => {
      const { workspace } = world;
      for (const kind of CALL_FAILURES) workspace.faults.sometimes({}, 1 / 15, kind);
      await letPass(world, 60);
      for (const { id } of workspace.contacts().slice(0, 20)) {
        const call = workspace.addConversation({ contactIds: [id], adminId: 5_210_001 }).id;
        workspace.closeConversation(call, { channel: 'Phone', serviceCode: 'Health Coaching 001' });
      }
      await letPass(world, 60);
    });
    harness.workspace.faults.clear();
    await letPass(harness, HEALED_WITHIN_S);
    expect(await harness.wrongAttributes()).toEqual([]);
    expect(harness.workspace.windows.refused).toBe(0);
  });

  test('all writes, while reads work: no contact is asked more than a few times, and all is right soon after', async () => {
    const harness = await outageOf(60, {}, async (world) => {
      world.workspace.faults.always({ method: 'PUT' }, { kind: 'status', status: 503 });
      await letPass(world, 300);
    });
    const { workspace } = harness;
    expect(workspace.calls.matching({ method: 'PUT' }).length).toBeLessThanOrEqual(60 + 300 / 2);
    expect(await harness.store.parked()).toEqual([]);
    workspace.faults.clear();
    // One at a time until one succeeds.
    await letPass(harness, HEALED_WITHIN_S);
    expect(await harness.wrongAttributes()).toEqual([]);
  });

  test('the only write there is', async () => {
    const harness = await outageOf(1, {}, async (world) => {
      world.workspace.faults.always({ method: 'PUT' }, { kind: 'gateway', status: 503 });
      await letPass(world, 600);
    });
    harness.workspace.faults.clear();
    await letPass(harness, HEALED_WITHIN_S);
    expect(await harness.wrongAttributes()).toEqual([]);
  });

  test('one contact alone, with a page of a gateway: it is retried ever more rarely, parked in the end, and holds nobody up', async () => {
    const bad = { id: '' };
    const harness = await outageOf(5, {}, async (world) => {
      const { workspace, clock } = world;
      bad.id = workspace.contacts()[0]?.id ?? '';
      workspace.faults.always(
        { path: `/contacts/${bad.id}`, method: 'PUT' },
        { kind: 'gateway', status: 413 },
      );
      await world.settle();
      for (const { id } of workspace.contacts().slice(1)) {
        const call = workspace.addConversation({ contactIds: [id], adminId: 5_210_001 }).id;
        workspace.closeConversation(call, { channel: 'Phone', serviceCode: 'Health Coaching 001' });
        await letPass(world, 2);
      }
      await letPass(world, 120);
      const soon = workspace.calls.matching({ path: `/contacts/${bad.id}`, method: 'PUT' }).length;
      expect(soon, 'with growing delays').toBeLessThanOrEqual(9);
      for (let hour = 0; hour < 80; hour += 1) {
        await world.settle();
        clock.advance(3_600_000);
      }
    });
    const tries = harness.workspace.calls.matching({ path: `/contacts/${bad.id}`, method: 'PUT' }).length;
    expect(tries).toBeGreaterThanOrEqual(10);
    expect(tries).toBeLessThanOrEqual(100);
    expect(await harness.store.parked()).toMatchObject([
      { kind: 'write', id: bad.id, reason: expect.stringContaining('413') },
    ]);
    const wrong = await harness.wrongAttributes();
    expect(new Set(wrong.map(({ contactId }) => contactId))).toEqual(new Set([bad.id]));
  });
});

test.each<[string, CallFault]>([
  [
    'a pause of thirty years',
    {
      kind: 'answer',
      status: 429,
      headers: { 'Retry-After': '1000000000', 'X-RateLimit-Reset': '4102444800' },
      body: { type: 'error.list', errors: [{ code: 'rate_limit_exceeded' }] },
    },
  ],
  [
    'a window that ends in 2100',
    { kind: 'headers', headers: { 'X-RateLimit-Reset': '4102444800', 'X-RateLimit-Remaining': '0' } },
  ],
  [
    'no room at all',
    { kind: 'headers', headers: { 'X-RateLimit-Limit': '0', 'X-RateLimit-Remaining': '-1' } },
  ],
])('%s is over after a minute', async (_what, fault) => {
  const harness = await outageOf(3, {}, async (world) => {
    world.workspace.faults.next({}, fault);
    await world.settle();
  });
  await letPass(harness, 62);
  expect(await harness.wrongAttributes()).toEqual([]);
  expect(harness.workspace.calls.total).toBeLessThanOrEqual(20);
});

test('a stop ends what waits for Intercom at once', async () => {
  const harness = await outageOf(20, {}, async (world) => {
    world.workspace.faults.always({}, { kind: 'reset' });
    await letPass(world, 60);
  });
  const stopping = new AbortController();
  const job = runJob(
    harness.runDeps,
    { job: 'sweep', params: { lookbackDays: null, dryRun: false, force: false } },
    stopping.signal,
  );
  await new Promise((resolve) => setImmediate(resolve));
  stopping.abort();
  await expect(job).rejects.toMatchObject({ code: 'stopped' });
});

test('an outage of a day parks nothing: when Intercom is back, everything is written', async () => {
  const harness = await createHarness();
  const { workspace, clock } = harness;
  const id = workspace.addContact({ customAttributes: { 'Enrolled Date': '2026-10-01' } }).id;
  await harness.backfill();
  workspace.faults.always({}, { kind: 'status', status: 503 });
  const call = workspace.addConversation({ contactIds: [id], adminId: 5_210_001 }).id;
  workspace.closeConversation(call, { channel: 'Phone', serviceCode: 'Health Coaching 001' });
  await harness.settleWithRetries(24 * 3_600_000);
  expect(workspace.calls.writes).toBe(1);
  expect(await harness.store.parked()).toEqual([]);
  workspace.faults.clear();
  await harness.settleWithRetries();
  expect(await harness.wrongAttributes()).toEqual([]);
  expect(clock.nowMs()).toBeLessThan(Date.parse('2026-10-18T00:00:00Z'));
});
