import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { WorkspaceOptions } from '../src/sandbox/settings.js';
import { at, createSandbox, dig, type Ask } from './support/sandbox-ask.js';

function idsIn(body: unknown): string[] {
  const items = dig(body, ['data']) ?? dig(body, ['conversations']);
  return (Array.isArray(items) ? items : []).map((item) => String(dig(item, ['id'])));
}

async function idsFound(ask: Ask, path: string, body: unknown): Promise<string[]> {
  const answer = await ask('POST', path, body);
  expect(answer.status).toBe(200);
  return idsIn(answer.body);
}

describe('dates in contact search match by calendar day in the zone of the workspace', () => {
  // 8 March 2026 has 23 hours in New York, 1 November 2026 has 25.
  const MOMENTS = [
    '2026-03-07T23:59:59-05:00',
    '2026-03-08T00:00:00-05:00',
    '2026-03-08T23:59:59-04:00',
    '2026-03-09T00:00:00-04:00',
  ];
  const find = async (operator: string, value: string, options: WorkspaceOptions = {}) => {
    const { ask, workspace } = createSandbox(options);
    const ids = new Map(
      MOMENTS.map((moment) => [workspace.addContact({ createdAt: at(moment) }).id, moment]),
    );
    const query = { field: 'created_at', operator, value: at(value) };
    const found = await idsFound(ask, '/contacts/search', {
      query,
      sort: { field: 'created_at', order: 'ascending' },
    });
    return found.map((id) => ids.get(id));
  };

  it.each([
    ['=', '2026-03-08T00:00:00-05:00', MOMENTS.slice(1, 3)],
    ['=', '2026-03-08T23:59:59-04:00', MOMENTS.slice(1, 3)],
    ['>', '2026-03-08T00:00:00-05:00', MOMENTS.slice(3)],
    ['>', '2026-03-07T12:00:00-05:00', MOMENTS.slice(1)],
    ['<', '2026-03-08T23:59:59-04:00', MOMENTS.slice(0, 1)],
    ['<', '2026-03-09T00:00:00-04:00', MOMENTS.slice(0, 3)],
  ])('%s %s', async (operator, value, expected) => {
    expect(await find(operator, value)).toEqual(expected);
  });

  it('on another zone the boundaries fall on its midnight', async () => {
    expect(await find('=', '2026-03-08T12:00:00Z', { timeZone: 'UTC' })).toEqual(MOMENTS.slice(0, 2));
  });

  it('by the second where the workspace is set so', async () => {
    const options = { contactSearchDates: 'second' } as const;
    expect(await find('>', '2026-03-08T00:00:00-05:00', options)).toEqual(MOMENTS.slice(2));
    expect(await find('=', '2026-03-08T00:00:00-05:00', options)).toEqual(MOMENTS.slice(1, 2));
  });

  it('by the second from 2.17 on, and date attributes by day in UTC', async () => {
    const { ask, workspace } = createSandbox({ appVersion: '2.17', timeZone: 'America/New_York' });
    const { id } = workspace.addContact({
      createdAt: at('2026-03-08T12:00:00Z'),
      customAttributes: { 'Enrolled Date': at('2026-03-08T00:00:00Z') },
    });
    const finds = async (field: string, operator: string, value: string): Promise<boolean> => {
      const query = { field, operator, value: at(value) };
      return (await idsFound(ask, '/contacts/search', { query })).includes(id);
    };
    expect(await finds('created_at', '>', '2026-03-08T11:59:59Z')).toBe(true);
    expect(await finds('created_at', '>', '2026-03-08T12:00:00Z')).toBe(false);
    expect(await finds('created_at', '=', '2026-03-08T12:00:00Z')).toBe(true);
    expect(await finds('created_at', '=', '2026-03-08T12:00:01Z')).toBe(false);
    const enrolled = 'custom_attributes.Enrolled Date';
    expect(await finds(enrolled, '=', '2026-03-08T23:00:00Z')).toBe(true);
    // Still the evening of the 7th in New York.
    expect(await finds(enrolled, '=', '2026-03-07T23:00:00Z')).toBe(false);
    const listed = await ask('GET', '/data_attributes?model=contact');
    const types = z
      .object({ data: z.array(z.object({ name: z.string(), data_type: z.string() })) })
      .parse(listed.body)
      .data.filter(({ name }) => ['created_at', 'Enrolled Date', 'Employer'].includes(name))
      .map(({ name, data_type: type }) => [name, type]);
    expect(Object.fromEntries(types)).toEqual({
      created_at: 'datetime',
      'Enrolled Date': 'datetime',
      Employer: 'string',
    });
  });

  it('milliseconds find nothing', async () => {
    const { ask, workspace } = createSandbox();
    workspace.addContact();
    for (const value of [1_793_376_000_000, 10 ** 18]) {
      expect(
        await idsFound(ask, '/contacts/search', { query: { field: 'updated_at', operator: '>', value } }),
      ).toEqual([]);
    }
  });

  it('date attributes match by day too, and null finds those without', async () => {
    const { ask, workspace } = createSandbox({ timeZone: 'UTC' });
    const enrolled = workspace.addContact({
      customAttributes: { 'Enrolled Date': at('2026-05-04T00:00:00Z') },
    });
    const other = workspace.addContact();
    const query = (value: unknown) => ({
      query: { field: 'custom_attributes.Enrolled Date', operator: '=', value },
    });
    expect(await idsFound(ask, '/contacts/search', query(at('2026-05-04T17:00:00Z')))).toEqual([enrolled.id]);
    expect(await idsFound(ask, '/contacts/search', query(null))).toEqual([other.id]);
  });
});

