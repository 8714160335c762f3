import { describe, expect, it } from 'vitest';
import { at, createSandbox, dig } from './support/sandbox-ask.js';

const NOW = at('2026-10-30T12:00:00-04:00');

describe('contacts', () => {
  it('an update merges attributes key by key, null clears, and the full contact comes back', async () => {
    const { ask, workspace, clock } = createSandbox();
    const { id } = workspace.addContact({
      name: 'Ada',
      customAttributes: { Employer: 'Kestrel', Referral: 'HR', 'Last Call': 5 },
    });
    clock.advance(90_500);
    const answer = await ask('PUT', `/contacts/${id}`, {
      custom_attributes: { Referral: null, 'Last Call': NOW, 'Eligible Programs': 'Smart Access' },
    });
    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({
      type: 'contact',
      id,
      name: 'Ada',
      updated_at: NOW + 90,
      custom_attributes: { Employer: 'Kestrel', 'Last Call': NOW, 'Eligible Programs': 'Smart Access' },
    });
    expect(answer.at('custom_attributes', 'Referral')).toBeUndefined();
    expect((await ask('GET', `/contacts/${id}`)).body).toEqual(answer.body);
  });

  it('a cleared attribute stays as null where the workspace is set so', async () => {
    const { ask, workspace } = createSandbox({ clearedAttributes: 'null' });
    const { id } = workspace.addContact({ customAttributes: { Referral: 'HR' } });
    const answer = await ask('PUT', `/contacts/${id}`, { custom_attributes: { Referral: null } });
    expect(answer.at('custom_attributes', 'Referral')).toBeNull();
  });

  it.each([
    ['as-sent', NOW],
    ['day', at('2026-10-30T00:00:00Z')],
  ] as const)('dates are stored %s', async (dateStorage, stored) => {
    const { ask, workspace } = createSandbox({ dateStorage });
    const { id } = workspace.addContact();
    const answer = await ask('PUT', `/contacts/${id}`, { custom_attributes: { 'Last Call': NOW } });
    expect(answer.at('custom_attributes', 'Last Call')).toBe(stored);
  });

  it('dates are taken as digits or ISO text too', async () => {
    const { ask, workspace } = createSandbox();
    const { id } = workspace.addContact();
    const answer = await ask('PUT', `/contacts/${id}`, {
      custom_attributes: { 'Last Call': String(NOW), 'Enrolled Date': '2026-10-01' },
    });
    expect(answer.at('custom_attributes')).toEqual({
      'Last Call': NOW,
      'Enrolled Date': at('2026-10-01T00:00:00Z'),
    });
  });

  it('a lead gets a uuid as its external id, and becomes a user when it signs up', async () => {
    const { ask, workspace } = createSandbox();
    const lead = workspace.addContact({ role: 'lead' });
    expect(lead.externalId).toMatch(/^[0-9a-f]{8}-/);
    workspace.signUpLead(lead.id, 'M7');
    expect((await ask('GET', `/contacts/${lead.id}`)).body).toMatchObject({
      role: 'user',
      external_id: 'M7',
    });
  });

  it.each(['2.10', '2.11', '2.14', '2.15'])('a merged contact is 404 in %s', async (version) => {
    const { ask, workspace } = createSandbox();
    const [absorbed, survivor] = [workspace.addContact(), workspace.addContact()];
    workspace.mergeContacts(absorbed.id, survivor.id);
    const answer = await ask('GET', `/contacts/${absorbed.id}`, undefined, { 'Intercom-Version': version });
    expect([answer.status, answer.at('errors', 0, 'code')]).toEqual([404, 'not_found']);
  });

  it('a merged contact is 410 in 2.16, and Link names the last survivor of a chain', async () => {
    const { ask, workspace } = createSandbox();
    const [first, second, third] = [workspace.addContact(), workspace.addContact(), workspace.addContact()];
    workspace.mergeContacts(first.id, second.id);
    workspace.mergeContacts(second.id, third.id);
    const headers = { 'Intercom-Version': '2.16' };
    for (const method of ['GET', 'PUT']) {
      const answer = await ask(method, `/contacts/${first.id}`, method === 'PUT' ? {} : undefined, headers);
      expect([answer.status, answer.at('errors', 0, 'code')]).toEqual([410, 'contact_merged']);
      expect(answer.headers.get('Link')).toBe(`</contacts/${third.id}>; rel="canonical"`);
    }
    const survivor = await ask('GET', `/contacts/${third.id}?include_merge_history=true`, undefined, headers);
    expect(survivor.at('merge_history', 0)).toMatchObject({ source_contact_id: second.id, merged_at: NOW });
    expect(
      (await ask('GET', `/contacts/${third.id}`, undefined, headers)).at('merge_history'),
    ).toBeUndefined();
  });

  it('a merge moves the conversations, fills gaps, and takes the absorbed contact out of search', async () => {
    const { ask, workspace } = createSandbox();
    const absorbed = workspace.addContact({
      email: 'old@members.example',
      customAttributes: { Referral: 'HR', Employer: 'A' },
    });
    const survivor = workspace.addContact({ customAttributes: { Employer: 'B' } });
    const conversation = workspace.addConversation({ contactIds: [absorbed.id] });
    workspace.mergeContacts(absorbed.id, survivor.id);
    expect((await ask('GET', `/conversations/${conversation.id}`)).at('contacts', 'contacts', 0, 'id')).toBe(
      survivor.id,
    );
    expect(workspace.contact(survivor.id)).toMatchObject({
      email: 'old@members.example',
      customAttributes: { Referral: 'HR', Employer: 'B' },
    });
    const found = await ask('POST', '/contacts/search', {
      query: { field: 'role', operator: '=', value: 'user' },
    });
    expect(found.at('total_count')).toBe(1);
  });

  it('a deleted contact and a deleted conversation are 404', async () => {
    const { ask, workspace } = createSandbox();
    const contact = workspace.addContact();
    const conversation = workspace.addConversation({ contactIds: [contact.id] });
    workspace.deleteContact(contact.id);
    workspace.deleteConversation(conversation.id);
    expect((await ask('GET', `/contacts/${contact.id}`)).status).toBe(404);
    expect((await ask('GET', `/conversations/${conversation.id}`)).status).toBe(404);
  });

  it.each([
    ['found', false, 200, 0],
    ['gone', true, 404, 1],
  ] as const)(
    'an archived contact is %s by id, in search: %s',
    async (archivedById, archivedInSearch, status, count) => {
      const { ask, workspace } = createSandbox({ archivedById, archivedInSearch });
      const { id } = workspace.addContact();
      workspace.archiveContact(id);
      const search = () =>
        ask('POST', '/contacts/search', { query: { field: 'id', operator: '=', value: id } });
      expect((await ask('GET', `/contacts/${id}`)).status).toBe(status);
      expect((await search()).at('total_count')).toBe(count);
      workspace.unarchiveContact(id);
      expect((await ask('GET', `/contacts/${id}`)).status).toBe(200);
      expect((await search()).at('total_count')).toBe(1);
    },
  );
});

