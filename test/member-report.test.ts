import { expect, test } from 'vitest';
import { createHarness } from './support/harness.js';

test('a member is shown with the evidence of every attribute', async () => {
  const harness = await createHarness({ at: '2026-10-30T15:00:00Z' });
  const { workspace } = harness;
  const id = workspace.addContact({
    externalId: 'M-7',
    name: 'Invented Member',
    email: 'member@example.com',
    customAttributes: { 'Enrolled Date': Date.parse('2026-07-01T00:00:00Z') / 1000, Employer: ' Acme ' },
  }).id;
  const at = (instant: string): number => Date.parse(instant) / 1000;
  const counting = workspace.addConversation({ contactIds: [id], adminId: 5_210_001 }).id;
  workspace.closeConversation(counting, {
    at: at('2026-10-01T14:00:00Z'),
    channel: 'phone ',
    serviceCode: 'Health Coaching 001',
  });
  const missed = workspace.addConversation({ contactIds: [id], adminId: 5_210_001 }).id;
  workspace.closeConversation(missed, { at: at('2026-10-20T14:00:00Z'), channel: 'Phnoe' });
  await harness.backfill();

  const answer = await harness.get('/API/intercom/members/M-7');
  expect(answer.status).toBe(200);
  const body: unknown = await answer.json();
  expect(body).toMatchObject({
    generatedAt: at('2026-10-30T15:00:00Z'),
    asOf: { sweptAt: expect.any(Number), completeAt: null },
    timeZone: 'America/New_York',
    memberId: 'M-7',
    contactId: id,
    memberName: 'Invented Member',
    memberEmail: 'member@example.com',
    enrolledOn: '2026-07-01',
    registeredOn: null,
    status: 'At Risk',
    nextChange: { on: '2026-11-27', at: at('2026-11-27T05:00:00Z'), to: 'Unengaged' },
  });
  expect(body).toHaveProperty(
    'attributes',
    expect.arrayContaining([
      expect.objectContaining({
        attribute: 'Engagement Status',
        held: 'At Risk',
        wanted: 'At Risk',
        maintained: true,
        because:
          'At Risk because the last qualifying call, Phone · Health Coaching 001, closed on Oct 1, 2026, 29 days ago',
        conversationIds: [counting],
        figures: expect.objectContaining({ daysSince: 29, lastQualifyingOn: '2026-10-01' }),
      }),
      expect.objectContaining({ attribute: 'Eligible Programs', maintained: false }),
    ]),
  );
  expect(body).toHaveProperty(
    'sessions',
    expect.arrayContaining([
      expect.objectContaining({
        conversationId: counting,
        channel: 'Phone',
        coachId: '5210001',
        coachName: expect.any(String),
        timeOn: '2026-10-01',
        isQualifyingCall: true,
      }),
      expect.objectContaining({ conversationId: missed, channel: 'Phnoe', isQualifyingCall: false }),
    ]),
  );
  expect(body).toHaveProperty('nearMisses', [
    expect.objectContaining({
      conversationId: missed,
      reasons: expect.arrayContaining(['Channel unknown: Phnoe', 'Service Code empty']),
    }),
  ]);
  expect(body).toHaveProperty(
    'writes',
    expect.arrayContaining([
      expect.objectContaining({
        attribute: 'Engagement Status',
        after: 'At Risk',
        cause: expect.objectContaining({ kind: 'backfill' }),
        outcome: 'sent',
      }),
    ]),
  );
  const byContactId = await harness.get(`/API/intercom/members/${id}`);
  expect(await byContactId.json()).toMatchObject({ memberId: 'M-7', contactId: id });
});

test.each(['M-8', 'no such', '%F0%9F%98%80', '..%2F..%2Fmetrics', "'; drop table contacts; --"])(
  'nobody is found by %s',
  async (id) => {
    const answer = await (await createHarness()).get(`/API/intercom/members/${id}`);
    expect(answer.status).toBe(404);
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
  },
);
