import { createServer, type RequestListener } from 'node:http';
import { http, HttpResponse } from 'msw';
import { setupServer } from 'msw/node';
import { describe, expect, it, onTestFinished } from 'vitest';
import { AppError } from '../src/errors.js';
import { createIntercomClient, type IntercomClient } from '../src/intercom/client.js';
import { createRateBudget } from '../src/intercom/rate-budget.js';
import { allMembers, readAllPages, type Search, type SearchPage } from '../src/intercom/search.js';
import { KEPT_ATTRIBUTES } from '../src/rules/vocabulary.js';
import type { WorkspaceOptions } from '../src/sandbox/settings.js';
import type { Workspace } from '../src/sandbox/workspace.js';
import { createMovedClock, type MovedClock } from './support/moved-clock.js';
import { handlersFor } from './support/sandbox-msw.js';
import { createTestWorkspace } from './support/test-workspace.js';

const how = { priority: 'soon' } as const;
const TOKEN = 'sandbox-token';

interface World {
  readonly workspace: Workspace;
  readonly client: IntercomClient;
  readonly clock: MovedClock;
  readonly server: ReturnType<typeof setupServer>;
}

function createWorld(options: WorkspaceOptions = {}, token = TOKEN): World {
  const clock = createMovedClock('2026-10-15T15:00:00Z');
  const workspace = createTestWorkspace({ clock, ...options });
  const server = setupServer(...handlersFor(workspace));
  server.listen({ onUnhandledRequest: 'error' });
  onTestFinished(() => server.close());
  const client = createIntercomClient({
    apiBase: 'https://api.intercom.io/',
    token,
    version: workspace.settings.appVersion,
    budget: createRateBudget({ clock }),
    clock,
  });
  return { workspace, client, clock, server };
}

async function failureOf(call: Promise<unknown>): Promise<Record<string, unknown>> {
  try {
    await call;
  } catch (error) {
    return { ...Object(error), message: error instanceof Error ? error.message : '' };
  }
  throw new Error('the call succeeded');
}

