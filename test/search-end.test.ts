import { describe, expect, test } from 'vitest';
import { createHarness } from './support/harness.js';
import {
  CONVERSATIONS,
  createFilledPages,
  createPages,
  exerciseSearchEnds,
  pageOf,
  SOME_ODD_ENDS,
  type Page,
} from './support/search-ends.js';

const SWEEP = { job: 'sweep', params: { lookbackDays: null, dryRun: false, force: false } } as const;

describe('the end of a search that does not agree with total_count is not believed', () => {
  // `npm run test:safety` tries all of them.
  exerciseSearchEnds(SOME_ODD_ENDS);

  test('a cursor that leads round in circles ends, and is not believed', async () => {
    const harness = await createPages(6);
    const { faults, calls } = harness.workspace;
    const seen: unknown[] = [];
    const circle = (body: unknown): unknown => {
      const page: Page = Object(body);
      seen.push(page.pages['next']);
      return seen.length > 4 ? { ...page, pages: { ...page.pages, next: seen[2] } } : undefined;
    };
    faults.always(CONVERSATIONS, { kind: 'altered', alter: circle });
    await expect(harness.backfill()).rejects.toMatchObject({ code: 'intercom_search_incomplete' });
    expect(calls.matching(CONVERSATIONS).length).toBeLessThan(200);
    expect((await harness.store.freshness()).coverageFromAt).toBeNull();
  });

  test('a cursor that has grown stale: the phase begins again', async () => {
    const harness = await createPages(3);
    const stale = { kind: 'status', status: 400 } as const;
    harness.workspace.faults.next(CONVERSATIONS, null, null, stale);
    expect((await harness.backfill()).status).toBe('done');
    await harness.settle();
    expect(await harness.wrongAttributes()).toEqual([]);
  });

  test('what is new, changed or deleted while pages are read does not count against them', async () => {
    const harness = await createPages(6);
    const { workspace } = harness;
    const [first, second, third] = workspace.conversations().toReversed();
    let pages = 0;
    const busy = (): undefined => {
      pages += 1;
      harness.clock.advance(1000);
      // Moves to the front, which has been read.
      if (pages === 2) workspace.closeConversation(first?.id ?? '', { channel: 'Phone', serviceCode: 'x' });
      if (pages === 3) workspace.deleteConversation(second?.id ?? '');
      if (pages === 4) workspace.addConversation({ contactIds: [workspace.addContact().id] });
      if (pages === 5) workspace.reopenConversation(third?.id ?? '');
      return undefined;
    };
    workspace.faults.always(CONVERSATIONS, { kind: 'altered', alter: busy });
    const run = await harness.backfill();
    expect(run.status).toBe('done');
    expect(run.checkpoint).not.toContain('again');
    await harness.settle();
    expect(await harness.wrongAttributes()).toEqual([]);
  });

  test('entries that come twice stand for no others', async () => {
    const harness = await createPages(3);
    let first: unknown;
    const repeat = (body: unknown, request: unknown): unknown => {
      const page: Page = Object(body);
      if (pageOf(request) === 1) first ??= page['conversations'];
      return pageOf(request) === 2 && page.pages['next'] !== undefined
        ? { ...page, conversations: first }
        : undefined;
    };
    harness.workspace.faults.always(CONVERSATIONS, { kind: 'altered', alter: repeat });
    await expect(harness.backfill()).rejects.toMatchObject({ code: 'intercom_search_incomplete' });
    expect((await harness.store.freshness()).coverageFromAt).toBeNull();
  });

  test.each([CONVERSATIONS, { method: 'POST', path: '/contacts/search' }])(
    'the sweep of every few minutes takes no empty page for an end either: $path',
    async (search) => {
      const harness = await createFilledPages(2);
      for (const { id } of harness.workspace.conversations().slice(0, 3))
        harness.workspace.reopenConversation(id);
      const before = await harness.store.freshness();
      const empty = (body: unknown) => ({ ...Object(body), data: [], conversations: [] });
      harness.workspace.faults.always(search, { kind: 'altered', alter: empty });
      await expect(harness.runJob(SWEEP)).rejects.toMatchObject({ code: 'intercom_search_incomplete' });
      expect(await harness.store.freshness()).toEqual(before);
      harness.workspace.faults.clear();
      expect((await harness.runJob(SWEEP)).status).toBe('done');
    },
  );

  test('a count that Intercom does not tell is no count: the cache is not called complete', async () => {
    const harness = await createFilledPages(2);
    const { completeAt } = await harness.store.freshness();
    const uncounted = (body: unknown) => ({ ...Object(body), total_count: null });
    const isCount = (request: unknown): boolean => JSON.stringify(request).includes('"per_page":1}');
    harness.workspace.faults.always(
      { ...CONVERSATIONS, body: isCount },
      { kind: 'altered', alter: uncounted },
    );
    harness.clock.advance(60_000);
    expect(await harness.runJob(SWEEP)).toMatchObject({ status: 'done', result: { totals: null } });
    expect((await harness.store.freshness()).completeAt).toBe(completeAt);
  });

  test('a merged contact takes over all its conversations, or the merge is tried again', async () => {
    const harness = await createHarness();
    const { workspace } = harness;
    const [absorbed, survivor] = [workspace.addContact(), workspace.addContact()];
    for (let call = 0; call < 3; call += 1) workspace.addConversation({ contactIds: [absorbed.id] });
    await harness.settle();
    const empty = (body: unknown) => ({ ...Object(body), conversations: [], pages: null });
    workspace.faults.next(CONVERSATIONS, { kind: 'altered', alter: empty });
    workspace.mergeContacts(absorbed.id, survivor.id);
    await harness.settle();
    const [merge] = await harness.store.recentNotifications(1, harness.clock.nowMs());
    expect(merge).toMatchObject({ topic: 'contact.merged', reason: expect.stringContaining('total_count') });
    await harness.settleWithRetries();
    expect((await harness.store.findMember(survivor.id))?.conversations).toHaveLength(3);
  });
});
