import { describe, expect, test } from 'vitest';
import type { Json } from '../src/intercom/json.js';
import { populate } from '../src/sandbox/population.js';
import type { Run } from '../src/store/ports/runs.js';
import { createHarness, type Harness } from './support/harness.js';

const PARAMS = { lookbackDays: null, dryRun: false, force: false } as const;
const NIGHTLY = { job: 'reconcile', params: PARAMS } as const;
const SWEEP = { job: 'sweep', params: PARAMS } as const;

interface Broken {
  readonly kind: 'contact' | 'conversation';
  readonly id: string;
  readonly alter: (raw: Json) => unknown;
}

/** Shows one object otherwise wherever it is shown, or only in searches. */
function breakObject(
  harness: Harness,
  { kind, id, alter }: Broken,
  where: 'everywhere' | 'in searches',
): void {
  const { faults } = harness.workspace;
  const list = kind === 'contact' ? 'contacts' : 'conversations';
  const key = kind === 'contact' ? 'data' : 'conversations';
  const alterEntry = (entry: unknown): unknown => (Object(entry).id === id ? alter(Object(entry)) : entry);
  faults.always(
    { method: 'POST', path: `/${list}/search` },
    {
      kind: 'altered',
      alter: (body) => {
        const page: Json = Object(body);
        const entries: unknown = page[key];
        return Array.isArray(entries) ? { ...page, [key]: entries.map(alterEntry) } : undefined;
      },
    },
  );
  if (where === 'everywhere') {
    faults.always({ method: 'GET', path: `/${list}/${id}` }, { kind: 'altered', alter: alterEntry });
  }
}

async function createPopulated(): Promise<Harness> {
  const harness = await createHarness();
  populate(harness.workspace, { members: 12, seed: 11 });
  harness.workspace.webhooks.stop();
  harness.clock.advance(30 * 60_000);
  return harness;
}

interface Parked {
  readonly kind: string;
  readonly id: string;
  readonly reason: string;
}

async function parkedIn(harness: Harness): Promise<readonly Parked[]> {
  const body: Json = Object(await (await harness.get('/API/intercom/parked')).json());
  return Object(body['items']);
}

async function answerOf(harness: Harness, run: Run): Promise<Json> {
  return Object(await (await harness.get(`/API/intercom/runs/${run.id}`)).json());
}

/** The latest qualifying call of some member, and who that is. */
function latestCall(harness: Harness): { readonly id: string; readonly contactId: string } {
  const calls = harness.workspace
    .conversations()
    .filter(
      ({ state, customAttributes }) =>
        state === 'closed' &&
        customAttributes['Channel'] === 'Phone' &&
        customAttributes['Service Code'] === 'Health Coaching 001',
    );
  const call = calls.toSorted((one, other) => other.updatedAt - one.updatedAt)[0];
  const contactId = call?.contactIds[0];
  if (call === undefined || contactId === undefined) throw new Error('nobody has called');
  return { id: call.id, contactId };
}

const BROKEN_CALLS: readonly (readonly [string, (raw: Json) => unknown])[] = [
  ['state', (raw) => ({ ...raw, state: 'resting' })],
  ['updated_at', ({ created_at: _created, ...raw }) => ({ ...raw, updated_at: null })],
  ['custom_attributes', (raw) => ({ ...raw, custom_attributes: null })],
  ['statistics', (raw) => ({ ...raw, statistics: 'many' })],
];

