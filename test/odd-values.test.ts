import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import { readContactObject, readConversationObject } from '../src/intercom/objects.js';
import { decideMember } from '../src/rules/member.js';
import { fold } from '../src/rules/text.js';
import { presentContact } from '../src/sandbox/present-contact.js';
import { presentConversation } from '../src/sandbox/present-conversation.js';
import { temporaryDirectory } from './support/command-line.js';
import { API_TOKEN, createHarness, type Harness } from './support/harness.js';
import { changeOf, contact, context, evidenceOf, member } from './support/rules-facts.js';

const AT = '2026-11-23T15:00:00Z';
const NOW = Date.parse(AT) / 1000;

async function deliver(harness: Harness, topic: string, item: object): Promise<void> {
  const body = JSON.stringify({
    type: 'notification_event',
    app_id: harness.workspace.settings.appId,
    id: `notif_${topic}_${JSON.stringify(item).length}_${harness.clock.nowMs()}`,
    topic,
    created_at: Math.floor(harness.clock.nowMs() / 1000),
    data: { type: 'notification_event_data', item },
  });
  const answer = await harness.app.request('/webhooks/intercom', { method: 'POST', ...harness.signed(body) });
  expect(answer.status).toBe(200);
  await harness.settle();
}

interface MemberAnswer {
  readonly client: string | null;
  readonly warnings: readonly { readonly attribute: string; readonly message: string }[];
  readonly attributes: readonly { readonly attribute: string; readonly wanted: unknown }[];
  readonly nearMisses: readonly { readonly reasons: readonly string[] }[];
}

async function memberOf(harness: Harness, id: string): Promise<MemberAnswer> {
  const answer: MemberAnswer = JSON.parse(await (await harness.get(`/API/intercom/members/${id}`)).text());
  return answer;
}

const wantedOf = ({ attributes }: MemberAnswer, name: string): unknown =>
  attributes.find(({ attribute }) => attribute === name)?.wanted;

/** Nothing is sent, so that what Intercom holds stays as the test has told it. */
async function harnessWithMember(): Promise<Harness & { readonly id: string }> {
  const harness = await createHarness({ at: AT, dryRun: true });
  const { id } = harness.workspace.addContact({ externalId: 'X-1' });
  await harness.backfill();
  return { ...harness, id };
}

function contactItem(harness: Harness, id: string, attributes: object, more: object = {}): object {
  const { workspace, clock } = harness;
  const shown = presentContact(workspace.contact(id), workspace.settings, '2.14');
  harness.clock.advance(1000);
  return {
    ...shown,
    ...more,
    updated_at: Math.floor(clock.nowMs() / 1000),
    custom_attributes: attributes,
  };
}

test('a list of one text is that text; other lists and objects are unreadable and warned of', async () => {
  const harness = await harnessWithMember();
  const { id } = harness;
  const single = { 'Enrolled Date': ['2026-11-15'], Employer: ['Acme'], Referral: ['Counter Health'] };
  await deliver(harness, 'contact.user.updated', contactItem(harness, id, single));
  const good = await memberOf(harness, id);
  expect(good.warnings).toEqual([]);
  expect(good.client).toBe('Acme');
  expect(wantedOf(good, 'Engagement Status')).toBe('Engaged');
  expect(wantedOf(good, 'Eligible Programs')).toBe('Smart Access');

  const others = {
    'Enrolled Date': ['2026-11-15', '2026-11-16'],
    Employer: { name: 'Acme' },
    Referral: [],
    'Registration Date': [1_790_000_000],
    'First Session Date': [['x']],
  };
  await deliver(harness, 'contact.user.updated', contactItem(harness, id, others));
  const bad = await memberOf(harness, id);
  expect(bad.warnings.map(({ attribute }) => attribute).toSorted()).toEqual(Object.keys(others).toSorted());
  expect(bad.warnings[0]?.message).toContain("can't be read and counts as missing");
  expect(bad.client).toBeNull();
  expect(wantedOf(bad, 'Engagement Status')).toBeNull();

  // The same again is nothing new, and a value that can be read again ends the warning.
  await deliver(harness, 'contact.user.updated', contactItem(harness, id, { Employer: 'Acme' }));
  expect((await memberOf(harness, id)).warnings).toEqual([]);
});

