import { describe, expect, test } from 'vitest';
import { AppError } from '../src/errors.js';
import type { CallOptions } from '../src/intercom/send-call.js';
import type { Search } from '../src/intercom/search.js';
import { populate } from '../src/sandbox/population.js';
import { createRandom } from '../src/sandbox/random.js';
import type { WorkspaceOptions } from '../src/sandbox/settings.js';
import type { Run } from '../src/store/ports/runs.js';
import type { Difference } from '../src/store/ports/sweeps.js';
import { createFilledHarness, populated } from './support/filled-harness.js';
import { createHarness, type Harness } from './support/harness.js';

const NIGHTLY = { job: 'reconcile', params: { lookbackDays: null, dryRun: false, force: false } } as const;
const SWEEP = { job: 'sweep', params: NIGHTLY.params } as const;

/**
 * A workspace with history, two pages of it, whose cache is filled and whose attributes are right; webhooks then get
 * lost.
 */
async function createFilled({
  members = 20,
  ...workspace
}: WorkspaceOptions & { readonly members?: number } = {}): Promise<Harness> {
  const population = { members, conversationsPerMember: 180 / members, seed: 2 };
  const harness = await createFilledHarness(populated(population), { workspace });
  expect(await harness.wrongAttributes()).toEqual([]);
  // The search index has caught up with all of it.
  harness.clock.advance(30 * 60_000);
  harness.workspace.webhooks.stop();
  harness.workspace.calls.clear();
  return harness;
}

async function driftOf(harness: Harness, run: Run): Promise<readonly Difference[]> {
  return (await harness.store.listDrift({ runId: run.id, limit: 5000, after: null })).differences;
}

/** Calls that close while nobody tells of it. */
function closeUnheard(harness: Harness, howMany: number): void {
  const open = harness.workspace.conversations().filter(({ state }) => state !== 'closed');
  for (const { id } of open.slice(0, howMany)) {
    harness.clock.advance(60_000);
    harness.workspace.closeConversation(id, { channel: 'Phone', serviceCode: 'Health Coaching 001' });
  }
}

function putsOf(harness: Harness): number {
  return harness.workspace.calls.matching({ method: 'PUT' }).length;
}

test('what webhooks have missed is found, named and written, and nothing else', async () => {
  const harness = await createFilled();
  closeUnheard(harness, 5);
  const wrong = await harness.wrongAttributes();
  expect(wrong.length).toBeGreaterThan(4);
  const run = await harness.runJob(NIGHTLY);

  expect(run).toMatchObject({ status: 'done', reason: null });
  const drift = await driftOf(harness, run);
  const pairsOf = (list: readonly { contactId: string; attribute: string }[]): string[] =>
    list.map(({ contactId, attribute }) => `${contactId} ${attribute}`).toSorted();
  expect(pairsOf(drift)).toEqual(pairsOf(wrong));
  for (const difference of drift) expect(difference.why).not.toBe('');
  const members = new Set(wrong.map(({ contactId }) => contactId));
  expect(putsOf(harness)).toBe(members.size);
  expect(run.result).toMatchObject({ changed: members.size, failed: 0, parked: 0 });
  expect(await harness.wrongAttributes()).toEqual([]);
  const again = await harness.runJob(NIGHTLY);
  expect(again.result).toMatchObject({ changed: 0 });
});

test('the sweep of every few minutes finds it too, and over an unchanged workspace takes four calls', async () => {
  const harness = await createFilled();
  closeUnheard(harness, 5);
  const run = await harness.runJob(SWEEP);
  expect(run.result).toMatchObject({ changed: expect.any(Number) });
  expect((await driftOf(harness, run)).length).toBeGreaterThan(4);
  expect(await harness.wrongAttributes()).toEqual([]);

  harness.clock.advance(60 * 60_000);
  expect((await harness.runJob(SWEEP)).status).toBe('done');
  harness.clock.advance(60 * 60_000);
  harness.workspace.calls.clear();
  const unchanged = await harness.runJob(SWEEP);
  expect(unchanged.result).toMatchObject({ changed: 0 });
  expect(harness.workspace.calls.total).toBeLessThanOrEqual(4);
  const nowAt = Math.floor(harness.clock.nowMs() / 1000);
  const { completeAt, sweptAt } = await harness.store.freshness();
  expect(completeAt).toBeGreaterThan(nowAt - 60);
  expect(sweptAt).toBeGreaterThan(nowAt - 60);
});