describe('conversations', () => {
  it('a close fills the statistics and leaves a part, which search leaves out', async () => {
    const { ask, workspace, clock } = createSandbox();
    const contact = workspace.addContact({ externalId: 'M1' });
    const { id } = workspace.addConversation({ contactIds: [contact.id], adminId: 5_210_002 });
    expect((await ask('GET', `/conversations/${id}`)).body).toMatchObject({
      state: 'open',
      open: true,
      admin_assignee_id: 5_210_002,
      statistics: { last_close_at: null, last_closed_by_id: null },
      contacts: { contacts: [{ type: 'contact', id: contact.id, external_id: 'M1' }] },
    });
    clock.advance(60_000);
    workspace.closeConversation(id, { channel: 'Phone', serviceCode: 'Health Coaching 001' });
    const read = await ask('GET', `/conversations/${id}`);
    expect(read.body).toMatchObject({
      state: 'closed',
      open: false,
      updated_at: NOW + 60,
      custom_attributes: { Channel: 'Phone', 'Service Code': 'Health Coaching 001' },
      statistics: {
        first_close_at: NOW + 60,
        last_close_at: NOW + 60,
        last_closed_by_id: '5210002',
        time_to_last_close: 60,
      },
      conversation_parts: {
        total_count: 1,
        conversation_parts: [{ part_type: 'close', created_at: NOW + 60 }],
      },
    });
    const found = await ask('POST', '/conversations/search', {
      query: { field: 'id', operator: '=', value: id },
    });
    expect(found.at('conversations', 0, 'state')).toBe('closed');
    expect(found.at('conversations', 0, 'conversation_parts')).toBeUndefined();
  });

  it('an act in the past keeps updated_at, a reopened and closed again one keeps its first close', async () => {
    const { workspace, clock } = createSandbox();
    const { id } = workspace.addConversation({ contactIds: [workspace.addContact().id] });
    workspace.closeConversation(id, { at: NOW - 86_400 });
    expect(workspace.conversation(id)).toMatchObject({
      updatedAt: NOW,
      statistics: { lastCloseAt: NOW - 86_400 },
    });
    clock.advance(10_000);
    workspace.reopenConversation(id);
    expect(workspace.conversation(id)).toMatchObject({
      state: 'open',
      statistics: { lastCloseAt: NOW - 86_400, countReopens: 1 },
    });
    workspace.closeByWorkflow(id);
    expect(workspace.conversation(id)).toMatchObject({
      state: 'closed',
      statistics: { firstCloseAt: NOW - 86_400, lastCloseAt: NOW + 10, lastClosedById: '5200000' },
    });
  });

  it.each([
    [true, NOW + 5],
    [false, NOW],
  ] as const)('setting attributes moves updated_at: %s', (attributesMoveUpdatedAt, updatedAt) => {
    const { workspace, clock } = createSandbox({ attributesMoveUpdatedAt });
    const { id } = workspace.addConversation({ contactIds: [] });
    clock.advance(5_000);
    workspace.setConversationAttributes(id, { Channel: 'Phone' });
    expect(workspace.conversation(id)).toMatchObject({ updatedAt, customAttributes: { Channel: 'Phone' } });
  });

  it('assigning, snoozing, unsnoozing and replying do what they say', () => {
    const { workspace } = createSandbox();
    const { id } = workspace.addConversation({ contactIds: [workspace.addContact().id], adminId: 5_210_001 });
    expect(workspace.assignConversation(id, 5_210_003)).toMatchObject({
      adminAssigneeId: 5_210_003,
      statistics: { countAssignments: 2 },
    });
    expect(workspace.snoozeConversation(id, NOW + 60)).toMatchObject({
      state: 'snoozed',
      snoozedUntil: NOW + 60,
    });
    expect(workspace.unsnoozeConversation(id)).toMatchObject({ state: 'open', snoozedUntil: null });
    workspace.closeConversation(id);
    expect(workspace.replyToConversation(id, 'user')).toMatchObject({
      state: 'open',
      statistics: { countReopens: 1 },
    });
    expect(workspace.replyToConversation(id, 'admin')).toMatchObject({ state: 'open', waitingSince: null });
  });

  it('answers the 500 newest parts and the count of all', async () => {
    const { ask, workspace } = createSandbox();
    const { id } = workspace.addConversation({ contactIds: [workspace.addContact().id] });
    for (let number = 0; number < 501; number += 1) workspace.replyToConversation(id, 'user');
    const parts = (await ask('GET', `/conversations/${id}`)).at('conversation_parts');
    const listed = dig(parts, ['conversation_parts']);
    expect(Array.isArray(listed) ? listed.length : null).toBe(500);
    expect(dig(parts, ['total_count'])).toBe(501);
    expect(dig(listed, [499, 'id'])).toBe(workspace.conversation(id).parts.at(-1)?.id);
  });
});

