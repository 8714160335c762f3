import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { WorkspaceOptions } from '../src/sandbox/settings.js';
import type { Workspace } from '../src/sandbox/workspace.js';
import { at, createSandbox, dig } from './support/sandbox-ask.js';
import { createReceiver } from './support/sandbox-receiver.js';

const NOW = at('2026-10-30T12:00:00-04:00');

describe('the envelope', () => {
  it('is signed over the exact bytes and filled as real ones are', async () => {
    const { workspace, received } = createReceiver({ clientSecret: 's3cret', appId: 'abc123' });
    workspace.addContact({ name: 'Søren' });
    await workspace.webhooks.drained();
    const [first] = received;
    const digest = createHmac('sha1', 's3cret')
      .update(first?.bytes ?? '')
      .digest('hex');
    expect(first?.headers.get('X-Hub-Signature')).toBe(`sha1=${digest}`);
    expect(first?.headers.get('User-Agent')).toBe('intercom-parrot-service-client/1.0');
    expect(first?.headers.get('Content-Type')).toContain('application/json');
    expect(first?.body).toMatchObject({
      type: 'notification_event',
      app_id: 'abc123',
      topic: 'contact.user.created',
      delivery_status: 'pending',
      delivery_attempts: 1,
      delivered_at: 0,
      first_sent_at: NOW,
      created_at: NOW,
      data: { type: 'notification_event_data', item: { type: 'contact', name: 'Søren' } },
    });
    expect(dig(first?.body, ['id'])).toMatch(/^notif_[0-9a-f-]{36}$/);
  });

  it('a ping has no id', async () => {
    const { workspace, received } = createReceiver();
    workspace.webhooks.ping();
    await workspace.webhooks.drained();
    expect(received[0]?.body).toMatchObject({
      topic: 'ping',
      id: null,
      delivery_status: null,
      data: { item: { type: 'ping' } },
    });
  });

  it('an address is checked with an unsigned HEAD', async () => {
    const { workspace } = createSandbox();
    const seen: (string | null)[] = [];
    workspace.webhooks.deliverTo((request) => {
      seen.push(request.method, request.headers.get('X-Hub-Signature'));
      return new Response(null, { status: 204 });
    });
    expect(await workspace.webhooks.checkAddress()).toBe(204);
    expect(seen).toEqual(['HEAD', null]);
  });
});