test('a dry run names the same differences and changes nothing, neither here nor in Intercom', async () => {
  const harness = await createFilled();
  closeUnheard(harness, 4);
  const before = await harness.wrongAttributes();
  const members = harness.workspace.contacts().map(({ id }) => id);
  const known = await Promise.all(members.map((id) => harness.store.findMember(id)));
  const dry = await harness.runJob({ job: 'reconcile', params: { ...NIGHTLY.params, dryRun: true } });
  expect(dry).toMatchObject({ status: 'done', params: { dryRun: true } });
  expect(await driftOf(harness, dry)).toHaveLength(before.length);
  expect(putsOf(harness)).toBe(0);
  expect(await harness.wrongAttributes()).toEqual(before);
  expect(await Promise.all(members.map((id) => harness.store.findMember(id)))).toEqual(known);
  const run = await harness.runJob(NIGHTLY);
  expect(await driftOf(harness, run)).toEqual(await driftOf(harness, dry));
});

test('a renamed attribute writes nothing, and the run says why', async () => {
  const harness = await createFilled();
  harness.workspace.renameConversationAttribute('Channel', 'Contact Channel');
  harness.clock.advance(30 * 60_000);
  const run = await harness.runJob(NIGHTLY);
  expect(run).toMatchObject({
    status: 'guarded',
    reason: expect.stringContaining('has no attribute "Channel" any more'),
  });
  expect(run.result?.guard.changed).toBeGreaterThan((run.result?.guard.of ?? 0) * 0.2);
  expect(putsOf(harness)).toBe(0);
  // The cache has not believed it either: an event about a member still finds its sessions.
  const [difference] = await driftOf(harness, run);
  const member = await harness.store.findMember(difference?.contactId ?? '');
  expect(member?.conversations.some(({ channel }) => channel !== null)).toBe(true);

  const forced = await harness.runJob({ job: 'reconcile', params: { ...NIGHTLY.params, force: true } });
  expect(forced.status).toBe('done');
  expect(putsOf(harness)).toBeGreaterThan(0);
  expect(await harness.wrongAttributes()).toEqual([]);
});

