import { describe, expect, it } from 'vitest';
import type { WorkspaceOptions } from '../src/sandbox/settings.js';
import { at, createSandbox } from './support/sandbox-ask.js';

const NOW = at('2026-10-30T12:00:00-04:00');
const filter = (field: string, operator: string, value: unknown) => ({ query: { field, operator, value } });
const group = (operator: string, value: readonly unknown[]) => ({ operator, value });
const one = { field: 'id', operator: '=', value: 'x' };

interface Row {
  readonly name: string;
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly options?: WorkspaceOptions;
  readonly status: number;
  readonly code: string;
}

const bad = (name: string, path: string, body: unknown, more: Partial<Row> = {}): Row => ({
  name,
  method: 'POST',
  path,
  body,
  status: 400,
  code: 'parameter_invalid',
  ...more,
});

const REFUSALS: readonly Row[] = [
  {
    name: 'a wrong token',
    method: 'GET',
    path: '/me',
    headers: { Authorization: 'Bearer wrong' },
    status: 401,
    code: 'unauthorized',
  },
  {
    name: 'no token',
    method: 'GET',
    path: '/me',
    headers: { Authorization: '' },
    status: 401,
    code: 'unauthorized',
  },
  {
    name: 'a version that is too old',
    method: 'GET',
    path: '/me',
    headers: { 'Intercom-Version': '2.9' },
    status: 400,
    code: 'intercom_version_invalid',
  },
  {
    name: 'a version that does not exist',
    method: 'GET',
    path: '/me',
    headers: { 'Intercom-Version': '3' },
    status: 400,
    code: 'intercom_version_invalid',
  },
  {
    name: 'an Accept header without JSON',
    method: 'GET',
    path: '/me',
    headers: { Accept: 'text/html' },
    status: 406,
    code: 'media_type_not_acceptable',
  },
  { name: 'an unknown path', method: 'GET', path: '/nowhere', status: 404, code: 'not_found' },
  { name: 'a method that the path lacks', method: 'DELETE', path: '/me', status: 404, code: 'not_found' },
  { name: 'an unknown contact', method: 'GET', path: '/contacts/nobody', status: 404, code: 'not_found' },
  {
    name: 'an update of an unknown contact',
    method: 'PUT',
    path: '/contacts/nobody',
    body: {},
    status: 404,
    code: 'not_found',
  },
  {
    name: 'an unknown conversation',
    method: 'GET',
    path: '/conversations/1',
    status: 404,
    code: 'not_found',
  },
  {
    name: 'conversation attributes before 2.16',
    method: 'GET',
    path: '/conversations/attributes',
    headers: { 'Intercom-Version': '2.15' },
    status: 404,
    code: 'not_found',
  },
  {
    name: 'model=conversation on 2.16',
    method: 'GET',
    path: '/data_attributes?model=conversation',
    headers: { 'Intercom-Version': '2.16' },
    status: 422,
    code: 'parameter_invalid',
  },
  {
    name: 'an unknown model',
    method: 'GET',
    path: '/data_attributes?model=cat',
    status: 400,
    code: 'parameter_invalid',
  },

  bad('a body that is no JSON', '/contacts/search', '{"query":', { code: 'bad_request' }),
  bad('a search without query', '/contacts/search', {}, { code: 'parameter_missing' }),
  bad('a field that search does not know', '/contacts/search', filter('favorite_color', '=', 'red')),
  bad(
    'a custom attribute that does not exist',
    '/contacts/search',
    filter('custom_attributes.Shoe Size', '=', '9'),
  ),
  bad(
    'a conversation attribute in search',
    '/conversations/search',
    filter('custom_attributes.Channel', '=', 'Phone'),
  ),
  bad('an unknown operator', '/contacts/search', filter('name', '==', 'x')),
  bad('an operator of text on a date', '/contacts/search', filter('updated_at', '~', NOW)),
  bad('an operator of numbers on a text', '/contacts/search', filter('name', '>', 'x')),
  ...['!=', '<=', '>=', 'IN', 'NIN'].flatMap((operator) => [
    bad(
      `${operator} on a contact date`,
      '/contacts/search',
      filter('updated_at', operator, operator.endsWith('N') ? [NOW] : NOW),
    ),
    bad(
      `${operator} on a date attribute`,
      '/contacts/search',
      filter('custom_attributes.Enrolled Date', operator, operator.endsWith('N') ? [NOW] : NOW),
    ),
  ]),
  bad('>= on a conversation date', '/conversations/search', filter('updated_at', '>=', NOW)),
  bad('<= on a conversation date', '/conversations/search', filter('statistics.last_close_at', '<=', NOW)),
  bad('a text for a date', '/contacts/search', filter('created_at', '>', 'foobar')),
  bad('a fraction for a date', '/conversations/search', filter('updated_at', '>', NOW + 0.5)),
  bad('a number for a text', '/contacts/search', filter('external_id', '=', 7)),
  bad('a text for a boolean', '/conversations/search', filter('open', '=', 'yes')),
  bad('no value for an ordering', '/conversations/search', filter('updated_at', '>', null)),
  bad('IN with a single value', '/contacts/search', filter('id', 'IN', 'x')),
  bad('IN with nothing', '/contacts/search', filter('id', 'IN', [])),
  bad(
    'IN with more than 15 values',
    '/contacts/search',
    filter('id', 'IN', Array.from({ length: 16 }, String)),
  ),
  bad('IN over a limit that was set', '/conversations/search', filter('id', 'IN', ['1', '2', '3']), {
    options: { inLimit: 2 },
  }),
  bad('more than 15 filters in a group', '/contacts/search', {
    query: group(
      'OR',
      Array.from({ length: 16 }, () => one),
    ),
  }),
  bad('an empty group', '/contacts/search', { query: group('AND', []) }),
  bad('a third level of groups', '/contacts/search', {
    query: group('AND', [group('OR', [group('AND', [one])])]),
  }),
  bad('a filter that is no object', '/contacts/search', { query: 'all' }),
  bad('per_page over 150', '/conversations/search', { query: one, pagination: { per_page: 151 } }),
  bad('per_page over 150 for contacts', '/contacts/search', { query: one, pagination: { per_page: 151 } }),
  bad('per_page of 0', '/conversations/search', { query: one, pagination: { per_page: 0 } }),
  bad('a cursor that is none', '/contacts/search', { query: one, pagination: { starting_after: 'page-2' } }),
  bad(
    'an empty cursor',
    '/contacts/search',
    { query: one, pagination: { starting_after: '' } },
    { status: 500, code: 'server_error' },
  ),
  bad(
    'a wrong sort order',
    '/contacts/search',
    { query: one, sort: { field: 'created_at', order: 'desc' } },
    { code: 'invalid_sort_order' },
  ),
  bad(
    'a wrong sort order of conversations',
    '/conversations/search',
    { query: one, sort: { field: 'id', order: 'up' } },
    { code: 'invalid_sort_order' },
  ),
  bad('a sort field that does not exist', '/contacts/search', { query: one, sort: { field: 'shoe_size' } }),

  bad('an attribute for a model of conversations', '/data_attributes', {
    name: 'Mood',
    model: 'conversation',
    data_type: 'string',
  }),
  bad('an attribute with a wrong type', '/data_attributes', {
    name: 'Mood',
    model: 'contact',
    data_type: 'color',
  }),
  bad('an attribute with signs in its name', '/data_attributes', {
    name: 'Mood!',
    model: 'contact',
    data_type: 'string',
  }),
  bad('an attribute whose name is taken', '/data_attributes', {
    name: 'Employer',
    model: 'contact',
    data_type: 'string',
  }),
  bad('an attribute whose name another model has', '/data_attributes', {
    name: 'Employer',
    model: 'company',
    data_type: 'string',
  }),
  bad('a list with one option', '/data_attributes', {
    name: 'Mood',
    model: 'contact',
    data_type: 'options',
    options: [{ value: 'good' }],
  }),
  bad(
    'a list in the form of 2.14 on 2.13',
    '/data_attributes',
    { name: 'Mood', model: 'contact', data_type: 'options', options: [{ value: 'a' }, { value: 'b' }] },
    { headers: { 'Intercom-Version': '2.13' } },
  ),
];