describe('one object that cannot be read', () => {
  test.each(BROKEN_CALLS)('a call whose %s means nothing is parked alone', async (field, alter) => {
    const harness = await createPopulated();
    const { id, contactId } = latestCall(harness);
    const held = { 'Last Coaching Session': Math.floor(harness.clock.nowMs() / 1000) - 3600 };
    harness.workspace.updateContact(contactId, { customAttributes: held });
    breakObject(harness, { kind: 'conversation', id, alter }, 'everywhere');
    const run = await harness.backfill();
    await harness.settle();

    expect(run.status).toBe('done');
    expect(await answerOf(harness, run)).toMatchObject({ status: 'done', parked: 1 });
    const reason = expect.stringContaining(field);
    expect(await parkedIn(harness)).toMatchObject([{ kind: 'conversation', id, reason }]);
    const told = harness.logLines.filter((line) => line.includes('cannot be read'));
    expect(told).toHaveLength(1);
    expect(told[0]).toContain(`"field":"${field}`);
    expect(told[0]).not.toMatch(/resting|many/);
    // What it may support stays; everybody else is right.
    const after = harness.workspace.contacts().find((one) => one.id === contactId);
    expect(after?.customAttributes).toMatchObject(held);
    const wrong = await harness.wrongAttributes();
    expect(wrong.filter((one) => one.contactId !== contactId)).toEqual([]);

    // Nights go on, ask for it less and less often, and take it in once it can be read.
    harness.clock.advance(10 * 60_000);
    expect(await harness.runJob(NIGHTLY)).toMatchObject({ status: 'done' });
    const byId = { method: 'GET', path: `/conversations/${id}` };
    const asked = harness.workspace.calls.matching(byId).length;
    expect(asked).toBeLessThanOrEqual(3);
    harness.clock.advance(60_000);
    await harness.runJob(SWEEP);
    expect(harness.workspace.calls.matching(byId)).toHaveLength(asked);
    harness.workspace.faults.clear();
    harness.clock.advance(86_400_000);
    expect((await harness.runJob(SWEEP)).status).toBe('done');
    expect(await parkedIn(harness)).toEqual([]);
    await harness.runJob(NIGHTLY);
    expect(await harness.wrongAttributes()).toEqual([]);
  });

  test.each([
    ['role', (raw: Json) => ({ ...raw, role: null })],
    ['updated_at', (raw: Json) => ({ ...raw, updated_at: ['now'] })],
    ['custom_attributes', (raw: Json) => ({ ...raw, custom_attributes: 7 })],
  ] as const)('a contact whose %s means nothing is parked alone', async (field, alter) => {
    const harness = await createPopulated();
    await harness.backfill();
    await harness.settle();
    const { contactId: id } = latestCall(harness);
    breakObject(harness, { kind: 'contact', id, alter }, 'everywhere');
    harness.clock.advance(30 * 60_000);
    const run = await harness.runJob(NIGHTLY);
    expect(await answerOf(harness, run)).toMatchObject({ status: 'done', parked: 1 });
    const reason = expect.stringContaining(field);
    expect(await parkedIn(harness)).toMatchObject([{ kind: 'contact', id, reason }]);
    expect(await harness.store.findMember(id)).not.toBeNull();
    expect(await harness.store.freshness()).toMatchObject({
      completeAt: Math.floor((run.finishedAtMs ?? 0) / 1000),
    });
  });

  test('one that only searches show so is read by its id', async () => {
    const harness = await createPopulated();
    const { id } = latestCall(harness);
    const alter = (raw: Json) => ({ ...raw, state: null, open: null });
    breakObject(harness, { kind: 'conversation', id, alter }, 'in searches');
    await harness.backfill();
    await harness.settle();
    expect(await parkedIn(harness)).toEqual([]);
    expect(await harness.wrongAttributes()).toEqual([]);
  });

  test('an entry without an id is named by its place, and nothing is cleared for want of it', async () => {
    const harness = await createPopulated();
    const { id, contactId } = latestCall(harness);
    const held = { 'Last Coaching Session': Math.floor(harness.clock.nowMs() / 1000) - 3600 };
    harness.workspace.updateContact(contactId, { customAttributes: held });
    breakObject(harness, { kind: 'conversation', id, alter: () => null }, 'in searches');
    const run = await harness.backfill();
    await harness.settle();
    expect(run).toMatchObject({ status: 'done', progress: { parked: 1 } });
    expect(await parkedIn(harness)).toMatchObject([
      { kind: 'conversation', id: expect.stringMatching(/^#\d+$/) },
    ]);
    const after = harness.workspace.contacts().find((one) => one.id === contactId);
    expect(after?.customAttributes).toMatchObject(held);
    harness.workspace.faults.clear();
    harness.clock.advance(86_400_000);
    await harness.runJob(NIGHTLY);
    expect(await parkedIn(harness)).toEqual([]);
    await harness.runJob({ job: 'reconcile', params: { ...PARAMS, force: true } });
    expect(await harness.wrongAttributes()).toEqual([]);
  });

  test('a replay reads it at once, and parks it again when that is no better', async () => {
    const harness = await createPopulated();
    const { id } = latestCall(harness);
    const alter = (raw: Json) => ({ ...raw, state: 'resting' });
    breakObject(harness, { kind: 'conversation', id, alter }, 'everywhere');
    await harness.backfill();
    const replay = async (): Promise<void> => {
      const answer = await harness.app.request('/API/intercom/replay', {
        method: 'POST',
        body: JSON.stringify({ conversations: [id] }),
        headers: { authorization: 'Bearer test-token-0123456789', 'content-type': 'application/json' },
      });
      expect(await answer.json()).toEqual({ replayed: 1 });
      await harness.settle();
    };
    const page = await (await harness.get('/intercom/activity')).text();
    expect(page).toContain(`name="conversation" value="${id}"`);
    await replay();
    expect(await parkedIn(harness)).toHaveLength(1);
    harness.workspace.faults.clear();
    harness.clock.advance(1000);
    await replay();
    expect(await parkedIn(harness)).toEqual([]);
    expect(await harness.wrongAttributes()).toEqual([]);
  });

  test('one whose answer never comes while Intercom answers all else is parked, too', async () => {
    const harness = await createPopulated();
    const { id } = latestCall(harness);
    const alter = (raw: Json) => ({ ...raw, state: 'resting' });
    breakObject(harness, { kind: 'conversation', id, alter }, 'in searches');
    harness.workspace.faults.always(
      { method: 'GET', path: `/conversations/${id}` },
      { kind: 'status', status: 500 },
    );
    expect((await harness.backfill()).status).toBe('done');
    expect(await parkedIn(harness)).toMatchObject([
      { id, reason: expect.stringContaining('intercom_unavailable') },
    ]);
  });
});
