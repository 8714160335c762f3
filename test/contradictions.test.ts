import { expect, test } from 'vitest';
import type { CallFault } from '../src/sandbox/faults.js';
import { createHarness, type Harness } from './support/harness.js';
import { addMember, COACH } from './support/report-workspace.js';

const AT = '2026-10-15T15:00:00Z';
const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
/** Two calls for each attempt, ten attempts, and what comes before. */
const MAX_CALLS = 40;

function enrolled({ workspace }: Harness): string {
  return addMember(workspace, { attributes: { 'Enrolled Date': '2026-10-01' } });
}

function closeCall({ workspace }: Harness, contactId: string): void {
  const { id } = workspace.addConversation({ contactIds: [contactId], adminId: COACH });
  workspace.closeConversation(id, { channel: 'Phone', serviceCode: 'Health Coaching 001' });
}

/** Every call for these contacts is answered so. */
function pointEachOther({ workspace }: Harness, ids: readonly string[]): void {
  ids.forEach((id, index) => {
    const intoId = ids[(index + 1) % ids.length] ?? id;
    workspace.faults.always({ path: `/contacts/${id}` }, { kind: 'absence', status: 410, intoId });
  });
}

async function whatIsParked({ store }: Harness): Promise<string[]> {
  return (await store.parked()).map(({ kind, reason }) => `${kind}: ${reason}`);
}

test('a contact that PUT denies and GET finds: few calls, a growing delay, then it is parked with the reason', async () => {
  const harness = await createHarness({ at: AT });
  const { workspace, store } = harness;
  const id = enrolled(harness);
  await harness.backfill();
  workspace.faults.always({ method: 'PUT' }, { kind: 'absence', status: 404 });
  closeCall(harness, id);
  workspace.calls.clear();
  await harness.settleWithRetries(15_000);
  expect(workspace.calls.total).toBeLessThan(20);
  await harness.settleWithRetries(DAY_MS);
  expect(workspace.calls.total).toBeLessThan(MAX_CALLS);
  expect(await whatIsParked(harness)).toEqual([
    'write: intercom_answer_unreadable: PUT /contacts/{id}: not there, although GET finds it',
  ]);
  expect(await store.findMember(id), 'nobody was erased').not.toBeNull();

  workspace.faults.clear();
  await store.replay('all', harness.clock.nowMs());
  await harness.settleWithRetries();
  expect(await harness.wrongAttributes()).toEqual([]);
});

test('new events about such a contact do not begin the count anew', async () => {
  const harness = await createHarness({ at: AT });
  const { workspace, clock } = harness;
  const id = enrolled(harness);
  await harness.backfill();
  workspace.faults.always({ method: 'PUT' }, { kind: 'absence', status: 404 });
  workspace.calls.clear();
  for (let second = 0; second < 60; second += 1) {
    clock.advance(2000);
    closeCall(harness, id);
    await harness.settle();
  }
  expect(workspace.calls.matching({ method: 'PUT' }).length).toBeLessThan(15);
});

test.each([
  ['itself', 1],
  ['another one that points back', 2],
  ['a long row of others', 9],
])('a member that was merged into %s: few calls, then parked', async (_whom, length) => {
  const harness = await createHarness({ at: AT });
  const { workspace, store } = harness;
  const id = enrolled(harness);
  await harness.backfill();
  const others = Array.from({ length: length - 1 }, () => workspace.addContact({ role: 'lead' }).id);
  await harness.settle();
  pointEachOther(harness, [id, ...others]);
  closeCall(harness, id);
  workspace.calls.clear();
  await harness.settleWithRetries(15_000);
  expect(workspace.calls.total).toBeLessThan(50);
  await harness.settleWithRetries(DAY_MS);
  expect(workspace.calls.total).toBeLessThan(120);
  const parked = await whatIsParked(harness);
  expect(parked).not.toEqual([]);
  for (const reason of parked) expect(reason).toMatch(/^\w+: intercom_answer_unreadable: GET .*merged/);
  expect(await store.findMember(id), 'nobody was erased').not.toBeNull();
});