describe('what is told and what is not', () => {
  const ACTS: readonly (readonly [
    string,
    (workspace: Workspace, contactId: string, conversationId: string) => void,
    readonly string[],
  ])[] = [
    ['a new user', (w) => void w.addContact(), ['contact.user.created']],
    ['a new lead', (w) => void w.addContact({ role: 'lead' }), ['contact.lead.created']],
    [
      'an edit by hand',
      (w, id) => void w.updateContact(id, { customAttributes: { Referral: 'HR' } }),
      ['contact.user.updated'],
    ],
    [
      'a new address',
      (w, id) => void w.updateContact(id, { email: 'n@members.example' }),
      ['contact.user.updated', 'contact.email.updated'],
    ],
    ['archiving', (w, id) => w.archiveContact(id), ['contact.archived']],
    ['unarchiving', (w, id) => w.unarchiveContact(id), ['contact.unarchived']],
    ['deleting a contact', (w, id) => w.deleteContact(id), ['contact.deleted']],
    ['merging', (w, id) => void w.mergeContacts(id, w.contacts().at(-1)?.id ?? ''), ['contact.merged']],
    ['a user begins', (w, id) => void w.addConversation({ contactIds: [id] }), ['conversation.user.created']],
    [
      'a coach begins',
      (w, id) => void w.addConversation({ contactIds: [id], startedBy: 'admin' }),
      ['conversation.admin.single.created'],
    ],
    [
      'a close',
      (w, _id, conversation) => void w.closeConversation(conversation),
      ['conversation.admin.closed'],
    ],
    [
      'a reopening',
      (w, _id, conversation) => void w.reopenConversation(conversation),
      ['conversation.admin.opened'],
    ],
    [
      'an assignment',
      (w, _id, conversation) => void w.assignConversation(conversation, 5_210_002),
      ['conversation.admin.assigned'],
    ],
    [
      'a snooze',
      (w, _id, conversation) => void w.snoozeConversation(conversation, NOW + 60),
      ['conversation.admin.snoozed'],
    ],
    [
      'an unsnooze',
      (w, _id, conversation) => void w.unsnoozeConversation(conversation),
      ['conversation.admin.unsnoozed'],
    ],
    [
      'a reply of the user',
      (w, _id, conversation) => void w.replyToConversation(conversation, 'user'),
      ['conversation.user.replied'],
    ],
    [
      'a reply of the coach',
      (w, _id, conversation) => void w.replyToConversation(conversation, 'admin'),
      ['conversation.admin.replied'],
    ],
    [
      'deleting a conversation',
      (w, _id, conversation) => w.deleteConversation(conversation),
      ['conversation.deleted'],
    ],
    ['a close by a workflow', (w, _id, conversation) => void w.closeByWorkflow(conversation), []],
    [
      'setting conversation attributes',
      (w, _id, conversation) => void w.setConversationAttributes(conversation, { Channel: 'Phone' }),
      [],
    ],
    ['renaming an attribute', (w) => w.renameConversationAttribute('Channel', 'Medium'), []],
  ];

  it.each(ACTS)('%s', async (_name, act, expected) => {
    const { workspace } = createSandbox();
    const contact = workspace.addContact();
    const conversation = workspace.addConversation({ contactIds: [contact.id] });
    workspace.addContact();
    const topics: unknown[] = [];
    workspace.webhooks.deliverTo(async (request) => {
      topics.push(dig(await request.json(), ['topic']));
      return new Response();
    });
    act(workspace, contact.id, conversation.id);
    await workspace.webhooks.drained();
    expect(topics).toEqual(expected);
  });

  it.each([
    ['always', 2],
    ['changes', 1],
    ['never', 0],
  ] as const)('updates through the API come back: %s', async (echo, count) => {
    const { ask, workspace, topics } = createReceiver({ echo });
    const { id } = workspace.addContact();
    await ask('PUT', `/contacts/${id}`, { custom_attributes: { Referral: 'HR' } });
    await ask('PUT', `/contacts/${id}`, { custom_attributes: { Referral: 'HR' } });
    await workspace.webhooks.drained();
    expect(topics().filter((topic) => topic === 'contact.user.updated')).toHaveLength(count);
  });

  it('only the topics that were asked for, and nothing without a subscription', async () => {
    const { workspace } = createSandbox();
    const topics: unknown[] = [];
    workspace.addContact();
    workspace.webhooks.deliverTo(
      async (request) => {
        topics.push(dig(await request.json(), ['topic']));
        return new Response();
      },
      ['conversation.admin.closed'],
    );
    const { id } = workspace.addConversation({ contactIds: [] });
    workspace.closeConversation(id);
    await workspace.webhooks.drained();
    workspace.webhooks.stop();
    workspace.closeConversation(id);
    await workspace.webhooks.drained();
    expect(topics).toEqual(['conversation.admin.closed']);
  });
});

