import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { signBody } from '../src/intercom/signature.js';
import type { Workspace } from '../src/sandbox/workspace.js';
import { closeCalls } from './support/closed-calls.js';
import { createHarness, type Harness } from './support/harness.js';

const AT = '2026-10-15T15:00:00Z';

/** A member whose attributes are right already, so that one close changes exactly what it should. */
function addMember(workspace: Workspace, attributes: Record<string, string | number> = {}): string {
  const enrolledAt = Date.parse('2026-07-01T00:00:00Z') / 1000;
  return workspace.addContact({
    externalId: `M-${workspace.contacts().length + 1}`,
    name: 'Invented Member',
    customAttributes: { 'Enrolled Date': enrolledAt, ...attributes },
  }).id;
}

function startCall(workspace: Workspace, contactId: string): string {
  return workspace.addConversation({
    contactIds: [contactId],
    adminId: 5_210_001,
    startedBy: 'admin',
    sourceType: 'phone_call',
  }).id;
}

async function receivedCount(harness: Harness, result: string): Promise<number> {
  const values = await harness.metrics.webhooks.get();
  return values.values
    .filter(({ labels }) => labels.result === result)
    .reduce((sum, { value }) => sum + value, 0);
}

test('a closed call reaches the member: every maintained attribute, in one write', async () => {
  const harness = await createHarness({ at: AT });
  const { workspace } = harness;
  const id = addMember(workspace, { Referral: 'Counter Health' });
  await harness.backfill();
  const call = startCall(workspace, id);
  await harness.settle();
  workspace.calls.clear();

  workspace.closeConversation(call, { channel: 'Phone', serviceCode: 'Health Coaching 001' });
  await harness.settle();

  const closedAt = Date.parse(AT) / 1000;
  expect(workspace.contact(id).customAttributes).toMatchObject({
    'Last Coaching Session': closedAt,
    'First Session Date': closedAt,
    'Last Call': closedAt,
    'Engagement Status': 'Engaged',
    'Engagement Status Date': closedAt,
    'Eligible Programs': 'Smart Access',
  });
  const writes = workspace.calls.matching({ method: 'PUT' });
  expect(writes).toHaveLength(1);
  expect(writes[0]?.body).not.toHaveProperty('custom_attributes.Eligible Programs');
});

test('our own write coming back as a webhook ends in no further write', async () => {
  const harness = await createHarness({ at: AT, workspace: { echo: 'always' } });
  const { workspace } = harness;
  const id = addMember(workspace);
  await harness.backfill();
  workspace.closeConversation(startCall(workspace, id), {
    channel: 'Phone',
    serviceCode: 'Disease Management 002',
  });
  await harness.settle();
  const echoes = workspace.webhooks.deliveries.filter(({ topic }) => topic === 'contact.user.updated');
  expect(echoes.length).toBeGreaterThan(0);
  const before = workspace.calls.writes;
  harness.clock.advance(60_000);
  await harness.settle();
  expect(workspace.calls.writes).toBe(before);
});

// `npm run test:scale` closes a hundred.
test('closed calls: all attributes right, one write for each member whose attributes change', async () => {
  expect(await closeCalls(12, 8)).toEqual({ wrong: [], changed: 12, writes: 12 });
});

test('repeated, reordered and stale deliveries change nothing', async () => {
  const harness = await createHarness({ at: AT });
  const { workspace, clock, app } = harness;
  const id = addMember(workspace);
  await harness.backfill();
  const call = startCall(workspace, id);
  workspace.closeConversation(call, { channel: 'Phone', serviceCode: 'Health Coaching 001' });
  await harness.settle();
  clock.advance(60_000);
  workspace.reopenConversation(call);
  await harness.settle();
  clock.advance(60_000);
  workspace.closeConversation(call, { channel: 'Phone', serviceCode: 'Health Coaching 001' });
  await harness.settle();
  const right = workspace.contact(id).customAttributes;
  const writes = workspace.calls.writes;
  expect(await harness.wrongAttributes()).toEqual([]);

  const sent = workspace.webhooks.deliveries.map(({ body }) => body);
  // The same notifications again, newest first; then as new notifications (other ids) with the old content.
  for (const body of sent.toReversed()) {
    const renamed = new TextEncoder().encode(
      new TextDecoder().decode(body).replace(/notif_[0-9a-f-]+/, () => `notif_${crypto.randomUUID()}`),
    );
    for (const copy of [body, renamed]) {
      const answer = await app.request('/webhooks/intercom', {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'x-hub-signature': signBody(copy, workspace.settings.clientSecret),
        },
        body: copy,
      });
      expect(answer.status).toBe(200);
    }
    await harness.settle();
  }
  expect(workspace.contact(id).customAttributes).toEqual(right);
  expect(workspace.calls.writes).toBe(writes);
  expect(await receivedCount(harness, 'duplicate')).toBe(sent.length);
});