describe('what would take too many members away stops before anything is erased', () => {
  const notFound = (error: unknown) => ({ kind: 'refused', status: 404, body: error }) as const;
  const errorList = { type: 'error.list', request_id: null, errors: [{ code: 'not_found', message: '' }] };

  /** Search shows nobody, and every contact answers 404 in Intercom's own words. */
  function loseContacts(harness: Harness): void {
    const { faults } = harness.workspace;
    const nobody = { type: 'list', data: [], total_count: 0, pages: { type: 'pages' } };
    faults.always({ method: 'POST', path: '/contacts/search' }, { kind: 'altered', alter: () => nobody });
    faults.always({ method: 'GET', path: /^\/contacts\/[^/]+$/ }, notFound(errorList));
  }

  const membersOf = async (harness: Harness): Promise<number> =>
    (await harness.store.backlog(harness.clock.nowMs())).members;

  test('12 of 12 members answer 404: nobody is erased without force', async () => {
    const harness = await createFilled({ members: 12 });
    loseContacts(harness);
    const run = await harness.runJob(NIGHTLY);
    expect(run).toMatchObject({ status: 'guarded', result: { erased: 12, guard: { changed: 12, of: 12 } } });
    expect(run.reason).toContain('erased 12');
    expect(await membersOf(harness)).toBe(12);
    const dry = await harness.runJob({ job: 'reconcile', params: { ...NIGHTLY.params, dryRun: true } });
    expect(dry).toMatchObject({ status: 'done', result: { erased: 12 } });
    const answer: unknown = await (await harness.get(`/API/intercom/runs/${dry.id}`)).json();
    expect(answer).toMatchObject({ erased: 12 });
    expect(await membersOf(harness)).toBe(12);
    const forced = await harness.runJob({ job: 'reconcile', params: { ...NIGHTLY.params, force: true } });
    expect(forced).toMatchObject({ status: 'done', result: { erased: 12 } });
    expect(await membersOf(harness)).toBe(0);
  });

  test('a gateway that answers 404 erases nobody, even with force', async () => {
    const harness = await createFilled({ members: 4 });
    const { faults } = harness.workspace;
    loseContacts(harness);
    faults.clear();
    const nobody = { type: 'list', data: [], total_count: 0, pages: {} };
    faults.always({ method: 'POST', path: '/contacts/search' }, { kind: 'altered', alter: () => nobody });
    faults.always({ method: 'GET', path: /^\/contacts\/[^/]+$/ }, notFound({ message: 'no route' }));
    const run = await harness.runJob({ job: 'reconcile', params: { ...NIGHTLY.params, force: true } });
    expect(run).toMatchObject({ status: 'done', result: { erased: 0 } });
    expect(await membersOf(harness)).toBe(4);
  });

  test('all members have become leads, or were merged', async () => {
    const harness = await createFilled({ members: 12 });
    const { workspace } = harness;
    const users = workspace.contacts().filter(({ role, archived }) => role === 'user' && !archived);
    const [survivor, ...others] = users;
    for (const { id } of others.slice(0, 5)) workspace.mergeContacts(id, survivor?.id ?? '');
    const { faults } = workspace;
    const asLead = (body: unknown) => ({ ...Object(body), role: 'lead' });
    faults.always({ method: 'GET', path: /^\/contacts\/[^/]+$/ }, { kind: 'altered', alter: asLead });
    const ids = new Set(others.slice(5).map(({ id }) => id));
    faults.always(
      { method: 'POST', path: '/contacts/search' },
      {
        kind: 'altered',
        alter: (body) => {
          const page: { readonly data: readonly { readonly id: string }[] } = Object(body);
          const data = page.data.filter(({ id }) => !ids.has(id));
          return { ...page, data, total_count: data.length };
        },
      },
    );
    harness.clock.advance(30 * 60_000);
    const run = await harness.runJob(NIGHTLY);
    expect(run).toMatchObject({ status: 'guarded', result: { erased: 5, left: others.length - 5 } });
    expect(await membersOf(harness)).toBe(users.length);
  });

  test('conversations that are gone en masse', async () => {
    const harness = await createFilled({ members: 12 });
    const { workspace } = harness;
    const before = (await harness.store.backlog(harness.clock.nowMs())).conversations;
    for (const { id } of workspace.conversations()) workspace.deleteConversation(id);
    harness.clock.advance(30 * 60_000);
    const run = await harness.runJob(NIGHTLY);
    expect(run.status).toBe('guarded');
    expect(run.result?.lostConversations).toBeGreaterThan(3);
    expect((await harness.store.backlog(harness.clock.nowMs())).conversations).toBe(before);
  });

  test('one member of many is erased as ever', async () => {
    const harness = await createFilled({ members: 20 });
    const gone = harness.workspace.contacts().find(({ role, archived }) => role === 'user' && !archived);
    harness.workspace.deleteContact(gone?.id ?? '');
    harness.clock.advance(30 * 60_000);
    expect(await harness.runJob(NIGHTLY)).toMatchObject({ status: 'done', result: { erased: 1 } });
    expect(await harness.store.findMember(gone?.id ?? '')).toBeNull();
  });
});

test('a sync writes its own attributes and leaves the others to the next sweep', async () => {
  const harness = await createFilled();
  closeUnheard(harness, 3);
  const run = await harness.runJob({
    job: 'engagement-sync',
    params: { lookbackDays: 365, dryRun: false, force: false },
  });
  const wrong = await harness.wrongAttributes();
  const named = new Set((await driftOf(harness, run)).map(({ attribute }) => attribute));
  for (const attribute of named) expect(attribute).toMatch(/^Engagement Status/);
  expect(wrong.map(({ attribute }) => attribute)).toContain('Last Coaching Session');
  expect(wrong.filter(({ attribute }) => attribute === 'Engagement Status')).toEqual([]);
  await harness.runJob(SWEEP);
  await harness.runJob(NIGHTLY);
  expect(await harness.wrongAttributes()).toEqual([]);
});

test('contacts that are gone or merged are found by the whole sweep, confirmed by id', async () => {
  const harness = await createFilled();
  const { workspace, store } = harness;
  const [deleted, absorbed, survivor] = workspace.contacts().filter(({ role }) => role === 'user');
  if (deleted === undefined || absorbed === undefined || survivor === undefined) throw new Error('too few');
  workspace.deleteContact(deleted.id);
  workspace.mergeContacts(absorbed.id, survivor.id);
  const gone = workspace.conversations().find(({ contactIds }) => contactIds.length > 0);
  workspace.deleteConversation(gone?.id ?? '');
  harness.clock.advance(30 * 60_000);
  await harness.runJob(NIGHTLY);
  expect(await store.findMember(deleted.id)).toBeNull();
  expect(await store.findMember(absorbed.id)).toBeNull();
  const owner = await store.findMember(gone?.contactIds[0] ?? '');
  expect(owner?.conversations.map(({ id }) => id) ?? []).not.toContain(gone?.id);
  expect(await harness.wrongAttributes()).toEqual([]);
});