test('an attribute that holds a list is not empty: First Session Date is left alone', () => {
  const facts = member({ 'Enrolled Date': '2026-10-01' });
  const decision = decideMember(
    { ...facts, contact: { ...facts.contact, unreadable: ['First Session Date'] } },
    context('2026-11-01'),
  );
  expect(evidenceOf(decision, 'First Session Date').wanted).toEqual({ kind: 'leave' });
});

test.each([
  ['a no-break space', 'Health\u00a0Coaching 001', 'Phone'],
  ['an ideographic space and tabs', '\tHealth\u3000Coaching \t 001 ', '\u2003phone\u200b'],
  ['full-width letters', 'Ｈｅａｌｔｈ Coaching ００１', 'Ｐｈｏｎｅ'],
  ['another case', 'HEALTH coaching 001', 'PHONE'],
])('a call with %s in its Service Code or Channel counts', async (_case, serviceCode, channel) => {
  const harness = await harnessWithMember();
  const { workspace, id } = harness;
  const call = workspace.addConversation({ contactIds: [id], sourceType: 'phone_call' });
  workspace.closeConversation(call.id, { channel, serviceCode });
  await harness.settle();
  const shown = await memberOf(harness, id);
  expect(wantedOf(shown, 'Last Coaching Session')).toBe(
    workspace.conversation(call.id).statistics?.lastCloseAt,
  );
  expect(shown.nearMisses).toEqual([]);
});

test('reports filter by the same form', async () => {
  const harness = await createHarness({ at: AT, dryRun: true });
  const { workspace } = harness;
  workspace.addContact({
    customAttributes: { 'Enrolled Date': '2026-11-01', Employer: 'Acme\u00a0 Health' },
  });
  await harness.backfill();
  const asked = encodeURIComponent('ＡＣＭＥ health');
  const answer: unknown = await (
    await harness.get(
      `/API/intercom/new-participants?enrolledFrom=2026-11-01&enrolledTo=2026-11-30&employer=${asked}`,
    )
  ).json();
  expect(answer).toMatchObject({ total: 1, participants: [{ client: 'Acme\u00a0 Health' }] });
});

test('one form for all comparisons', () => {
  expect(fold(' Health\u00a0\u2009Coaching\t001\n')).toBe('health coaching 001');
  expect(fold('ﬁt\u200b')).toBe('fit');
  expect(fold('\ufeff \u3000')).toBe('');
  expect(fold('x'.repeat(60_000))).toHaveLength(2000);
});

const CLOSED_AT = 1_795_362_126;
function closedConversation(statistics: object, more: object = {}): unknown {
  return {
    type: 'conversation',
    id: '14',
    state: 'closed',
    created_at: 1_795_362_000,
    updated_at: CLOSED_AT,
    contacts: { contacts: [{ id: 'c1' }] },
    statistics,
    custom_attributes: { Channel: 'Phone', 'Service Code': 'Health Coaching 001' },
    ...more,
  };
}

test.each([
  ['0', 0],
  ['0 in a text', '0'],
  ['a negative number', -5],
  ['1 January 1970', 3600],
  ['1 January 1970 in words', '1970-01-01T00:00:00Z'],
  ['milliseconds', CLOSED_AT * 1000],
  ['a far future', 4_102_444_800],
  ['no number', 'soon'],
  ['a list', [CLOSED_AT]],
])('last_close_at that is %s is no time: the last update counts, with a warning', (_case, lastCloseAt) => {
  const read = readConversationObject(closedConversation({ last_close_at: lastCloseAt }));
  if (read.kind !== 'ok') throw new Error('not read');
  expect(read.conversation).toMatchObject({ lastCloseAt: null, hasWrongCloseTime: true });
  expect(read.lacks).toEqual(['closeTime']);
  const decision = decideMember(
    member({ 'Enrolled Date': '2026-10-01' }, [read.conversation]),
    context('2026-11-24'),
  );
  expect(changeOf(decision, 'Last Coaching Session')).toBe(CLOSED_AT);
  expect(decision.warnings).toEqual([
    { attribute: 'last_close_at', message: expect.stringContaining('conversation 14') },
  ]);
});

test('without a close time nothing is warned of, and with a right one neither', () => {
  for (const statistics of [{}, { last_close_at: null }, { last_close_at: CLOSED_AT }]) {
    const read = readConversationObject(closedConversation(statistics));
    expect(read).not.toHaveProperty('conversation.hasWrongCloseTime');
  }
});