test('a reopened call takes its attributes back, and a later close sets them again', async () => {
  const harness = await createHarness({ at: AT });
  const { workspace, clock } = harness;
  const id = addMember(workspace);
  await harness.backfill();
  const call = startCall(workspace, id);
  workspace.closeConversation(call, { channel: 'Phone', serviceCode: 'Health Coaching 001' });
  await harness.settle();
  clock.advance(3_600_000);
  workspace.reopenConversation(call);
  await harness.settle();
  expect(workspace.contact(id).customAttributes['Last Coaching Session'] ?? null).toBeNull();
  expect(workspace.contact(id).customAttributes['Engagement Status']).toBe('Unengaged');
  clock.advance(3_600_000);
  workspace.closeConversation(call, {});
  await harness.settle();
  expect(workspace.contact(id).customAttributes['Last Coaching Session']).toBe(clock.nowMs() / 1000);
  expect(await harness.wrongAttributes()).toEqual([]);
});

test('attributes set just after closing are found when the conversation is looked at again', async () => {
  const harness = await createHarness({ at: AT, settleAfterSeconds: 120 });
  const { workspace, clock } = harness;
  const id = addMember(workspace);
  await harness.backfill();
  const call = startCall(workspace, id);
  workspace.closeConversation(call, { channel: 'Phone' });
  await harness.settle();
  clock.advance(30_000);
  workspace.setConversationAttributes(call, { 'Service Code': 'Health Coaching 001' });
  await harness.settle();
  expect(workspace.contact(id).customAttributes['Last Coaching Session'] ?? null).toBeNull();
  clock.advance(90_000);
  await harness.settle();
  expect(workspace.contact(id).customAttributes['Last Coaching Session']).toBe(Date.parse(AT) / 1000);
});

test('attributes set in the second of the close, with the same updated_at, are settled by reading again', async () => {
  const harness = await createHarness({ at: AT });
  const { workspace } = harness;
  const id = addMember(workspace);
  await harness.backfill();
  const call = startCall(workspace, id);
  workspace.closeConversation(call, { channel: 'Phone' });
  await workspace.webhooks.drained();
  workspace.setConversationAttributes(call, { 'Service Code': 'Health Coaching 001' });
  workspace.assignConversation(call, 5_210_002);
  await harness.settle();
  expect(workspace.contact(id).customAttributes['Last Coaching Session']).toBe(Date.parse(AT) / 1000);
});

test('a payload without close time, and a contact never seen before, are completed by reading', async () => {
  const harness = await createHarness({ at: AT, workspace: { closeTimeInWebhook: false } });
  const { workspace } = harness;
  await harness.backfill();
  workspace.webhooks.stop();
  const id = addMember(workspace);
  const call = startCall(workspace, id);
  workspace.webhooks.deliverTo((request) => harness.app.fetch(request));
  workspace.closeConversation(call, { channel: 'Phone', serviceCode: 'Health Coaching 001' });
  await harness.settle();
  expect(workspace.contact(id).customAttributes['Engagement Status']).toBe('Engaged');
  expect(await harness.wrongAttributes()).toEqual([]);
});

test.each([true, false])(
  'a merge moves the calls to the survivor (merged_from in the payload: %s)',
  async (mergedFrom) => {
    const harness = await createHarness({ at: AT, workspace: { mergedFrom } });
    const { workspace, clock } = harness;
    const absorbed = addMember(workspace);
    const survivor = addMember(workspace);
    await harness.backfill();
    workspace.closeConversation(startCall(workspace, absorbed), {
      channel: 'Phone',
      serviceCode: 'Health Coaching 001',
    });
    await harness.settle();
    clock.advance(60_000);
    workspace.mergeContacts(absorbed, survivor);
    await harness.settleWithRetries();
    expect(workspace.contact(survivor).customAttributes['Last Coaching Session']).toBe(Date.parse(AT) / 1000);
    expect(await harness.wrongAttributes()).toEqual([]);
  },
);