describe('what the workspace answers', () => {
  it('the workspace, its admins, a contact, a conversation', async () => {
    const { workspace, client, clock } = createWorld();
    const { id } = workspace.addContact({ externalId: 'M-1', customAttributes: { Employer: 'Acme' } });
    const call = workspace.addConversation({ contactIds: [id], adminId: 5_210_001 }).id;
    expect(await client.readWorkspace(how)).toEqual({ id: 'sandbox1', timeZone: 'America/New_York' });
    expect(await client.listAdmins(how)).toContainEqual(expect.objectContaining({ id: '5210001' }));
    expect(await client.readContact(id, how)).toMatchObject({
      kind: 'found',
      contact: { id, role: 'user', externalId: 'M-1', attributes: { Employer: 'Acme' } },
      observedAtMs: clock.nowMs(),
    });
    expect(await client.readConversation(call, how)).toMatchObject({
      kind: 'found',
      conversation: { id: call, contactId: id, state: 'open', coachId: '5210001' },
    });
  });

  it.each(['2.10', '2.15', '2.16', '2.17'] as const)(
    'attributes by version %s: archived ones too, lists with what they allow, none of those that all have',
    async (appVersion) => {
      const { workspace, client } = createWorld({ appVersion });
      const options = ['Phone', 'Chat'];
      workspace.removeAttribute('conversation', 'Channel');
      workspace.addAttribute({ model: 'conversation', name: 'Channel', dataType: 'string', options });
      workspace.archiveAttribute('contact', 'Referral');
      workspace.archiveAttribute('conversation', 'Service Code');
      const contact = await client.listContactAttributes(how);
      expect(contact.map(({ name }) => name).toSorted()).toEqual([...KEPT_ATTRIBUTES].toSorted());
      const base = { options: null, apiWritable: true, archived: false };
      expect(contact).toContainEqual({
        ...base,
        name: 'Last Call',
        dataType: appVersion === '2.17' ? 'datetime' : 'date',
      });
      expect(contact).toContainEqual({ ...base, name: 'Referral', dataType: 'string', archived: true });
      const conversation = await client.listConversationAttributes(how);
      expect(conversation).toMatchObject([
        { name: 'Service Code', archived: true, options: null },
        { name: 'Channel', archived: false, options },
      ]);
    },
  );

  it('a new attribute, which no browser may write', async () => {
    const { workspace, client } = createWorld({ appVersion: '2.10' });
    await client.createContactAttribute({ name: 'Seen On', dataType: 'date' }, how);
    const made = { name: 'Seen On', dataType: 'date', messengerWritable: false };
    expect(workspace.state.attributes.contact.at(-1)).toMatchObject(made);
    expect(
      await failureOf(client.createContactAttribute({ name: 'Seen On', dataType: 'date' }, how)),
    ).toMatchObject({
      code: 'intercom_refused_request',
      retry: 'never',
    });
  });

  it('the time on both ends of a call', async () => {
    const { client, clock, server } = createWorld();
    const nowMs = clock.nowMs();
    expect(await client.readClock(how)).toEqual({ serverAtMs: nowMs, sentAtMs: nowMs, receivedAtMs: nowMs });
    server.use(http.get('*/me', () => HttpResponse.json({}, { headers: { date: 'yesterday' } })));
    expect(await client.readClock(how)).toMatchObject({ serverAtMs: null });
  });

  it('what is no list of attributes is not taken for an empty one', async () => {
    const { client, server } = createWorld();
    server.use(http.get('*/data_attributes', () => HttpResponse.json({ type: 'list' })));
    const unreadable = { code: 'intercom_answer_unreadable', retry: 'later' };
    expect(await failureOf(client.listContactAttributes(how))).toMatchObject(unreadable);
    expect(await failureOf(client.listConversationAttributes(how))).toMatchObject(unreadable);
  });

  it('a write answers the contact as it is afterwards, and sends nothing but the attributes', async () => {
    const { workspace, client } = createWorld();
    const { id } = workspace.addContact({ customAttributes: { Employer: 'Acme', 'Last Call': 5 } });
    const written = await client.updateContact(
      id,
      { 'Engagement Status': 'Engaged', 'Last Call': null },
      how,
    );
    expect(written).toMatchObject({
      contact: { attributes: { Employer: 'Acme', 'Engagement Status': 'Engaged' } },
    });
    expect(workspace.calls.entries.at(-1)?.body).toEqual({
      custom_attributes: { 'Engagement Status': 'Engaged', 'Last Call': null },
    });
  });

  it('what is gone, by id', async () => {
    const { workspace, client } = createWorld();
    const { id } = workspace.addContact();
    const call = workspace.addConversation({ contactIds: [id] }).id;
    workspace.deleteContact(id);
    workspace.deleteConversation(call);
    expect(await client.readContact(id, how)).toEqual({ kind: 'gone' });
    expect(await client.updateContact(id, { 'Last Call': 5 }, how)).toEqual({ kind: 'gone' });
    expect(await client.readConversation(call, how)).toEqual({ kind: 'gone' });
  });

  it.each([
    ['2.15', () => ({ kind: 'gone' })],
    ['2.16', (survivorId: string) => ({ kind: 'merged', intoId: survivorId })],
  ] as const)('a merged contact, version %s', async (appVersion, answer) => {
    const { workspace, client } = createWorld({ appVersion });
    const [absorbed, survivor] = [workspace.addContact().id, workspace.addContact().id];
    workspace.mergeContacts(absorbed, survivor);
    expect(await client.readContact(absorbed, how)).toEqual(answer(survivor));
  });
});