test('an open phone call with created_at 0 was not begun in 1970', () => {
  const read = readConversationObject(closedConversation({}, { state: 'open', created_at: 0 }));
  if (read.kind !== 'ok') throw new Error('not read');
  expect(read.lacks).toContain('createdAt');
  expect(read.conversation.createdAt).toBe(CLOSED_AT);
});

test('the warning stays with the member until the close time can be right', async () => {
  const harness = await harnessWithMember();
  const { workspace, id } = harness;
  const call = workspace.addConversation({ contactIds: [id], sourceType: 'phone_call' });
  workspace.closeConversation(call.id, { channel: 'Phone', serviceCode: 'Health Coaching 001' });
  await harness.settle();
  const shown = presentConversation(workspace.state, workspace.conversation(call.id), '2.14');
  const read = readConversationObject({ ...shown, statistics: { last_close_at: 0 } });
  if (read.kind !== 'ok') throw new Error('not read');
  const take = async (conversation: typeof read.conversation): Promise<void> => {
    harness.clock.advance(1000);
    await harness.store.apply({
      changes: [
        {
          kind: 'conversation',
          conversation,
          authority: { kind: 'read', observedAtMs: harness.clock.nowMs() },
        },
      ],
      cause: { kind: 'notification', ref: null },
      nowMs: harness.clock.nowMs(),
      decide: (facts) => decideMember(facts, { ...harness.settings, nowAt: NOW }),
      completes: { kind: 'nothing' },
      unknownContacts: 'accept',
      recompute: 'now',
    });
  };
  await take(read.conversation);
  const { warnings } = await memberOf(harness, id);
  expect(warnings.map(({ attribute }) => attribute)).toEqual(['last_close_at']);
  const right = readConversationObject(shown);
  if (right.kind !== 'ok') throw new Error('not read');
  await take(right.conversation);
  expect((await memberOf(harness, id)).warnings).toEqual([]);
});

test.each([0, '0', ' 0 '])('an Enrolled Date of %j is unreadable, a Date of Birth may be that', (zero) => {
  const decision = decideMember(
    member({ 'Enrolled Date': zero, 'Date of Birth': zero, 'Last Coaching Session': zero }),
    context('2026-11-01'),
  );
  expect(decision.status).toBeNull();
  expect(decision.warnings.map(({ attribute }) => attribute)).toEqual([
    'Last Coaching Session',
    'Enrolled Date',
  ]);
});

test('texts of any length are kept short, and what is too long to be an id or address is none', () => {
  const long = 'x'.repeat(60_000);
  const read = readContactObject({
    ...contact({}),
    external_id: long,
    email: `${long}@example.com`,
    name: `${long} 😀`,
    updated_at: NOW,
    custom_attributes: {
      Employer: long,
      'Enrolled Date': long,
      'Eligible Programs': `${'x'.repeat(1999)}😀`,
    },
  });
  if (read.kind !== 'ok') throw new Error('not read');
  const { externalId, email, name, attributes } = read.contact;
  expect({ externalId, email }).toEqual({ externalId: null, email: null });
  expect(name).toHaveLength(2000);
  expect(attributes.Employer).toHaveLength(2000);
  expect(attributes['Eligible Programs']).toBe('x'.repeat(1999));
  const conversation = readConversationObject(
    closedConversation({}, { custom_attributes: { Channel: long, 'Service Code': ['a', 'b'] } }),
  );
  if (conversation.kind !== 'ok') throw new Error('not read');
  const { nearMisses } = decideMember(member({}, [conversation.conversation]), context('2026-11-24'));
  expect(nearMisses[0]?.reasons).toEqual([
    `Channel unknown: ${'x'.repeat(80)}…`,
    'Service Code unknown: (a list of 2)',
  ]);
});

test('a value of Intercom that is too long is compared as it is kept, and nothing is written for ever', async () => {
  const harness = await createHarness({ at: AT });
  const { workspace } = harness;
  const { id } = workspace.addContact({
    name: 'Jane '.repeat(12_000),
    customAttributes: { Referral: 'Counter Health', 'Enrolled Date': '2026-11-01' },
  });
  await harness.backfill();
  const puts = (): number => workspace.calls.matching({ method: 'PUT' }).length;
  const before = puts();
  for (let round = 0; round < 3; round += 1) {
    await deliver(
      harness,
      'contact.user.updated',
      contactItem(harness, id, { ...workspace.contact(id).customAttributes, Employer: 'x'.repeat(60_000) }),
    );
  }
  expect(puts()).toBe(before);
  const page = await harness.get(`/intercom/members/${id}`);
  expect(page.status).toBe(200);
});