describe('dates in conversation search', () => {
  const closedAt = at('2026-10-20T10:00:00-04:00');
  it.each([
    ['strict', '>', closedAt, 0],
    ['strict', '>', closedAt - 1, 1],
    ['strict', '<', closedAt, 0],
    ['or-equal', '>', closedAt, 1],
    ['or-equal', '<', closedAt, 1],
    ['or-equal', '>', closedAt + 1, 0],
  ] as const)('bounds are %s: %s %i finds %i', async (conversationSearchBounds, operator, value, count) => {
    const { ask, workspace } = createSandbox({ conversationSearchBounds });
    const { id } = workspace.addConversation({ contactIds: [] });
    workspace.closeConversation(id, { at: closedAt });
    const query = { field: 'statistics.last_close_at', operator, value };
    expect(await idsFound(ask, '/conversations/search', { query })).toHaveLength(count);
  });

  it('by the day where the workspace is set so', async () => {
    const { ask, workspace } = createSandbox({ conversationSearchDates: 'day' });
    workspace.closeConversation(workspace.addConversation({ contactIds: [] }).id, { at: closedAt });
    const query = { field: 'statistics.last_close_at', operator: '=', value: closedAt + 3_600 };
    expect(await idsFound(ask, '/conversations/search', { query })).toHaveLength(1);
  });
});