test('archived members are left alone, and right again after being unarchived', async () => {
  const harness = await createHarness({ at: AT });
  const { workspace, clock } = harness;
  const id = addMember(workspace);
  await harness.backfill();
  const call = startCall(workspace, id);
  workspace.archiveContact(id);
  await harness.settle();
  const before = workspace.calls.writes;
  workspace.closeConversation(call, { channel: 'Phone', serviceCode: 'Health Coaching 001' });
  await harness.settle();
  expect(workspace.calls.writes).toBe(before);
  expect((await harness.get(`/API/intercom/members/${id}`)).status).toBe(404);
  clock.advance(60_000);
  workspace.unarchiveContact(id);
  await harness.settle();
  expect(await harness.wrongAttributes()).toEqual([]);
  expect((await harness.get(`/API/intercom/members/${id}`)).status).toBe(200);
});

test('a deleted member is gone, and late notifications do not bring the person back', async () => {
  const harness = await createHarness({ at: AT });
  const { workspace, clock } = harness;
  const id = addMember(workspace);
  await harness.backfill();
  const call = startCall(workspace, id);
  await harness.settle();
  clock.advance(10_000);
  workspace.deliveryFaults.next({ topic: 'contact.user.updated' }, { kind: 'reordered' });
  workspace.updateContact(id, { name: 'Late Name' });
  workspace.deleteContact(id);
  await harness.settle();
  workspace.closeConversation(call, { channel: 'Phone', serviceCode: 'Health Coaching 001' });
  await harness.settle();
  expect((await harness.get(`/API/intercom/members/${id}`)).status).toBe(404);
  expect(await harness.store.parked()).toEqual([]);
});

test('a lead is cached but never written, until it signs up', async () => {
  const harness = await createHarness({ at: AT });
  const { workspace, clock } = harness;
  await harness.backfill();
  const lead = workspace.addContact({ role: 'lead', customAttributes: { 'Enrolled Date': '2026-10-01' } }).id;
  workspace.closeConversation(startCall(workspace, lead), {
    channel: 'Phone',
    serviceCode: 'Health Coaching 001',
  });
  await harness.settle();
  expect(workspace.calls.writes).toBe(0);
  clock.advance(5000);
  workspace.signUpLead(lead, 'M-777');
  await harness.settle();
  expect(workspace.contact(lead).customAttributes['Engagement Status']).toBe('Engaged');
});

test('a hand edit of a maintained attribute is put right', async () => {
  const harness = await createHarness({ at: AT });
  const { workspace, clock } = harness;
  const id = addMember(workspace);
  await harness.backfill();
  workspace.closeConversation(startCall(workspace, id), {
    channel: 'Phone',
    serviceCode: 'Health Coaching 001',
  });
  await harness.settle();
  clock.advance(5000);
  workspace.updateContact(id, { customAttributes: { 'Engagement Status': 'Unengaged', 'Last Call': null } });
  await harness.settle();
  expect(await harness.wrongAttributes()).toEqual([]);
  expect(workspace.contact(id).customAttributes['Engagement Status']).toBe('Engaged');
});

test('a workspace that cuts dates to their day is not written to for ever', async () => {
  const harness = await createHarness({ at: AT, workspace: { dateStorage: 'day' } });
  const { workspace, clock } = harness;
  const id = addMember(workspace);
  await harness.backfill();
  workspace.closeConversation(startCall(workspace, id), {
    channel: 'Phone',
    serviceCode: 'Health Coaching 001',
  });
  await harness.settle();
  const writes = workspace.calls.writes;
  clock.advance(5000);
  workspace.updateContact(id, { name: 'Another Name' });
  await harness.settle();
  expect(workspace.calls.writes).toBe(writes);
});

test('a value that Intercom takes and does not keep is tried again with growing delays, not for ever at once', async () => {
  let isTaken = false;
  const harness = await createHarness({
    at: AT,
    wrapIntercom: (intercom) => ({
      ...intercom,
      updateContact: (id, attributes, options) => {
        const { 'Engagement Status': _dropped, ...others } = attributes;
        return intercom.updateContact(id, isTaken ? attributes : others, options);
      },
    }),
  });
  const { workspace } = harness;
  const id = addMember(workspace);
  await harness.backfill();
  expect(workspace.calls.writes).toBe(1);
  await harness.settleWithRetries(60_000);
  expect(workspace.calls.writes).toBeLessThan(10);
  expect(workspace.contact(id).customAttributes['Engagement Status']).toBeUndefined();
  isTaken = true;
  await harness.settleWithRetries();
  expect(await harness.wrongAttributes()).toEqual([]);
});

