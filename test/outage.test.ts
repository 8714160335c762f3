import { expect, test } from 'vitest';
import { closeRandomCall, editRandomContact } from '../src/sandbox/coaches.js';
import { populate } from '../src/sandbox/population.js';
import { createRandom } from '../src/sandbox/random.js';
import { CALL_FAILURES } from './support/call-failures.js';
import { createHarness } from './support/harness.js';

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