describe('what goes wrong', () => {
  it('a wrong token can be fixed by an operator, so it is retried, and never shown', async () => {
    const { client } = createWorld({}, 'a-wrong-token-of-ours');
    const failure = await failureOf(client.readWorkspace(how));
    expect(failure).toMatchObject({ code: 'intercom_refused_token', retry: 'later', status: 401 });
    expect(JSON.stringify(failure)).not.toContain('a-wrong-token-of-ours');
  });

  it("a refused write parks, with Intercom's words and without our values", async () => {
    const { workspace, client } = createWorld();
    const { id } = workspace.addContact();
    workspace.state.attributes.contact.splice(0);
    const failure = await failureOf(client.updateContact(id, { 'Engagement Status': 'Engaged' }, how));
    expect(failure).toMatchObject({
      code: 'intercom_refused_request',
      retry: 'never',
      outcomeUnknown: false,
    });
    expect(String(failure['message'])).toMatch(/^PUT \/contacts\/\{id\}: Intercom refused \(4\d\d \w+/);
    expect(String(failure['message'])).not.toContain(id);
    expect(String(failure['message'])).not.toContain('Engaged');
  });

  it.each([500, 503] as const)('%i is worth another try; a write may have taken effect', async (status) => {
    const { workspace, client } = createWorld();
    const { id } = workspace.addContact();
    workspace.faults.always({}, { kind: 'status', status });
    expect(await failureOf(client.readContact(id, how))).toMatchObject({
      code: 'intercom_unavailable',
      retry: 'later',
      outcomeUnknown: false,
    });
    expect(await failureOf(client.updateContact(id, { 'Last Call': 5 }, how))).toMatchObject({
      code: 'intercom_unavailable',
      outcomeUnknown: true,
    });
  });

  it('429 says how long to wait', async () => {
    const { workspace, client } = createWorld();
    workspace.faults.next({}, { kind: 'status', status: 429 });
    const failure = await failureOf(client.readWorkspace(how));
    expect(failure).toMatchObject({ code: 'intercom_rate_limited', retry: 'later', status: 429 });
    expect(failure['retryAfterMs']).toBeGreaterThan(0);
  });

  it("a gateway's 404 is never taken for a deleted contact", async () => {
    const { client, server } = createWorld();
    const notFound = () => new HttpResponse('<html>Not Found</html>', { status: 404 });
    server.use(http.all('https://api.intercom.io/*', notFound));
    expect(await failureOf(client.readContact('c1', how))).toMatchObject({
      code: 'intercom_answer_unreadable',
      retry: 'later',
    });
  });

  it.each([400, 405, 409, 410, 413, 414, 422, 431, 451, 499])(
    "only Intercom's own error.list refuses for good: %i of a gateway passes",
    async (status) => {
      const { client, server } = createWorld();
      const errors = [{ code: 'parameter_invalid', message: 'no' }];
      for (const [contentType, body] of [
        ['text/html', '<html>Request refused</html>'],
        ['application/json', '{"error":"refused"}'],
        ['application/json', JSON.stringify({ type: 'error.list', errors: [] })],
        ['application/json', JSON.stringify({ errors })],
        ['application/json', JSON.stringify({ type: 'error.list', errors: ['no'] })],
        ['application/json', ''],
      ] as const) {
        const headers = { 'content-type': contentType };
        server.use(http.put('*/contacts/c1', () => new HttpResponse(body, { status, headers })));
        expect(await failureOf(client.updateContact('c1', { 'Last Call': 5 }, how))).toMatchObject({
          code: 'intercom_answer_unreadable',
          retry: 'later',
          outcomeUnknown: true,
        });
      }
      const own = { type: 'error.list', errors };
      server.use(http.put('*/contacts/c1', () => HttpResponse.json(own, { status })));
      const answer = await client
        .updateContact('c1', { 'Last Call': 5 }, how)
        .catch((error: unknown) => error);
      const refused = { code: 'intercom_refused_request', retry: 'never' };
      expect(answer).toMatchObject(status === 410 ? { kind: 'gone' } : refused);
    },
  );

  it.each([
    [{ code: 'parameter_invalid', field: 'custom_attributes.Last Call' }, ['Last Call']],
    [{ code: 'parameter_invalid', message: "Custom attribute 'Last Call' does not exist" }, ['Last Call']],
    [
      { code: 'parameter_invalid', message: 'Engagement Status Date is archived' },
      ['Engagement Status Date'],
    ],
    [
      { code: 'parameter_invalid', message: 'Engagement Status and Last Call are wrong' },
      ['Engagement Status', 'Last Call'],
    ],
    [{ code: 'parameter_invalid', message: 'Something is wrong' }, [] as string[]],
    [{ code: 'parameter_invalid', message: 7, field: null }, []],
    [{ code: 'parameter_invalid', message: `${'x'.repeat(5000)} Last Call` }, []],
  ])('says which of the attributes a refusal names: %j', async (error, names) => {
    const { client, server } = createWorld();
    const body = { type: 'error.list', errors: [error] };
    server.use(http.put('*/contacts/c1', () => HttpResponse.json(body, { status: 400 })));
    const sent = { 'Engagement Status': 'Engaged', 'Engagement Status Date': 5, 'Last Call': 5 } as const;
    const { refusedNames } = await failureOf(client.updateContact('c1', sent, how));
    expect(refusedNames).toHaveLength(names.length);
    expect(refusedNames).toEqual(expect.arrayContaining([...names]));
  });

  it('an error text without an end costs nothing, and shows no half of an address', async () => {
    const { client, server } = createWorld();
    const cutInside = `${'Engaged '.repeat(124)}jane.doe@example.org`;
    for (const message of ['x'.repeat(1_000_000), cutInside]) {
      const body = { type: 'error.list', errors: [{ code: 'parameter_invalid', message }] };
      server.use(http.put('*/contacts/c1', () => HttpResponse.json(body, { status: 400 })));
      const { said } = await failureOf(client.updateContact('c1', { 'Engagement Status': 'Engaged' }, how));
      expect(String(said).length).toBeLessThanOrEqual(300);
      expect(String(said)).not.toContain('jane');
    }
    const link = `<${'/contacts/'.repeat(1500)}x`;
    const merged = { type: 'error.list', errors: [{ code: 'contact_merged', message: '' }] };
    server.use(
      http.get('*/contacts/c1', () => HttpResponse.json(merged, { status: 410, headers: { link } })),
    );
    expect(await client.readContact('c1', how)).toEqual({ kind: 'merged', intoId: null });
  });

  it.each([
    ['HTML', '<html>maintenance</html>'],
    ['cut-off JSON', '{"type":"contact","id":'],
    ['another object', '{"type":"admin.list","admins":[]}'],
    ['nothing', ''],
  ])('%s in place of a contact is worth another try', async (_what, body) => {
    const { client, server } = createWorld();
    server.use(http.all('https://api.intercom.io/*', () => new HttpResponse(body, { status: 200 })));
    expect(await failureOf(client.readContact('c1', how))).toMatchObject({
      code: 'intercom_answer_unreadable',
      retry: 'later',
    });
  });

  it('an unreadable entry is kept by its id, place and field: nothing is silently left out', async () => {
    const { client, server } = createWorld();
    const whole = {
      type: 'contact',
      id: 'c',
      role: 'user',
      updated_at: 1_790_000_000,
      custom_attributes: {},
    };
    const data = [
      { type: 'contact', name: 'no id' },
      null,
      { ...whole, id: 'c1', role: null },
      { ...whole, id: 'c2', updated_at: { day: 3 } },
      { ...whole, id: 'c3', custom_attributes: 'none' },
      { ...whole, id: 'c4' },
      { ...whole, id: 7, updated_at: '2026-10-15T15:00:00Z', custom_attributes: [] },
    ];
    const page = { type: 'list', data, total_count: '7', pages: {} };
    server.use(http.all('https://api.intercom.io/*', () => HttpResponse.json(page)));
    const read = await client.searchContacts(allMembers(), how);
    expect(read.items.map(({ id }) => id)).toEqual(['c4', '7']);
    expect(read.totalCount).toBe(7);
    expect(read.unreadable.map(({ id, place, field }) => [id, place, field])).toEqual([
      [null, 1, 'id'],
      [null, 2, 'the whole entry'],
      ['c1', 3, 'role'],
      ['c2', 4, 'updated_at'],
      ['c3', 5, 'custom_attributes'],
    ]);
  });

  it.each([
    ['state', { state: 'resting' }],
    ['open', { state: null, open: 'perhaps' }],
    ['updated_at', { updated_at: null, created_at: null }],
    ['created_at', { created_at: 'soon' }],
    ['contacts', { contacts: 5 }],
  ])('a conversation whose %s means nothing names that field, and nobody guesses', async (field, over) => {
    const { workspace, client } = createWorld();
    const { id: contactId } = workspace.addContact();
    const { id } = workspace.addConversation({ contactIds: [contactId] });
    workspace.faults.always(
      { method: 'GET' },
      { kind: 'altered', alter: (body) => ({ ...Object(body), ...over }) },
    );
    const failure = await failureOf(client.readConversation(id, how));
    expect(failure).toMatchObject({ code: 'intercom_object_unreadable', unreadable: { field } });
    expect(failure['message']).not.toMatch(/resting|perhaps|soon/);
  });

  it.each([
    ['"true" beside a state', { state: 'closed', open: 'true' }, 'closed'],
    ['"false" alone', { state: null, open: 'false' }, 'closed'],
    ['capitals', { state: 'Snoozed' }, 'snoozed'],
  ])('what Intercom means is read all the same: %s', async (_what, over, state) => {
    const { workspace, client } = createWorld();
    const { id } = workspace.addConversation({ contactIds: [workspace.addContact().id] });
    workspace.faults.always(
      { method: 'GET' },
      { kind: 'altered', alter: (body) => ({ ...Object(body), ...over }) },
    );
    expect(await client.readConversation(id, how)).toMatchObject({ conversation: { state } });
  });

  it('a broken connection before or after the act leaves the outcome of a write open', async () => {
    const { workspace, client } = createWorld();
    const { id } = workspace.addContact();
    workspace.faults.next({}, { kind: 'reset' }, { kind: 'answer-lost' });
    for (const attempt of [5, 6]) {
      expect(await failureOf(client.updateContact(id, { 'Last Call': attempt }, how))).toMatchObject({
        code: 'intercom_unreachable',
        retry: 'later',
        outcomeUnknown: true,
      });
    }
    expect(workspace.contact(id).customAttributes['Last Call']).toBe(6);
  });

  it('an answer that does not come within ten seconds is given up', async () => {
    const { workspace, client, clock } = createWorld();
    const { id } = workspace.addContact();
    workspace.faults.next({}, { kind: 'slow', delayMs: 60_000 });
    const failure = failureOf(client.updateContact(id, { 'Last Call': 5 }, how));
    while (workspace.calls.writes === 0) await new Promise((resolve) => setImmediate(resolve));
    clock.advance(10_000);
    expect(await failure).toMatchObject({ code: 'intercom_timeout', outcomeUnknown: true });
  });

  it('a stop ends the call', async () => {
    const { workspace, client } = createWorld();
    const { id } = workspace.addContact();
    const stopping = new AbortController();
    workspace.faults.next({}, { kind: 'slow', delayMs: 60_000 });
    const failure = failureOf(client.readContact(id, { ...how, signal: stopping.signal }));
    while (workspace.calls.total === 0) await new Promise((resolve) => setImmediate(resolve));
    stopping.abort();
    expect(await failure).toMatchObject({ code: 'stopped' });
  });

  it('what is asked right before sending can still prevent it, and gives the place in the rate limit back', async () => {
    const { workspace, client } = createWorld({ rateLimit: { perWindow: 5, windowMs: 10_000 } });
    const { id } = workspace.addContact();
    const beforeSend = async (): Promise<void> =>
      Promise.reject(new AppError('lease_lost', 'later', 'too late'));
    for (let number = 0; number < 9; number += 1) {
      const call = client.updateContact(id, { 'Last Call': 5 }, { ...how, beforeSend });
      expect(await failureOf(call)).toMatchObject({ code: 'lease_lost', outcomeUnknown: false });
    }
    expect(workspace.calls.total).toBe(0);
    expect(await client.updateContact(id, { 'Last Call': 5 }, how)).toMatchObject({ kind: 'found' });
  });

  it.each(['../admins', 'a/b', 'a?b', 'a#b', '', '%2e%2e', 'é'])(
    'the id %j never reaches a path',
    async (id) => {
      const { workspace, client } = createWorld();
      for (const call of [client.readContact(id, how), client.readConversation(id, how)]) {
        expect(await failureOf(call)).toMatchObject({ code: 'intercom_refused_request', retry: 'never' });
      }
      expect(workspace.calls.total).toBe(0);
    },
  );

  it('a redirect is not followed, because the token would go with it', async () => {
    const seen: string[] = [];
    const elsewhere = await listen((request, response) => {
      seen.push(request.headers.authorization ?? '');
      response.end('{}');
    });
    const { client, server } = createWorld();
    server.use(http.all('https://api.intercom.io/*', () => HttpResponse.redirect(elsewhere, 302)));
    expect(await failureOf(client.readWorkspace(how))).toMatchObject({ code: 'intercom_answer_unreadable' });
    expect(seen).toEqual([]);
  });
});

function listen(answer: RequestListener): Promise<string> {
  const server = createServer(answer);
  onTestFinished(() => void server.close());
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      resolve(`http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`);
    });
  });
}