test('who is attached to a call, or detached, makes the call be read again', async () => {
  const harness = await harnessWithMember();
  const { workspace, id } = harness;
  const call = workspace.addConversation({ contactIds: [id], sourceType: 'phone_call' });
  workspace.closeConversation(call.id, { channel: 'Phone', serviceCode: 'Health Coaching 001' });
  workspace.webhooks.stop();
  for (const topic of ['conversation.contact.attached', 'conversation.contact.detached']) {
    await deliver(harness, topic, {
      conversation: {
        parts: [{ id: 1, conversation_id: Number(call.id), body: '' }],
        options: { expand_for_notification: true },
        model: { id: Number(call.id), message_type: 'conversation' },
      },
      contact: { type: 'contact', id, role: 'user' },
    });
  }
  expect(await harness.store.parked()).toEqual([]);
  expect(wantedOf(await memberOf(harness, id), 'Last Coaching Session')).toBeTypeOf('number');
});

test('what an earlier version has judged by other rules is judged again at the next start, and written', async () => {
  const database = join(temporaryDirectory(), 'older.db');
  const older = await createHarness({ at: AT, database, dryRun: true });
  const { workspace } = older;
  const { id } = workspace.addContact({ name: 'Rosa Dos Santos', externalId: 'X-1' });
  const call = workspace.addConversation({ contactIds: [id], sourceType: 'phone_call' });
  workspace.closeConversation(call.id, { channel: 'Phone', serviceCode: null });
  const zero = workspace.addConversation({ contactIds: [id], sourceType: 'phone_call' });
  workspace.closeConversation(zero.id, { channel: 'Phone', serviceCode: null });
  await older.backfill();
  await older.store.close();
  const raw = new Database(database);
  raw
    .prepare('update conversations set service_code = ? where id = ?')
    .run('Health\u00a0Coaching 001', call.id);
  raw.prepare('update conversations set last_close_at = 0, session_at = 0 where id = ?').run(zero.id);
  raw.prepare("update reported_members set last_name = 'Santos'").run();
  raw.prepare("update meta set value = '3' where name = 'derived_by'").run();
  raw.close();

  const harness = await createHarness({ at: AT, database, dryRun: true, listens: false });
  await harness.settle();
  const shown = await memberOf(harness, id);
  expect(wantedOf(shown, 'Last Coaching Session')).toBe(
    workspace.conversation(call.id).statistics?.lastCloseAt,
  );
  expect(shown.warnings.map(({ attribute }) => attribute)).toEqual(['last_close_at']);
  const csv = await harness.app.request('/API/intercom/report/engagement', {
    method: 'POST',
    headers: { authorization: `Bearer ${API_TOKEN}`, 'content-type': 'application/json' },
    body: '{}',
  });
  expect(await csv.text()).toContain('Rosa,Dos Santos');
});

test('what no database keeps is replaced before it is kept, and what is no id is nobody', () => {
  const read = readContactObject({
    id: 'a1',
    role: 'user',
    name: 'a\0b \ud83d',
    external_id: 'x\udc00',
    email: '😀@example.test',
    updated_at: NOW,
    created_at: NOW,
    custom_attributes: { Employer: '\ud800Acme\0' },
  });
  expect(read).toMatchObject({
    kind: 'ok',
    contact: {
      name: 'a\ufffdb \ufffd',
      externalId: 'x\ufffd',
      email: '😀@example.test',
      attributes: { Employer: '\ufffdAcme\ufffd' },
    },
  });
  expect(fold('\ud800Acme')).toBe('\ufffdacme');
  const call = { id: 'c1', state: 'closed', updated_at: NOW, created_at: NOW };
  const coachOf = (assignee: unknown): unknown => {
    const found = readConversationObject({ ...call, admin_assignee_id: assignee });
    return found.kind === 'ok' ? found.conversation.coachId : found.kind;
  };
  expect([5_210_001, '5210001', 'a_b-C', 0, '0', 'a,b:c', '7:Phone', ' ', null].map(coachOf)).toEqual([
    '5210001',
    '5210001',
    'a_b-C',
    null,
    null,
    null,
    null,
    null,
    null,
  ]);
});
