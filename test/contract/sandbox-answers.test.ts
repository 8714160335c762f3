import { beforeAll, describe, expect, it } from 'vitest';
import { populate } from '../../src/sandbox/population.js';
import type { Workspace } from '../../src/sandbox/workspace.js';
import { createSandbox, type Ask } from '../support/sandbox-ask.js';
import { DESCRIBED_VERSIONS, loadDescription, type Description } from './openapi.js';

/**
 * Where the descriptions contradict the examples they print themselves: these are null in practice, although their
 * schemas have no `nullable`. Answers are checked without them.
 */
const NULL_IN_PRACTICE: ReadonlySet<string> = new Set([
  'email',
  'conversation_rating',
  'first_contact_reply',
  'sla_applied',
  'statistics',
]);
/** The same from 2.16 on; before that they are required and nullable. */
const NULL_IN_PRACTICE_SINCE_216: ReadonlySet<string> = new Set(['admin_assignee_id', 'team_assignee_id']);

describe.each(DESCRIBED_VERSIONS)('every answer of the sandbox is as described in %s', (version) => {
  let description: Description;
  let workspace: Workspace;
  let ask: Ask;
  const headers = { 'Intercom-Version': version };

  beforeAll(() => {
    description = loadDescription(version);
    ({ workspace, ask } = createSandbox());
    populate(workspace, { members: 40, seed: 1 });
  });

  const complaintsOf = async (method: string, path: string, body?: unknown): Promise<string[]> => {
    const answer = await ask(method, path, body, headers);
    expect(answer.status).toBe(200);
    return description.checkResponse(method, path, answer.status, asDescribed(answer.body, version));
  };

  it.each([
    '/me',
    '/admins',
    '/data_attributes',
    '/data_attributes?model=contact',
    '/data_attributes?model=company',
  ])('GET %s', async (path) => {
    workspace.addAttribute({
      model: 'contact',
      name: `Mood ${path}`,
      dataType: 'string',
      options: ['a', 'b'],
    });
    expect(await complaintsOf('GET', path)).toEqual([]);
  });

  it('every contact by id', async () => {
    for (const { id } of workspace.contacts()) {
      expect(await complaintsOf('GET', `/contacts/${id}`)).toEqual([]);
    }
  });

  it('a bare contact and one with everything, changed and merged', async () => {
    const bare = workspace.addContact({ role: 'lead' });
    const full = workspace.addContact({
      name: 'A',
      email: 'a@members.example',
      phone: '+1',
      externalId: 'M-1',
    });
    workspace.updateContact(full.id, { ownerId: 5_210_001, signedUpAt: 1, lastSeenAt: 2 });
    workspace.mergeContacts(bare.id, full.id);
    const written = {
      custom_attributes: { Employer: 'Kestrel', 'Last Call': 1_790_000_000, Referral: null },
    };
    expect(await complaintsOf('GET', `/contacts/${workspace.addContact().id}`)).toEqual([]);
    expect(await complaintsOf('GET', `/contacts/${full.id}?include_merge_history=true`)).toEqual([]);
    expect(await complaintsOf('PUT', `/contacts/${full.id}`, written)).toEqual([]);
  });

  it('every conversation by id', async () => {
    for (const { id } of workspace.conversations()) {
      expect(await complaintsOf('GET', `/conversations/${id}`)).toEqual([]);
    }
  });

  it('a conversation with every kind of part', async () => {
    const { id } = workspace.addConversation({ contactIds: [workspace.addContact().id] });
    workspace.replyToConversation(id, 'user');
    workspace.replyToConversation(id, 'admin');
    workspace.assignConversation(id, 5_210_002);
    workspace.snoozeConversation(id, 1_800_000_000);
    workspace.unsnoozeConversation(id);
    workspace.closeConversation(id);
    workspace.reopenConversation(id);
    workspace.closeByWorkflow(id);
    expect(await complaintsOf('GET', `/conversations/${id}`)).toEqual([]);
  });

  it.each(['/contacts/search', '/conversations/search'])(
    'POST %s: pages in the middle, the last and an empty one',
    async (path) => {
      const query = { field: 'created_at', operator: '>', value: 0 };
      for (const pagination of [{ per_page: 20 }, { per_page: 150 }]) {
        expect(await complaintsOf('POST', path, { query, pagination })).toEqual([]);
      }
      expect(
        await complaintsOf('POST', path, { query: { field: 'id', operator: '=', value: 'none' } }),
      ).toEqual([]);
    },
  );

  it('a created attribute', async () => {
    const attribute = { name: 'Seen On', model: 'contact', data_type: 'date' };
    expect(await complaintsOf('POST', '/data_attributes', attribute)).toEqual([]);
  });

  it('refusals are error lists, and of the described status where one is described', async () => {
    const [absorbed, survivor] = [workspace.addContact(), workspace.addContact()];
    workspace.mergeContacts(absorbed.id, survivor.id);
    const refused: readonly (readonly [string, string, unknown?, Readonly<Record<string, string>>?])[] = [
      ['GET', '/admins', undefined, { Authorization: 'Bearer wrong' }],
      ['GET', `/contacts/${survivor.id}`, undefined, { Authorization: 'Bearer wrong' }],
      ['GET', '/contacts/nobody'],
      ['GET', `/contacts/${absorbed.id}`],
      ['GET', '/conversations/1'],
      ['PUT', `/contacts/${survivor.id}`, { custom_attributes: { Unknown: 1 } }],
      [
        'POST',
        '/contacts/search',
        { query: { field: 'id', operator: '=', value: 'x' }, sort: { field: 'id', order: 'desc' } },
      ],
      ['POST', '/conversations/search', {}],
      ['POST', '/data_attributes', { name: 'Employer', model: 'contact', data_type: 'string' }],
      ['GET', '/data_attributes?model=conversation'],
      ['GET', '/me', undefined, { 'Intercom-Version': '1.0' }],
    ];
    const undescribed: string[] = [];
    for (const [method, path, body, more] of refused) {
      const answer = await ask(method, path, body, { ...headers, ...more });
      if (answer.status === 200) continue;
      // Every error has the same schema, here as the answer 401 to GET /admins names it.
      expect(description.checkResponse('GET', '/admins', 401, answer.body)).toEqual([]);
      const complaints = description.checkResponse(method, path, answer.status, answer.body);
      if (complaints.length > 0)
        undescribed.push(`${method} ${path.replace(survivor.id, '{id}')} ${answer.status}`);
    }
    expect(undescribed).toEqual(
      version === '2.16'
        ? [
            'GET /contacts/nobody 404',
            'PUT /contacts/{id} 400',
            'POST /conversations/search 400',
            'GET /me 400',
          ]
        : [
            'GET /contacts/nobody 404',
            `GET /contacts/${absorbed.id} 404`,
            'PUT /contacts/{id} 400',
            'POST /contacts/search 400',
            'POST /conversations/search 400',
            'GET /me 400',
          ],
    );
  });

  it.runIf(version === '2.16')('conversation attributes', async () => {
    workspace.addAttribute({ model: 'conversation', name: 'Topic', dataType: 'string', options: ['a', 'b'] });
    workspace.addAttribute({ model: 'conversation', name: 'Weight', dataType: 'float' });
    expect(await complaintsOf('GET', '/conversations/attributes')).toEqual([]);
  });
});

/** The answer without what the descriptions get wrong about Intercom's own answers. */
function asDescribed(value: unknown, version: string): unknown {
  if (Array.isArray(value)) return value.map((item: unknown) => asDescribed(item, version));
  if (typeof value !== 'object' || value === null) return value;
  const isNullInPractice = (key: string): boolean =>
    NULL_IN_PRACTICE.has(key) || (version === '2.16' && NULL_IN_PRACTICE_SINCE_216.has(key));
  const isStatistics = 'type' in value && value.type === 'conversation_statistics';
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key, inner]) => inner !== null || !(isStatistics || isNullInPractice(key)))
      .map(([key, inner]): [string, unknown] => {
        // `format: uri`, while all examples are paths.
        if (key === 'url' && typeof inner === 'string' && inner.startsWith('/'))
          return [key, `https://api.example${inner}`];
        // The parameter `model` takes `conversation` up to 2.15, but the answer's enumeration lacks it.
        if (key === 'model' && inner === 'conversation') return [key, 'contact'];
        return [key, asDescribed(inner, version)];
      }),
  );
}
