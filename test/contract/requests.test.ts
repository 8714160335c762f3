import { http, passthrough } from 'msw';
import { setupServer } from 'msw/node';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.js';
import { createIntercomClient, type IntercomClient } from '../../src/intercom/client.js';
import { createRateBudget } from '../../src/intercom/rate-budget.js';
import {
  allMembers,
  conversationsChangedSince,
  conversationsClosedSince,
  conversationsOfContact,
  membersByChange,
  membersUpdatedSince,
} from '../../src/intercom/search.js';
import { createWorkspace, type Workspace } from '../../src/sandbox/workspace.js';
import { handlersFor } from '../support/sandbox-msw.js';
import { DESCRIBED_VERSIONS, loadDescription } from './openapi.js';

interface Sent {
  readonly method: string;
  readonly path: string;
  readonly body: unknown;
  readonly headers: Readonly<Record<string, string>>;
}

/** Described for contacts since 2.16 only, while public connectors have sent it with every version since 2.0. */
const TAKEN_THOUGH_NOT_DESCRIBED: ReadonlySet<string> = new Set(['body/sort is not described']);

const how = { priority: 'sweep' } as const;

describe.each(DESCRIBED_VERSIONS)('every request of the client is as described in %s', (version) => {
  let workspace: Workspace;
  let client: IntercomClient;
  let sent: Sent[];
  let server: ReturnType<typeof setupServer>;

  beforeEach(() => {
    workspace = createWorkspace({ appVersion: version });
    sent = [];
    const record = http.all('*', async ({ request }) => {
      const url = new URL(request.url);
      const text = await request.clone().text();
      const body: unknown = text === '' ? undefined : JSON.parse(text);
      const headers = Object.fromEntries(request.headers);
      sent.push({ method: request.method, path: url.pathname + url.search, body, headers });
      return undefined;
    });
    const end = http.all('*', () => passthrough());
    server = setupServer(record, ...handlersFor(workspace), end);
    server.listen({ onUnhandledRequest: 'error' });
    client = createIntercomClient({
      apiBase: 'https://api.intercom.io',
      token: workspace.settings.token,
      version,
      budget: createRateBudget({ clock: systemClock }),
      clock: systemClock,
    });
  });
  afterEach(() => server.close());

  const expectAsDescribed = (count: number): void => {
    expect(sent).toHaveLength(count);
    const description = loadDescription(version);
    for (const { method, path, body, headers } of sent) {
      const complaints = description.checkRequest(method, path, body, headers);
      const unknown = complaints.filter((complaint) => !TAKEN_THOUGH_NOT_DESCRIBED.has(complaint));
      expect(unknown, `${method} ${path}`).toEqual([]);
      expect(headers).toMatchObject({ 'intercom-version': version, accept: 'application/json' });
    }
  };

  it('the workspace and the admins', async () => {
    await client.readWorkspace(how);
    await client.listAdmins(how);
    expectAsDescribed(2);
  });

  it('a contact and a conversation by id', async () => {
    const contact = workspace.addContact();
    const conversation = workspace.addConversation({ contactIds: [contact.id] });
    expect(await client.readContact(contact.id, how)).toMatchObject({ kind: 'found' });
    expect(await client.readConversation(conversation.id, how)).toMatchObject({ kind: 'found' });
    expectAsDescribed(2);
  });

  it('a write, with values and cleared ones', async () => {
    const { id } = workspace.addContact();
    const written = await client.updateContact(
      id,
      { 'Last Call': 1_790_000_000, 'Engagement Status': 'Engaged', 'First Session Date': null },
      how,
    );
    expect(written).toMatchObject({ kind: 'found' });
    expectAsDescribed(1);
  });

  it('every search, its first page and one behind a cursor', async () => {
    for (let number = 0; number < 160; number += 1) {
      const { id } = workspace.addContact({ externalId: `M-${number}` });
      workspace.addConversation({ contactIds: [id] });
    }
    for (const search of [allMembers(), membersByChange(), membersUpdatedSince(1_700_000_000)]) {
      const first = await client.searchContacts(search, how);
      expect(first.nextCursor).not.toBeNull();
      await client.searchContacts({ ...search, cursor: first.nextCursor }, how);
    }
    const changed = conversationsChangedSince(1_700_000_000);
    const first = await client.searchConversations(changed, how);
    expect(first.nextCursor).not.toBeNull();
    await client.searchConversations({ ...changed, cursor: first.nextCursor }, how);
    const [contact] = workspace.contacts();
    const own = await client.searchConversations(conversationsOfContact(contact?.id ?? ''), how);
    expect(own.totalCount).toBe(1);
    await client.searchConversations(conversationsClosedSince(1_700_000_000), how);
    expectAsDescribed(10);
  });

  it('the clock, the attributes of contacts and conversations, and a new one', async () => {
    await client.readClock(how);
    const before = await client.listContactAttributes(how);
    expect(before).toContainEqual(
      expect.objectContaining({ name: 'Last Call', dataType: 'date', apiWritable: true }),
    );
    const names = (await client.listConversationAttributes(how)).map(({ name }) => name);
    expect(names).toEqual(['Channel', 'Service Code']);
    await client.createContactAttribute({ name: 'Seen On', dataType: 'date' }, how);
    await client.createContactAttribute({ name: 'Mood', dataType: 'string' }, how);
    expectAsDescribed(5);
  });

  it('a write to a contact that does not exist, as a question about the scope', async () => {
    expect(await client.updateContact('0'.repeat(24), {}, how)).toEqual({ kind: 'gone' });
    expectAsDescribed(1);
  });
});