describe('the pages of a search', () => {
  interface Item {
    readonly id: string;
  }
  const page = (
    ids: readonly string[],
    nextCursor: string | null,
    totalCount: number | null = 3,
  ): SearchPage<Item> => ({
    items: ids.map((id) => ({ id })),
    unreadable: [],
    totalCount,
    nextCursor,
  });
  /** Answers by cursor; `asked` holds the cursors in order. */
  const searching = (answers: Readonly<Record<string, SearchPage<Item>>>) => {
    const asked: (string | null)[] = [];
    const searchOne = (search: Search): Promise<SearchPage<Item>> => {
      asked.push(search.cursor);
      const answer = answers[search.cursor ?? 'first'];
      return answer === undefined ? Promise.reject(new Error('no such page')) : Promise.resolve(answer);
    };
    const read = async (): Promise<readonly string[]> =>
      (await readAllPages(searchOne, allMembers())).items.map(({ id }) => id);
    return { asked, read };
  };

  it('come one after the other until there is none', async () => {
    const { asked, read } = searching({ first: page(['1'], 'a'), a: page(['2'], 'b'), b: page(['3'], null) });
    expect(await read()).toEqual(['1', '2', '3']);
    expect(asked).toEqual([null, 'a', 'b']);
  });

  it('are each shown once, and end where a cursor leads back', async () => {
    const { read } = searching({ first: page(['1'], 'a'), a: page(['2', '1'], 'b'), b: page(['3'], 'a') });
    expect(await read()).toEqual(['1', '2', '3']);
  });

  it.each([
    ['no next page', { first: page(['1'], null) }],
    ['an empty page', { first: page(['1'], 'a'), a: page([], 'b') }],
    ['a cursor that leads back', { first: page(['1'], 'a'), a: page(['1'], 'a') }],
    ['no total_count', { first: page(['1'], null, null) }],
  ])('%s is no end as long as some are missing', async (_what, answers) => {
    await expect(searching(answers).read()).rejects.toMatchObject({
      code: 'intercom_search_incomplete',
      retry: 'later',
    });
  });
});