describe('filters', () => {
  const PEOPLE = [
    { name: 'Ada Byron', email: 'ada@one.example', externalId: 'M1' },
    { name: 'Grace Hopper', email: 'grace@two.example', externalId: 'M2' },
    { name: null, email: null, externalId: 'M3' },
  ];
  it.each([
    [{ field: 'name', operator: '=', value: 'Ada Byron' }, ['M1']],
    [{ field: 'name', operator: '!=', value: 'Ada Byron' }, ['M2', 'M3']],
    [{ field: 'name', operator: '=', value: null }, ['M3']],
    [{ field: 'name', operator: '!=', value: null }, ['M1', 'M2']],
    [{ field: 'name', operator: '~', value: 'HOP' }, ['M2']],
    [{ field: 'name', operator: '!~', value: 'hop' }, ['M1', 'M3']],
    [{ field: 'name', operator: '^', value: 'ada' }, ['M1']],
    [{ field: 'email', operator: '$', value: 'two.example' }, ['M2']],
    [{ field: 'email_domain', operator: '=', value: 'one.example' }, ['M1']],
    [{ field: 'external_id', operator: 'IN', value: ['M1', 'M3'] }, ['M1', 'M3']],
    [{ field: 'external_id', operator: 'NIN', value: ['M1', 'M3'] }, ['M2']],
    [
      {
        operator: 'AND',
        value: [
          { field: 'role', operator: '=', value: 'user' },
          { field: 'external_id', operator: '=', value: 'M2' },
        ],
      },
      ['M2'],
    ],
    [
      {
        operator: 'AND',
        value: [
          {
            operator: 'OR',
            value: [
              { field: 'external_id', operator: '=', value: 'M1' },
              { field: 'external_id', operator: '=', value: 'M3' },
            ],
          },
          { field: 'name', operator: '!=', value: null },
        ],
      },
      ['M1'],
    ],
  ])('%j', async (query, expected) => {
    const { ask, workspace } = createSandbox();
    const names = new Map(PEOPLE.map((person) => [workspace.addContact(person).id, person.externalId]));
    workspace.addContact({ role: 'lead', name: 'Ada Byron-Lead' });
    workspace.removeAttribute('contact', 'Referral');
    const found = await idsFound(ask, '/contacts/search', {
      query,
      sort: { field: 'id', order: 'ascending' },
    });
    expect(found.flatMap((id) => names.get(id) ?? [])).toEqual(expected);
  });

  it.each([
    [{ field: 'state', operator: '=', value: 'closed' }, [1]],
    [{ field: 'state', operator: 'IN', value: ['open', 'snoozed'] }, [0, 2]],
    [{ field: 'open', operator: '=', value: true }, [0, 2]],
    [{ field: 'admin_assignee_id', operator: '=', value: 5_210_002 }, [1]],
    [{ field: 'admin_assignee_id', operator: '>', value: 5_210_001 }, [1]],
    [{ field: 'teammate_ids', operator: '=', value: '5210002' }, [1]],
    [{ field: 'statistics.last_close_at', operator: '=', value: null }, [0, 2]],
    [{ field: 'contact_ids', operator: '=', value: 'second' }, [0, 1]],
    [{ field: 'contact_ids', operator: '!=', value: 'second' }, [2]],
    [{ field: 'contact_ids', operator: 'IN', value: ['first', 'nobody'] }, [0]],
    [{ field: 'contact_ids', operator: '=', value: null }, [2]],
  ])('conversations: %j', async (query, expected) => {
    const { ask, workspace } = createSandbox();
    const ids = [
      workspace.addConversation({ contactIds: ['first', 'second'] }).id,
      workspace.addConversation({ contactIds: ['second'], adminId: 5_210_002 }).id,
      workspace.addConversation({ contactIds: [] }).id,
    ];
    workspace.closeConversation(ids[1] ?? '');
    const found = await idsFound(ask, '/conversations/search', {
      query,
      sort: { field: 'id', order: 'ascending' },
    });
    expect(found.map((id) => ids.indexOf(id))).toEqual(expected);
  });
});