describe('versions', () => {
  const VERSIONS = ['2.10', '2.11', '2.12', '2.13', '2.14', '2.15', '2.16', '2.17'];

  it.each([
    ['owner_id is a text', (body: unknown) => typeof dig(body, ['contact', 'owner_id']) === 'string', '2.16'],
    [
      'enabled_push_messaging',
      (body: unknown) => dig(body, ['contact', 'enabled_push_messaging']) !== undefined,
      '2.12',
    ],
    [
      'ai_agent_participated',
      (body: unknown) => dig(body, ['conversation', 'ai_agent_participated']) !== undefined,
      '2.11',
    ],
    [
      'handling_time',
      (body: unknown) => dig(body, ['conversation', 'statistics', 'handling_time']) !== undefined,
      '2.13',
    ],
    [
      'company of a conversation',
      (body: unknown) => dig(body, ['conversation', 'company']) !== undefined,
      '2.15',
    ],
    ['priority none', (body: unknown) => dig(body, ['conversation', 'priority']) === 'none', '2.16'],
  ] as const)('%s comes with its version', async (_name, has, since) => {
    const { ask, workspace } = createSandbox();
    const { id } = workspace.addContact();
    workspace.updateContact(id, { ownerId: 5_210_001 });
    const conversation = workspace.addConversation({ contactIds: [id] });
    const seen: string[] = [];
    for (const version of VERSIONS) {
      const headers = { 'Intercom-Version': version };
      const body = {
        contact: (await ask('GET', `/contacts/${id}`, undefined, headers)).body,
        conversation: (await ask('GET', `/conversations/${conversation.id}`, undefined, headers)).body,
      };
      if (has(body)) seen.push(version);
    }
    expect(seen).toEqual(VERSIONS.slice(VERSIONS.indexOf(since)));
  });

  it('without the header the version of the app applies', async () => {
    const { ask } = createSandbox({ appVersion: '2.16' });
    expect((await ask('GET', '/conversations/attributes')).status).toBe(200);
  });
});

