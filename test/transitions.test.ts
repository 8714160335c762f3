import { expect, test } from 'vitest';
import { createHarness } from './support/harness.js';

test('a member whose 29th day comes at midnight New York time moves to At Risk then, with no event and no sweep', async () => {
  const harness = await createHarness({ at: '2026-10-01T21:30:00-04:00' });
  const { workspace, clock } = harness;
  const id = workspace.addContact({
    externalId: 'M-1',
    customAttributes: { 'Enrolled Date': '2026-01-05' },
  }).id;
  await harness.backfill();
  const call = workspace.addConversation({ contactIds: [id], adminId: 5_210_001 }).id;
  workspace.closeConversation(call, { channel: 'Phone', serviceCode: 'Health Coaching 001' });
  await harness.settle();
  workspace.webhooks.stop();
  const status = (): unknown => workspace.contact(id).customAttributes['Engagement Status'];
  expect(status()).toBe('Engaged');

  // 1 October + 29 days = 30 October; the clocks go back two days later, on 1 November.
  clock.set('2026-10-29T23:59:59-04:00');
  await harness.settle();
  expect(status()).toBe('Engaged');
  clock.set('2026-10-30T00:00:00-04:00');
  await harness.settle();
  expect(status()).toBe('At Risk');
  expect(workspace.contact(id).customAttributes['Engagement Status Date']).toBe(
    Date.parse('2026-10-30T00:00:00-04:00') / 1000,
  );

  clock.set('2026-11-26T23:59:59-05:00');
  await harness.settle();
  expect(status()).toBe('At Risk');
  clock.set('2026-11-27T00:00:00-05:00');
  await harness.settle();
  expect(status()).toBe('Unengaged');
  expect(await harness.store.nextTransitionAt()).toBeNull();
});

test('a member without any call becomes Unengaged on the 29th day after enrollment', async () => {
  const harness = await createHarness({ at: '2026-10-15T12:00:00-04:00' });
  const { workspace, clock } = harness;
  const enrolledAt = Date.parse('2026-10-10T00:00:00Z') / 1000;
  const id = workspace.addContact({ customAttributes: { 'Enrolled Date': enrolledAt } }).id;
  await harness.backfill();
  expect(workspace.contact(id).customAttributes['Engagement Status']).toBe('Engaged');
  clock.set('2026-11-08T00:00:00-05:00');
  await harness.settle();
  expect(workspace.contact(id).customAttributes['Engagement Status']).toBe('Unengaged');
});

test('changes that fell due while the service was down are applied at once, hundreds of them in small steps', async () => {
  const harness = await createHarness({ at: '2026-10-15T12:00:00-04:00' });
  const { workspace, clock } = harness;
  for (let number = 0; number < 120; number += 1)
    workspace.addContact({ customAttributes: { 'Enrolled Date': '2026-10-10' } });
  await harness.backfill();
  workspace.webhooks.stop();
  clock.set('2026-12-24T09:00:00-05:00');
  await harness.settle();
  expect(workspace.contacts().map((contact) => contact.customAttributes['Engagement Status'])).toEqual(
    Array.from({ length: 120 }, () => 'Unengaged'),
  );
  expect(await harness.wrongAttributes()).toEqual([]);
});
