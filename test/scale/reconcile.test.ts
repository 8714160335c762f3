import { expect, test } from 'vitest';
import { populate } from '../../src/sandbox/population.js';
import { createHarness } from '../support/harness.js';

const NIGHTLY = { job: 'reconcile', params: { lookbackDays: null, dryRun: false, force: false } } as const;
const MEMBERS = 10_000;

test('a day of lost webhooks among 10,000 members: one run finds exactly who is wrong, and writes once for each', async () => {
  const harness = await createHarness({ workspace: { logLength: 100_000 } });
  const { workspace, clock, store } = harness;
  populate(workspace, { members: MEMBERS, seed: 77 });
  const pages =
    Math.ceil(workspace.conversations().length / 150) + Math.ceil(workspace.contacts().length / 150);
  workspace.calls.clear();
  const filled = await harness.backfill();
  expect(filled.status).toBe('done');
  expect(workspace.conversations().length).toBeGreaterThan(90_000);
  expect(workspace.calls.matching({ path: /\/search$/ }).length).toBeLessThanOrEqual(1.05 * pages + 4);
  expect(await harness.wrongAttributes()).toEqual([]);

  // A day on which nothing of what coaches do is heard of.
  workspace.webhooks.stop();
  const open = workspace.conversations().filter(({ state }) => state !== 'closed');
  for (const [at, { id }] of open.slice(0, 400).entries()) {
    clock.advance(200_000);
    const serviceCode = at % 3 === 0 ? 'Nutrition 003' : 'Health Coaching 001';
    workspace.closeConversation(id, { channel: at % 2 === 0 ? 'Phone' : 'Video Conference', serviceCode });
  }
  await harness.settle();
  clock.advance(30 * 60_000);
  const wrong = await harness.wrongAttributes();
  const members = new Set(wrong.map(({ contactId }) => contactId));
  expect(members.size).toBeGreaterThan(100);

  workspace.calls.clear();
  const run = await harness.runJob(NIGHTLY);
  expect(run).toMatchObject({
    status: 'done',
    result: { compared: expect.any(Number), changed: members.size },
  });
  const nameOf = ({ contactId, attribute }: { contactId: string; attribute: string }): string =>
    `${contactId} ${attribute}`;
  const { differences } = await store.listDrift({ runId: run.id, limit: 100_000, after: null });
  expect(differences.map(nameOf).toSorted()).toEqual(wrong.map(nameOf).toSorted());
  expect(workspace.calls.matching({ method: 'PUT' }).length).toBe(members.size);
  expect(await harness.wrongAttributes()).toEqual([]);
  const { completeAt } = await store.freshness();
  expect(completeAt).not.toBeNull();
}, 600_000);