describe('payloads', () => {
  const closeOne = async (options: WorkspaceOptions) => {
    const { workspace, received } = createReceiver(options);
    const contact = workspace.addContact({ externalId: 'M1' });
    const { id } = workspace.addConversation({ contactIds: [contact.id], adminId: 5_210_002 });
    workspace.replyToConversation(id, 'user');
    workspace.closeConversation(id, { channel: 'Phone', serviceCode: 'Health Coaching 001' });
    await workspace.webhooks.drained();
    return dig(received.at(-1)?.body, ['data', 'item']);
  };

  it('a close carries the conversation with its one part, statistics in ISO texts', async () => {
    expect(await closeOne({})).toMatchObject({
      type: 'conversation',
      state: 'closed',
      open: false,
      created_at: NOW,
      updated_at: NOW,
      admin_assignee_id: 5_210_002,
      custom_attributes: { Channel: 'Phone', 'Service Code': 'Health Coaching 001' },
      contacts: { contacts: [{ external_id: 'M1' }] },
      statistics: { last_close_at: '2026-10-30T16:00:00.000Z', last_closed_by_id: '5210002' },
      conversation_parts: {
        total_count: 1,
        conversation_parts: [
          { part_type: 'close', created_at: NOW, author: { type: 'admin', id: '5210002' } },
        ],
      },
    });
  });

  it('with Unix seconds where the workspace is set so', async () => {
    expect(dig(await closeOne({ webhookTimes: 'unix' }), ['statistics', 'last_close_at'])).toBe(NOW);
  });

  it('the close time can be missing still', async () => {
    const item = await closeOne({ closeTimeInWebhook: false });
    expect(dig(item, ['state'])).toBe('closed');
    expect(dig(item, ['statistics'])).toMatchObject({
      last_close_at: null,
      first_close_at: null,
      last_closed_by_id: null,
    });
  });

  it('or be the one of the close before', async () => {
    const { workspace, received, clock } = createReceiver({ closeTimeInWebhook: false });
    const { id } = workspace.addConversation({ contactIds: [] });
    workspace.closeConversation(id);
    workspace.reopenConversation(id);
    clock.advance(60_000);
    workspace.closeConversation(id);
    await workspace.webhooks.drained();
    expect(dig(received.at(-1)?.body, ['data', 'item', 'statistics', 'last_close_at'])).toBe(
      '2026-10-30T16:00:00.000Z',
    );
  });

  it.each([
    ['iso', '2026-10-30T16:00:00.000+00:00'],
    ['unix', NOW],
  ] as const)('contact times are %s', async (webhookTimes, expected) => {
    const { workspace, received } = createReceiver({ webhookTimes });
    workspace.addContact();
    await workspace.webhooks.drained();
    expect(dig(received[0]?.body, ['data', 'item', 'created_at'])).toBe(expected);
  });

  it('archived, deleted and deleted conversations carry hardly more than an id', async () => {
    const { workspace, received } = createReceiver();
    const contact = workspace.addContact({ externalId: 'M1' });
    const conversation = workspace.addConversation({ contactIds: [contact.id] });
    received.length = 0;
    await workspace.webhooks.drained();
    received.length = 0;
    workspace.archiveContact(contact.id);
    workspace.deleteContact(contact.id);
    workspace.deleteConversation(conversation.id);
    await workspace.webhooks.drained();
    expect(received.map(({ body }) => dig(body, ['data', 'item']))).toEqual([
      { id: contact.id, external_id: 'M1', type: 'contact', archived: true },
      { id: contact.id, external_id: 'M1', type: 'contact', deleted: true },
      { type: 'conversation', conversation_id: conversation.id },
    ]);
  });

  it.each([true, false])('a merge carries the survivor, with merged_from: %s', async (mergedFrom) => {
    const { workspace, received } = createReceiver({ mergedFrom });
    const [absorbed, survivor] = [workspace.addContact(), workspace.addContact()];
    workspace.mergeContacts(absorbed.id, survivor.id);
    await workspace.webhooks.drained();
    const item = dig(received.at(-1)?.body, ['data', 'item']);
    expect(dig(item, ['id'])).toBe(survivor.id);
    expect(dig(item, ['merged_from'])).toEqual(mergedFrom ? { type: 'contact', id: absorbed.id } : undefined);
  });

  it('the payload is of the moment of the event, whatever happens before it is sent', async () => {
    const { workspace, received } = createReceiver();
    const { id } = workspace.addContact({ name: 'First' });
    workspace.updateContact(id, { name: 'Second' });
    await workspace.webhooks.drained();
    expect(received.map(({ body }) => dig(body, ['data', 'item', 'name']))).toEqual(['First', 'Second']);
  });
});