test('a contact that search does not show, but Intercom still has, is kept', async () => {
  const harness = await createFilled();
  const hidden = harness.workspace.contacts().find(({ role }) => role === 'user');
  const { intercom } = harness;
  const blind = {
    ...intercom,
    searchContacts: async (...parameters: Parameters<typeof intercom.searchContacts>) => {
      const page = await intercom.searchContacts(...parameters);
      const totalCount = page.totalCount === null ? null : page.totalCount - 1;
      return { ...page, totalCount, items: page.items.filter(({ id }) => id !== hidden?.id) };
    },
  };
  await harness.runJob(NIGHTLY, { intercom: blind });
  expect(await harness.store.findMember(hidden?.id ?? '')).not.toBeNull();
});

describe('nothing falls between pages, days and the lag of the search index', () => {
  const manners: readonly [string, WorkspaceOptions][] = [
    ['as documented', {}],
    ['conversations are searched by day too', { conversationSearchDates: 'day' }],
    ['bounds take in the second itself', { conversationSearchBounds: 'or-equal' }],
    ['contacts are searched by the second', { contactSearchDates: 'second' }],
    ['as from 2.17 on', { appVersion: '2.17', timeZone: 'Pacific/Auckland' }],
    ['the index lags by ten minutes', { searchLagMs: 10 * 60_000 }],
    ['a workspace in Auckland', { timeZone: 'Pacific/Auckland' }],
    ['attributes do not move updated_at', { attributesMoveUpdatedAt: false }],
    ['cleared attributes stay as null', { clearedAttributes: 'null' }],
  ];

  test.each(manners)('%s: sweeps alone keep everything right', async (_name, options) => {
    const harness = await createFilled({ members: 10, ...options });
    const { clock, workspace } = harness;
    const random = createRandom(5);
    for (let round = 0; round < 4; round += 1) {
      const conversations = workspace.conversations();
      for (let step = 0; step < 3; step += 1) {
        clock.advance(random.between(0, 100_000));
        const conversation = conversations[random.between(0, conversations.length - 1)];
        if (conversation === undefined) continue;
        if (conversation.state === 'closed') workspace.reopenConversation(conversation.id);
        else
          workspace.closeConversation(conversation.id, {
            channel: 'Phone',
            serviceCode: 'Health Coaching 001',
          });
        // Classified a while after the close, when its `updated_at` may stay what it was.
        clock.advance(90_000);
        workspace.setConversationAttributes(conversation.id, { Channel: 'Video Conference' });
      }
      // What the index has not shown yet is behind the next sweep's beginning.
      clock.advance(5 * 60_000);
      await harness.runJob(SWEEP);
    }
    clock.advance(20 * 60_000);
    await harness.runJob(SWEEP);
    if (options.attributesMoveUpdatedAt === false) await harness.runJob(NIGHTLY);
    expect(await harness.wrongAttributes()).toEqual([]);
  });
});

test('dates that Intercom keeps in another form are no drift', async () => {
  const harness = await createHarness({ workspace: { dateStorage: 'day' } });
  populate(harness.workspace, { members: 12, seed: 12 });
  await harness.backfill();
  harness.workspace.calls.clear();
  expect((await harness.runJob(NIGHTLY)).result).toMatchObject({ changed: 0 });
  expect(putsOf(harness)).toBe(0);
});

test('a read that fails for a while only makes a sweep longer', async () => {
  const harness = await createHarness({ workspace: { attributesMoveUpdatedAt: false } });
  populate(harness.workspace, { members: 10, seed: 13 });
  await harness.backfill();
  const open = harness.workspace.conversations().find(({ state }) => state !== 'closed');
  const id = open?.id ?? '';
  harness.workspace.closeConversation(id, { channel: 'Phone', serviceCode: 'Nutrition 003' });
  await harness.settle();
  // In the same second: which of the two is the later, only reading it by id tells.
  harness.workspace.setConversationAttributes(id, { 'Service Code': 'Health Coaching 001' });
  const failures = [new AppError('intercom_unavailable', 'later', 'GET /conversations/{id}: 503')];
  const { intercom } = harness;
  const flaky = {
    ...intercom,
    readConversation: (...parameters: Parameters<typeof intercom.readConversation>) => {
      const failure = failures.pop();
      return failure === undefined ? intercom.readConversation(...parameters) : Promise.reject(failure);
    },
  };
  const run = await harness.runJob(SWEEP, { intercom: flaky });
  expect(run.status).toBe('done');
  expect(failures).toEqual([]);
  expect(await harness.wrongAttributes()).toEqual([]);
});

