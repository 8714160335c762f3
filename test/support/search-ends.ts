import { expect, test } from 'vitest';
import type { Json } from '../../src/intercom/json.js';
import { MAX_PER_PAGE } from '../../src/intercom/search.js';
import { populate, type Population } from '../../src/sandbox/population.js';
import { createFilledHarness, populated } from './filled-harness.js';
import { createHarness, type Harness } from './harness.js';

export const CONVERSATIONS = { method: 'POST', path: '/conversations/search' };

export type Page = Json & { readonly pages: Json };

/** What an answer can say instead of where its next page is, or of how many there are. */
export const ODD_ENDS: readonly (readonly [string, (page: Page) => unknown])[] = [
  ['no pages.next', (page) => ({ ...page, pages: { type: 'pages' } })],
  ['a number in pages.next', (page) => ({ ...page, pages: { ...page.pages, next: 2 } })],
  [
    'an address in pages.next',
    (page) => ({ ...page, pages: { ...page.pages, next: 'https://x.test/?page=2' } }),
  ],
  ['an empty cursor', (page) => ({ ...page, pages: { ...page.pages, next: { starting_after: '' } } })],
  ['null in pages.next', (page) => ({ ...page, pages: { ...page.pages, next: null } })],
  ['no pages at all', (page) => ({ ...page, pages: null })],
  ['an empty page', (page) => ({ ...page, data: [], conversations: [] })],
  [
    'an empty page that counts nothing',
    () => ({ type: 'list', data: [], conversations: [], total_count: 0, pages: {} }),
  ],
  ['total_count null and no next page', (page) => ({ ...page, total_count: null, pages: {} })],
];

const IS_SOME: ReadonlySet<string> = new Set([
  'no pages.next',
  'an empty page that counts nothing',
  'total_count null and no next page',
]);
/** One of each kind: the next page is missing, the entries are, the count is. */
export const SOME_ODD_ENDS = ODD_ENDS.filter(([what]) => IS_SOME.has(what));

export const pageOf = (request: unknown): number =>
  typeof request === 'object' && request !== null && JSON.stringify(request).includes('starting_after')
    ? 2
    : 1;

/** Alters only the first page of a search, or only those behind it. */
function onPage(number: number, alter: (page: Page) => unknown) {
  return (body: unknown, request: unknown): unknown =>
    // A page asked for with one entry is a count.
    pageOf(request) === number && !JSON.stringify(request).includes('"per_page":1}')
      ? alter(Object(body))
      : undefined;
}

const MEMBERS = 16;

/** Members whose conversations fill so many pages. */
function populationOf(pages: number): Population {
  return { members: MEMBERS, conversationsPerMember: 13 * pages, seed: 3 };
}

function beginsQuietly(harness: Harness, pages: number): Harness {
  const { workspace, clock } = harness;
  expect(workspace.conversations().length).toBeGreaterThan((pages - 1) * MAX_PER_PAGE);
  workspace.webhooks.stop();
  clock.advance(30 * 60_000);
  return harness;
}

/** A workspace whose conversations fill so many pages, and a cache that knows nothing of them yet. */
export async function createPages(pages: number): Promise<Harness> {
  const harness = await createHarness();
  populate(harness.workspace, populationOf(pages));
  return beginsQuietly(harness, pages);
}

/** The same after the first backfill. */
export async function createFilledPages(pages: number): Promise<Harness> {
  return beginsQuietly(await createFilledHarness(populated(populationOf(pages))), pages);
}

function clearedBy(harness: Harness): number {
  return harness.workspace.calls
    .matching({ method: 'PUT' })
    .filter(({ body }) => JSON.stringify(body).includes('null')).length;
}

const NIGHTLY = { job: 'reconcile', params: { lookbackDays: null, dryRun: false, force: false } } as const;

/** A backfill and a night that meet such ends believe none of them. */
export function exerciseSearchEnds(odd: typeof ODD_ENDS): void {
  test.each(odd)('%s once: the phase begins again', async (_what, alter) => {
    const harness = await createPages(2);
    const { faults } = harness.workspace;
    faults.next(CONVERSATIONS, null, { kind: 'altered', alter: onPage(2, alter) });
    const run = await harness.backfill();
    expect(faults.happened).toBe(1);
    expect(run.status).toBe('done');
    await harness.settle();
    expect(await harness.wrongAttributes()).toEqual([]);
  });

  test.each(odd)('%s each time: the first backfill fails, and nothing is cleared', async (_what, alter) => {
    const harness = await createPages(2);
    harness.workspace.faults.always(CONVERSATIONS, { kind: 'altered', alter: onPage(1, alter) });
    await expect(harness.backfill()).rejects.toMatchObject({ code: 'intercom_search_incomplete' });
    expect(await harness.store.latestRun('backfill')).toMatchObject({
      status: 'failed',
      reason: expect.stringContaining('total_count'),
    });
    expect(await harness.store.freshness()).toMatchObject({ coverageFromAt: null, sweptUntilAt: null });
    expect(clearedBy(harness)).toBe(0);
  });

  test.each(odd)('%s in a night: it fails, nobody is erased and nothing cleared', async (_what, alter) => {
    const harness = await createFilledPages(2);
    const before = await harness.store.freshness();
    harness.workspace.calls.clear();
    harness.workspace.faults.always(CONVERSATIONS, { kind: 'altered', alter: onPage(1, alter) });
    await expect(harness.runJob(NIGHTLY)).rejects.toMatchObject({ code: 'intercom_search_incomplete' });
    expect(await harness.store.freshness()).toEqual(before);
    expect(harness.workspace.calls.matching({ method: 'PUT' })).toEqual([]);
    expect((await harness.store.backlog(harness.clock.nowMs())).members).toBe(MEMBERS);
  });
}