/** Sends the latest payload of the contact once more, as if Intercom had made another one of it. */
async function sendAgain(harness: Harness, id: string, change: (item: Payload) => void): Promise<void> {
  const last = harness.workspace.webhooks.deliveries.findLast(
    ({ topic, body }) => topic === 'contact.user.updated' && Buffer.from(body).includes(id),
  );
  const payload: Payload & { data: { item: Payload } } = JSON.parse(Buffer.from(last?.body ?? []).toString());
  change(payload.data.item);
  const body = JSON.stringify({ ...payload, id: `notif_${randomUUID()}` });
  const answer = await harness.app.request('/webhooks/intercom', { method: 'POST', ...harness.signed(body) });
  expect(answer.status).toBe(200);
}

type Payload = Record<string, unknown> & { custom_attributes: Record<string, unknown> };

test('a payload that claims to be of the future is settled by reading, and holds up nothing that comes later', async () => {
  const harness = await createHarness({ at: AT });
  const { workspace, clock } = harness;
  const id = addMember(workspace);
  await harness.backfill();
  workspace.updateContact(id, { name: 'Another Name' });
  await harness.settle();
  const writes = workspace.calls.writes;
  await sendAgain(harness, id, (item) => {
    item['updated_at'] = clock.nowMs() / 1000 + 2 * 365 * 86_400;
    item.custom_attributes['Engagement Status'] = null;
  });
  await harness.settle();
  expect(workspace.calls.writes).toBe(writes);
  clock.advance(5000);
  workspace.updateContact(id, { name: 'A Third Name' });
  await harness.settle();
  expect((await harness.store.findMember(id))?.contact.name).toBe('A Third Name');
});

test('what Intercom answers to our own write is believed, whatever time it gives for it', async () => {
  const aYearAgo = Date.parse('2025-10-15T15:00:00Z') / 1000;
  const harness = await createHarness({
    at: AT,
    wrapIntercom: (intercom) => ({
      ...intercom,
      updateContact: async (...parameters) => {
        const answer = await intercom.updateContact(...parameters);
        if (answer.kind !== 'found') return answer;
        return { ...answer, contact: { ...answer.contact, updatedAt: aYearAgo } };
      },
    }),
  });
  const { workspace } = harness;
  const id = addMember(workspace);
  await harness.backfill();
  expect(workspace.calls.writes).toBe(1);
  expect((await harness.store.findMember(id))?.contact.attributes['Engagement Status']).toBe('Unengaged');
});

test('First Session Date from elsewhere is never touched, even when it appears right before the write', async () => {
  const harness = await createHarness({ at: AT });
  const { workspace } = harness;
  const id = addMember(workspace);
  await harness.backfill();
  const call = startCall(workspace, id);
  await harness.settle();
  workspace.closeConversation(call, { channel: 'Phone', serviceCode: 'Health Coaching 001' });
  await workspace.webhooks.drained();
  workspace.webhooks.stop();
  workspace.updateContact(id, { customAttributes: { 'First Session Date': 1_700_000_000 } });
  await harness.settle();
  expect(workspace.contact(id).customAttributes).toMatchObject({
    'First Session Date': 1_700_000_000,
    'Last Coaching Session': Date.parse(AT) / 1000,
  });
});

test("a refused attribute parks the write with Intercom's words, and a replay sends it once it is fixed", async () => {
  const harness = await createHarness({ at: AT });
  const { workspace } = harness;
  const id = addMember(workspace);
  await harness.backfill();
  workspace.renameContactAttribute('Last Call', 'Last Call (old)');
  workspace.closeConversation(startCall(workspace, id), {
    channel: 'Phone',
    serviceCode: 'Health Coaching 001',
  });
  await harness.settle();
  const [parked] = await harness.store.parked();
  expect(parked).toMatchObject({ kind: 'write', id, reason: expect.stringContaining('Last Call') });
  workspace.renameContactAttribute('Last Call (old)', 'Last Call');
  await harness.store.replay('all', harness.clock.nowMs());
  await harness.settle();
  expect(await harness.wrongAttributes()).toEqual([]);
  expect(await harness.store.parked()).toEqual([]);
});

test('a dry run does everything but send; switched off, what it held back is sent', async () => {
  const harness = await createHarness({ at: AT, dryRun: true });
  const { workspace, store } = harness;
  const id = addMember(workspace);
  await harness.backfill();
  workspace.closeConversation(startCall(workspace, id), {
    channel: 'Phone',
    serviceCode: 'Health Coaching 001',
  });
  await harness.settle();
  expect(workspace.calls.writes).toBe(0);
  const member = await store.findMember(id);
  expect(
    member?.writes.filter(({ outcome }) => outcome === 'held').map(({ attribute }) => attribute),
  ).toContain('Last Coaching Session');
  expect(harness.logLines.some((line) => line.includes('"result":"held"'))).toBe(true);
});