test.each([
  ['itself', 1],
  ['another one that points back', 2],
])('a conversation of an unknown contact that was merged into %s is parked', async (_whom, length) => {
  const harness = await createHarness({ at: AT });
  const { workspace } = harness;
  await harness.backfill();
  workspace.webhooks.stop();
  const ids = Array.from({ length }, () => enrolled(harness));
  workspace.webhooks.deliverTo((request) => harness.app.fetch(request));
  pointEachOther(harness, ids);
  workspace.calls.clear();
  closeCall(harness, ids[0] ?? '');
  await harness.settleWithRetries(DAY_MS);
  expect(workspace.calls.total).toBeLessThan(3 * MAX_CALLS);
  expect(await whatIsParked(harness)).not.toEqual([]);
});

test('a write that is answered with another contact counts for none of its own', async () => {
  let otherId = '';
  const harness = await createHarness({
    at: AT,
    wrapIntercom: (intercom) => ({
      ...intercom,
      updateContact: (_id, _attributes, how) => intercom.readContact(otherId, how),
    }),
  });
  const id = enrolled(harness);
  otherId = harness.workspace.addContact({ role: 'lead' }).id;
  await harness.backfill();
  await harness.settleWithRetries(DAY_MS);
  expect(harness.workspace.calls.total).toBeLessThan(3 * MAX_CALLS);
  expect(await whatIsParked(harness)).toHaveLength(1);
  const writes = (await harness.store.findMember(id))?.writes ?? [];
  expect(writes.map(({ outcome }) => outcome)).toEqual(['parked', 'parked']);
});

test('a sweep leaves a contact that contradicts itself as it is, and ends', async () => {
  let hiddenId = '';
  const harness = await createHarness({
    at: AT,
    wrapIntercom: (intercom) => ({
      ...intercom,
      searchContacts: async (...parameters) => {
        const page = await intercom.searchContacts(...parameters);
        const items = page.items.filter((item) => item.id !== hiddenId);
        const hidden = page.items.length - items.length;
        return { ...page, items, totalCount: (page.totalCount ?? hidden) - hidden };
      },
    }),
  });
  const [id, other] = [enrolled(harness), enrolled(harness)];
  await harness.backfill();
  harness.clock.advance(HOUR_MS);
  hiddenId = id;
  pointEachOther(harness, [id]);
  const params = { lookbackDays: null, dryRun: false, force: false };
  expect((await harness.runJob({ job: 'reconcile', params })).status).toBe('done');
  expect(await harness.store.findMember(id)).not.toBeNull();
  expect(await harness.store.findMember(other)).not.toBeNull();
  expect(await whatIsParked(harness)).toEqual([
    "contact: what Intercom answers (it contradicts itself) of the contact is missing or can't be read",
  ]);
});

test('three hops of real merges are followed to the survivor', async () => {
  const harness = await createHarness({ at: AT });
  const { workspace, store } = harness;
  const ids = Array.from({ length: 4 }, () => enrolled(harness));
  await harness.backfill();
  const survivor = ids[3] ?? '';
  workspace.webhooks.stop();
  ids.slice(0, 3).forEach((id, index) => {
    const fault: CallFault = { kind: 'absence', status: 410, intoId: ids[index + 1] ?? '' };
    workspace.faults.always({ path: `/contacts/${id}` }, fault);
  });
  workspace.webhooks.deliverTo((request) => harness.app.fetch(request));
  closeCall(harness, ids[0] ?? '');
  await harness.settleWithRetries();
  expect(await store.parked()).toEqual([]);
  expect(await store.findMember(ids[0] ?? '')).toBeNull();
  expect((await store.findMember(survivor))?.conversations).toHaveLength(1);
});