describe('pages', () => {
  const ALL = { field: 'created_at', operator: '>', value: 0 };

  it.each([
    ['/contacts/search', 50],
    ['/conversations/search', 20],
  ])('%s answers %i at a time unless told otherwise, newest change first', async (path, perPage) => {
    const { ask, workspace, clock } = createSandbox();
    const added: string[] = [];
    for (let number = 0; number < 60; number += 1) {
      clock.advance(1_000);
      added.push(
        path === '/contacts/search'
          ? workspace.addContact().id
          : workspace.addConversation({ contactIds: [] }).id,
      );
    }
    const answer = await ask('POST', path, { query: ALL });
    expect(idsIn(answer.body)).toEqual(added.toReversed().slice(0, perPage));
    expect(answer.at('total_count')).toBe(60);
    expect(answer.at('pages')).toMatchObject({
      type: 'pages',
      page: 1,
      per_page: perPage,
      total_pages: Math.ceil(60 / perPage),
    });
  });

  it('an empty result has no next page', async () => {
    const { ask } = createSandbox();
    const answer = await ask('POST', '/contacts/search', { query: ALL });
    expect(answer.body).toEqual({
      type: 'list',
      data: [],
      total_count: 0,
      pages: { type: 'pages', page: 1, per_page: 50, total_pages: 0 },
    });
  });

  const walk = async (
    ask: Ask,
    request: { path: string; sort: { field: string; order: string }; perPage: number },
    between: () => void = () => undefined,
  ): Promise<string[]> => {
    const found: string[] = [];
    let cursor: unknown;
    for (let page = 1; page < 1_000; page += 1) {
      const pagination = {
        per_page: request.perPage,
        ...(cursor === undefined ? {} : { starting_after: cursor }),
      };
      const answer = await ask('POST', request.path, { query: ALL, sort: request.sort, pagination });
      expect(answer.at('pages', 'page')).toBe(page);
      found.push(...idsIn(answer.body));
      cursor = answer.at('pages', 'next', 'starting_after');
      if (cursor === undefined) return found;
      between();
    }
    throw new Error('the pages have no end');
  };

  it('every item comes once and in order, whatever the order and the size of a page', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 40 }),
        fc.integer({ min: 1, max: 7 }),
        fc.constantFrom('ascending', 'descending'),
        fc.constantFrom('id', 'updated_at', 'created_at'),
        async (times, perPage, order, field) => {
          const { ask, workspace } = createSandbox();
          const added = times.map((createdAt) => workspace.addConversation({ contactIds: [], createdAt }));
          const found = await walk(ask, { path: '/conversations/search', sort: { field, order }, perPage });
          const key = (id: string): number =>
            field === 'id' ? Number(id) : workspace.conversation(id).updatedAt;
          expect(found.toSorted()).toEqual(added.map(({ id }) => id).toSorted());
          const keys = found.map(key);
          expect(keys).toEqual(keys.toSorted((a, b) => (order === 'ascending' ? a - b : b - a)));
        },
      ),
      { numRuns: 40 },
    );
  });

  it('ascending by updated_at, rows that change while paging come again at the end; none is missed', async () => {
    const { ask, workspace, clock } = createSandbox();
    const ids = Array.from(
      { length: 10 },
      (_, number) => workspace.addContact({ createdAt: 1_700_000_000 + number }).id,
    );
    let changed = 0;
    const found = await walk(
      ask,
      { path: '/contacts/search', sort: { field: 'updated_at', order: 'ascending' }, perPage: 3 },
      () => {
        if (changed > 0) return;
        changed += 1;
        clock.advance(1_000);
        workspace.updateContact(ids[0] ?? '', { name: 'Changed' });
      },
    );
    expect(found).toEqual([...ids, ids[0]]);
  });

  it('descending by updated_at, a row that changes jumps before the cursor and is missed', async () => {
    const { ask, workspace, clock } = createSandbox();
    const ids = Array.from(
      { length: 6 },
      (_, number) => workspace.addContact({ createdAt: 1_700_000_000 + number }).id,
    );
    const found = await walk(
      ask,
      { path: '/contacts/search', sort: { field: 'updated_at', order: 'descending' }, perPage: 2 },
      () => {
        clock.advance(1_000);
        workspace.updateContact(ids[0] ?? '', { name: 'Changed' });
      },
    );
    expect(found).toEqual(ids.toReversed().slice(0, 5));
  });
});

describe('the index lags behind', () => {
  it('contacts and conversations show in search only after the lag, by id at once', async () => {
    const { ask, workspace, clock } = createSandbox({ searchLagMs: 120_000 });
    const contact = workspace.addContact({ name: 'New' });
    const conversation = workspace.addConversation({ contactIds: [contact.id] });
    const search = async () => [
      (await ask('POST', '/contacts/search', { query: { field: 'name', operator: '=', value: 'New' } })).at(
        'total_count',
      ),
      (
        await ask('POST', '/conversations/search', {
          query: { field: 'state', operator: '=', value: 'open' },
        })
      ).at('total_count'),
    ];
    expect((await ask('GET', `/contacts/${contact.id}`)).status).toBe(200);
    clock.advance(119_999);
    expect(await search()).toEqual([0, 0]);
    clock.advance(1);
    expect(await search()).toEqual([1, 1]);
    workspace.closeConversation(conversation.id);
    workspace.deleteContact(contact.id);
    expect(await search()).toEqual([1, 1]);
    expect((await ask('GET', `/contacts/${contact.id}`)).status).toBe(404);
    workspace.catchUpSearch();
    expect(await search()).toEqual([0, 0]);
  });
});