test('where search does not answer newest first, all that changed since that day is read', async () => {
  const harness = await createFilled();
  const { intercom } = harness;
  const unsorted = {
    ...intercom,
    searchContacts: (search: Search, options: CallOptions) => {
      const { sort, ...plain } = search;
      return intercom.searchContacts(
        sort?.field === 'updated_at' ? { ...plain, sort: byAge } : search,
        options,
      );
    },
  };
  const [contact] = harness.workspace.contacts();
  harness.workspace.updateContact(contact?.id ?? '', { name: 'Renamed Person' });
  harness.clock.advance(60_000);
  await harness.runJob(SWEEP, { intercom: unsorted });
  expect((await harness.store.findMember(contact?.id ?? ''))?.contact.name).toBe('Renamed Person');
});

const byAge = { field: 'created_at', order: 'ascending' } as const;

test('webhooks that have gone quiet while sweeps find changes are noticed, and forgotten when they are back', async () => {
  const harness = await createFilled();
  const silentSince = async (): Promise<number | null> => (await harness.store.freshness()).silentSinceAt;
  harness.clock.advance(10 * 3_600_000);
  await harness.runJob(SWEEP);
  expect(await silentSince(), 'quiet, and nothing to tell').toBeNull();
  closeUnheard(harness, 2);
  harness.clock.advance(3_600_000);
  await harness.runJob(SWEEP);
  expect(await silentSince()).not.toBeNull();
  const { body, headers } = harness.signed(
    JSON.stringify({
      type: 'notification_event',
      id: 'notif_1',
      topic: 'ping',
      data: { item: { type: 'ping' } },
    }),
  );
  await harness.app.request('/webhooks/intercom', { method: 'POST', body, headers });
  await harness.settle();
  const [open] = harness.workspace.conversations();
  const told = harness.signed(
    JSON.stringify({
      type: 'notification_event',
      id: 'notif_2',
      topic: 'conversation.admin.opened',
      created_at: Math.floor(harness.clock.nowMs() / 1000),
      data: { item: { type: 'conversation', id: open?.id } },
    }),
  );
  await harness.app.request('/webhooks/intercom', { method: 'POST', body: told.body, headers: told.headers });
  await harness.settle();
  expect(await silentSince()).toBeNull();
});

test('many objects to read while Intercom is down: few calls at once, few lines', async () => {
  let atOnce = 0;
  let mostAtOnce = 0;
  let failed = 0;
  const harness = await createHarness({
    wrapIntercom: (client) => ({
      ...client,
      readConversation: async (id, call) => {
        atOnce += 1;
        mostAtOnce = Math.max(mostAtOnce, atOnce);
        try {
          return await client.readConversation(id, call);
        } catch (error) {
          failed += 1;
          if (failed >= 60) harness.workspace.faults.clear();
          throw error;
        } finally {
          atOnce -= 1;
        }
      },
    }),
  });
  const { workspace } = harness;
  const member = workspace.addContact({ externalId: 'M-1' }).id;
  const calls = Array.from({ length: 120 }, () => workspace.addConversation({ contactIds: [member] }).id);
  await harness.backfill();
  harness.clock.advance(30 * 60_000);
  workspace.webhooks.stop();
  for (const id of calls) workspace.deleteConversation(id);
  workspace.faults.always({ method: 'GET', path: /^\/conversations\// }, { kind: 'status', status: 503 });
  const run = await harness.runJob({ job: 'reconcile', params: { ...NIGHTLY.params, force: true } });
  expect(run.status).toBe('done');
  expect(mostAtOnce).toBe(8);
  expect(failed).toBeGreaterThanOrEqual(60);
  const said = harness.logLines.filter((line) => /"level":"(?:warn|error)"/.test(line));
  expect(said.length).toBeLessThan(8);
  expect((await harness.store.findMember(member))?.conversations).toEqual([]);
});