describe('the workspace itself', () => {
  it('names its id, zone and admins', async () => {
    const { ask } = createSandbox({ appId: 'abc123', timeZone: 'Europe/Dublin' });
    const me = await ask('GET', '/me');
    expect(me.body).toMatchObject({ type: 'admin', app: { id_code: 'abc123', timezone: 'Europe/Dublin' } });
    const admins = await ask('GET', '/admins');
    expect(admins.at('admins', 0)).toMatchObject({ type: 'admin', id: '5210001', name: 'Imani Okafor' });
    expect(admins.headers.get('Date')).toBe('Fri, 30 Oct 2026 16:00:00 GMT');
  });

  const namesIn = (body: unknown): unknown[] => {
    const data = dig(body, ['data']);
    return Array.isArray(data) ? data.map((one) => dig(one, ['name'])) : [];
  };

  it('lists attributes by model; conversation attributes move to their own address in 2.16', async () => {
    const { ask, workspace } = createSandbox();
    workspace.archiveAttribute('contact', 'Referral');
    expect(namesIn((await ask('GET', '/data_attributes?model=contact')).body)).not.toContain('Referral');
    expect(
      namesIn((await ask('GET', '/data_attributes?model=contact&include_archived=true')).body),
    ).toContain('Referral');
    expect(namesIn((await ask('GET', '/data_attributes?model=conversation')).body)).toEqual([
      'Channel',
      'Service Code',
    ]);
    const v216 = { 'Intercom-Version': '2.16' };
    expect(namesIn((await ask('GET', '/conversations/attributes', undefined, v216)).body)).toEqual([
      'Channel',
      'Service Code',
    ]);
    expect(namesIn((await ask('GET', '/data_attributes', undefined, v216)).body)).not.toContain('Channel');
  });

  it('creates attributes, lists among them in the form of the version', async () => {
    const { ask, workspace } = createSandbox();
    const date = await ask('POST', '/data_attributes', {
      name: 'Seen On',
      model: 'contact',
      data_type: 'date',
    });
    expect(date.body).toMatchObject({
      type: 'data_attribute',
      full_name: 'custom_attributes.Seen On',
      data_type: 'date',
      custom: true,
    });
    const list = await ask('POST', '/data_attributes', {
      name: 'Mood',
      model: 'contact',
      data_type: 'options',
      options: [{ value: 'good' }, { value: 'bad' }],
    });
    expect(list.at('options')).toEqual(['good', 'bad']);
    const old = await ask(
      'POST',
      '/data_attributes',
      { name: 'Tone', model: 'contact', data_type: 'string', options: ['high', 'low'] },
      { 'Intercom-Version': '2.10' },
    );
    expect(old.body).toMatchObject({ options: ['high', 'low'], messenger_writable: true });
    const { id } = workspace.addContact();
    const written = await ask('PUT', `/contacts/${id}`, {
      custom_attributes: { 'Seen On': NOW, Mood: 'bad' },
    });
    expect(written.at('custom_attributes')).toEqual({ 'Seen On': NOW, Mood: 'bad' });
  });

  it('renaming or removing an attribute takes the values along', () => {
    const { workspace } = createSandbox();
    const contact = workspace.addContact({ customAttributes: { Referral: 'HR', Employer: 'Kestrel' } });
    const conversation = workspace.addConversation({
      contactIds: [],
      customAttributes: { Channel: 'Phone' },
    });
    workspace.renameContactAttribute('Referral', 'Referred By');
    workspace.removeAttribute('contact', 'Employer');
    workspace.renameConversationAttribute('Channel', 'Medium');
    expect(workspace.contact(contact.id).customAttributes).toEqual({ 'Referred By': 'HR' });
    expect(workspace.conversation(conversation.id).customAttributes).toEqual({ Medium: 'Phone' });
  });
});