describe('the sandbox refuses as Intercom does', () => {
  it.each(REFUSALS)(
    '$name: $status $code',
    async ({ method, path, body, headers, options, status, code }) => {
      const { ask } = createSandbox(options);
      const answer = await ask(method, path, body, headers);
      expect({
        status: answer.status,
        type: answer.at('type'),
        code: answer.at('errors', 0, 'code'),
      }).toEqual({
        status,
        type: 'error.list',
        code,
      });
      expect(answer.at('request_id')).toMatch(/^[0-9a-f-]{36}$/);
      expect(answer.at('errors', 0, 'message')).toEqual(expect.any(String));
    },
  );

  const WRONG_WRITES: readonly (readonly [string, unknown])[] = [
    ['an attribute that does not exist', { custom_attributes: { 'Shoe Size': 9 } }],
    ['an archived attribute', { custom_attributes: { Retired: 'x' } }],
    ['an attribute closed to the API', { custom_attributes: { Locked: 'x' } }],
    ['a value outside the list', { custom_attributes: { Mood: 'meh' } }],
    ['a number for a text', { custom_attributes: { Employer: 7 } }],
    ['a word for a date', { custom_attributes: { 'Last Call': 'yesterday' } }],
    ['a fraction for a date', { custom_attributes: { 'Last Call': 1.5 } }],
    ['a text for a boolean', { custom_attributes: { Likes: 'yes' } }],
    ['a fraction for an integer', { custom_attributes: { Count: 1.5 } }],
    ['a text for a float', { custom_attributes: { Weight: '1.5' } }],
    ['attributes in a list', { custom_attributes: ['Employer'] }],
    ['a name that is no text', { name: 7 }],
  ];

  it.each(WRONG_WRITES)(
    'an update with %s: 400 parameter_invalid, and nothing is changed',
    async (_name, body) => {
      const { ask, workspace } = createSandbox();
      workspace.addAttribute({ model: 'contact', name: 'Retired', dataType: 'string' });
      workspace.archiveAttribute('contact', 'Retired');
      workspace.addAttribute({ model: 'contact', name: 'Locked', dataType: 'string', apiWritable: false });
      workspace.addAttribute({
        model: 'contact',
        name: 'Mood',
        dataType: 'string',
        options: ['good', 'bad'],
      });
      workspace.addAttribute({ model: 'contact', name: 'Likes', dataType: 'boolean' });
      workspace.addAttribute({ model: 'contact', name: 'Count', dataType: 'integer' });
      workspace.addAttribute({ model: 'contact', name: 'Weight', dataType: 'float' });
      const before = workspace.addContact({ name: 'Ada', customAttributes: { Employer: 'Kestrel' } });
      const answer = await ask('PUT', `/contacts/${before.id}`, body);
      expect([answer.status, answer.at('errors', 0, 'code')]).toEqual([400, 'parameter_invalid']);
      expect(workspace.contact(before.id)).toEqual(before);
      expect(workspace.calls.writes).toBe(0);
    },
  );

  it('a User ID that another user has: 409 conflict', async () => {
    const { ask, workspace } = createSandbox();
    workspace.addContact({ externalId: 'M1' });
    const other = workspace.addContact({ externalId: 'M2' });
    const answer = await ask('PUT', `/contacts/${other.id}`, { external_id: 'M1' });
    expect([answer.status, answer.at('errors', 0, 'code')]).toEqual([409, 'conflict']);
  });

  it('email_verified without email from 2.16 on', async () => {
    const { ask, workspace } = createSandbox();
    const { id } = workspace.addContact();
    const ask216 = (body: unknown) => ask('PUT', `/contacts/${id}`, body, { 'Intercom-Version': '2.16' });
    expect((await ask216({ email_verified: true })).status).toBe(400);
    expect((await ask216({ email_verified: true, email: 'a@members.example' })).status).toBe(200);
  });

  it('what is just within the limits is answered', async () => {
    const { ask } = createSandbox();
    const nested = group('AND', [
      group(
        'OR',
        Array.from({ length: 15 }, () => one),
      ),
      one,
    ]);
    const answers = await Promise.all([
      ask('POST', '/contacts/search', { query: nested, pagination: { per_page: 150 } }),
      ask('POST', '/conversations/search', filter('id', 'IN', Array.from({ length: 15 }, String))),
      ask('POST', '/contacts/search', filter('created_at', '>', String(NOW))),
    ]);
    expect(answers.map((answer) => answer.status)).toEqual([200, 200, 200]);
  });
});
