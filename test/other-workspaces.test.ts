import { expect, test } from 'vitest';
import { createHarness, type Harness, type HarnessOptions } from './support/harness.js';

const OURS = 'sandbox1';

interface Event {
  readonly id: string | null;
  readonly appId?: string | null | undefined;
  readonly topic?: string;
  readonly item?: object;
  readonly attempt?: number;
}

async function send(harness: Harness, event: Event): Promise<number> {
  const {
    id,
    appId,
    topic = 'contact.deleted',
    item = { type: 'contact', id: 'c-1', deleted: true },
  } = event;
  const body = JSON.stringify({
    type: 'notification_event',
    ...(appId === undefined ? {} : { app_id: appId }),
    id,
    topic,
    created_at: Math.floor(harness.clock.nowMs() / 1000),
    delivery_status: event.attempt === undefined ? 'pending' : 'retry',
    delivery_attempts: event.attempt ?? 1,
    data: { type: 'notification_event_data', item },
  });
  const answer = await harness.app.request('/webhooks/intercom', { method: 'POST', ...harness.signed(body) });
  return answer.status;
}

async function webhookResults(harness: Harness): Promise<Record<string, number>> {
  const { values } = await harness.metrics.webhooks.get();
  const results: Record<string, number> = {};
  for (const { labels, value } of values) {
    const result = String(labels.result);
    results[result] = (results[result] ?? 0) + value;
  }
  return results;
}

async function harnessWithMember(
  options: HarnessOptions = {},
): Promise<Harness & { readonly memberId: string }> {
  const harness = await createHarness(options);
  const member = harness.workspace.addContact({
    externalId: 'M-1',
    customAttributes: { 'Enrolled Date': Date.parse('2026-10-01T00:00:00Z') / 1000 },
  });
  await harness.backfill();
  return { ...harness, memberId: member.id };
}

/** As `serve` does once the token is checked. */
async function bind(harness: Harness, id = OURS): Promise<void> {
  await harness.store.bindWorkspace({ id, timeZone: 'America/New_York' });
}

const foreignContact = {
  type: 'contact',
  id: 'foreign-1',
  role: 'user',
  external_id: 'X-1',
  name: 'Somebody Else',
  email: 'else@elsewhere.example',
  created_at: 1_790_000_000,
  updated_at: 1_790_000_000,
  custom_attributes: { 'Enrolled Date': 1_790_000_000 },
};

test('a notification of another workspace is answered 200 and counted, and nothing of it is stored or believed', async () => {
  const harness = await harnessWithMember();
  await bind(harness);
  const storedBefore = await harness.store.recentNotifications(10, harness.clock.nowMs());
  const deletion = { type: 'contact', id: harness.memberId, deleted: true };
  expect(await send(harness, { id: 'notif_1', appId: 'zz99', item: deletion })).toBe(200);
  expect(
    await send(harness, {
      id: 'notif_2',
      appId: 'zz99',
      topic: 'contact.user.created',
      item: foreignContact,
    }),
  ).toBe(200);
  expect(await send(harness, { id: 'notif_3', appId: 'zz99', topic: 'ticket.created' })).toBe(200);
  await harness.settle();
  expect(await harness.store.findMember(harness.memberId)).not.toBeNull();
  expect(await harness.store.findMember('foreign-1')).toBeNull();
  expect(await harness.store.recentNotifications(10, harness.clock.nowMs())).toEqual(storedBefore);
  expect(await webhookResults(harness)).toMatchObject({ other_workspace: 3 });
  // The same event of our own workspace is still believed.
  expect(await send(harness, { id: 'notif_1', appId: OURS, item: deletion })).toBe(200);
  await harness.settle();
  expect(await harness.store.findMember(harness.memberId)).toBeNull();
});

test('before the workspace is known it is stored, and judged when its turn comes', async () => {
  const harness = await createHarness();
  await send(harness, { id: 'notif_1', appId: 'zz99', topic: 'contact.user.created', item: foreignContact });
  expect(await webhookResults(harness)).toEqual({ stored: 1 });
  await bind(harness);
  await harness.settle();
  expect(await harness.store.findMember('foreign-1')).toBeNull();
  const [kept] = await harness.store.recentNotifications(10, harness.clock.nowMs());
  expect(kept).toMatchObject({ status: 'ignored', subject: null });
  expect(await webhookResults(harness)).toEqual({ stored: 1, other_workspace: 1 });
  expect(await harness.store.otherWorkspaces()).toMatchObject({ count: 1, workspaces: [{ id: 'zz99' }] });
});

test.each([null, undefined])('without an app_id (%s) it is ours', async (appId) => {
  const harness = await harnessWithMember();
  await bind(harness);
  const deletion = { type: 'contact', id: harness.memberId, deleted: true };
  await send(harness, { id: 'notif_1', appId, item: deletion });
  await harness.settle();
  expect(await harness.store.findMember(harness.memberId)).toBeNull();
});

test('many cost few writes, and the activity page says how many, from where and when the last one came', async () => {
  const harness = await harnessWithMember();
  await bind(harness);
  for (let index = 0; index < 40; index += 1) {
    await send(harness, { id: `notif_${index}`, appId: `zz${index}` });
  }
  harness.clock.advance(5000);
  await new Promise((resolve) => setImmediate(resolve));
  await new Promise((resolve) => setImmediate(resolve));
  const others = await harness.store.otherWorkspaces();
  expect(others?.count).toBe(40);
  expect(others?.workspaces.length).toBeLessThanOrEqual(10);
  const page = await (await harness.get('/intercom/activity')).text();
  expect(page).toContain('40 notifications from other workspaces');
  expect(page).toContain('zz0');
});

test('a known id with another signed content is an event of its own; another delivery is not', async () => {
  const harness = await harnessWithMember();
  const { stored = 0 } = await webhookResults(harness);
  const deletion = { type: 'contact', id: harness.memberId, deleted: true };
  expect(await send(harness, { id: 'notif_1', appId: OURS })).toBe(200);
  expect(await send(harness, { id: 'notif_1', appId: OURS, attempt: 2 })).toBe(200);
  expect(await send(harness, { id: 'notif_1', appId: OURS, item: deletion })).toBe(200);
  expect(await send(harness, { id: 'notif_1', appId: OURS, item: deletion, attempt: 2 })).toBe(200);
  expect(await webhookResults(harness)).toEqual({ stored: stored + 2, duplicate: 2 });
  await harness.settle();
  expect(await harness.store.findMember(harness.memberId)).toBeNull();
});
