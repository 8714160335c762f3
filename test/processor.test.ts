import { expect, onTestFinished, test } from 'vitest';
import { createProcessor } from '../src/process/processor.js';
import { createHarness } from './support/harness.js';
import { addMember } from './support/report-workspace.js';

test('what comes in does not wait behind our own reads, however slow Intercom is', async () => {
  const gate = Promise.withResolvers<void>();
  const reading = { count: 0 };
  const harness = await createHarness({
    settleAfterSeconds: 120,
    wrapIntercom: (intercom) => ({
      ...intercom,
      readConversation: async (...parameters) => {
        reading.count += 1;
        await gate.promise;
        return intercom.readConversation(...parameters);
      },
    }),
  });
  const { workspace, store, clock, metrics, runDeps } = harness;
  const ids = Array.from({ length: 30 }, (_, index) => addMember(workspace, { externalId: `M-${index}` }));
  await harness.backfill();
  const close = (contactId: string): void => {
    const { id } = workspace.addConversation({ contactIds: [contactId], adminId: 5_210_001 });
    // Two snapshots of one second would have to be settled by a read.
    clock.advance(2000);
    workspace.closeConversation(id, { channel: 'Phone', serviceCode: 'Health Coaching 001' });
  };
  for (const id of ids.slice(1, 30)) close(id);
  await harness.settle();
  // Each is looked at again now, and Intercom does not answer.
  clock.advance(130_000);
  const processor = createProcessor({ ...runDeps, metrics, settleAfterSeconds: 0 });
  onTestFinished(() => processor.stop());
  processor.start();
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  while (reading.count < 8) await turn();
  close(ids[0] ?? '');
  await workspace.webhooks.drained();
  const sessions = async (): Promise<number> =>
    (await store.findMember('M-0'))?.conversations.filter(({ state }) => state === 'closed').length ?? 0;
  while ((await sessions()) === 0) await turn();
  expect(reading.count).toBe(8);
  gate.resolve();
});
