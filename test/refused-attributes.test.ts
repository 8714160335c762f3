import { expect, test } from 'vitest';
import type { MaintainedAttribute } from '../src/rules/vocabulary.js';
import type { Workspace } from '../src/sandbox/workspace.js';
import { createHarness, type Harness, type HarnessOptions } from './support/harness.js';

/** Members who each need all that a first call brings: six attributes, two of them about the status. */
async function addMembers(harness: Harness, count: number): Promise<readonly string[]> {
  const { workspace } = harness;
  const ids = Array.from(
    { length: count },
    () =>
      workspace.addContact({
        customAttributes: { 'Enrolled Date': '2026-10-01', Referral: 'Counter Health' },
      }).id,
  );
  for (const id of ids) close(workspace, id);
  return ids;
}

function close(workspace: Workspace, contactId: string): void {
  const { id } = workspace.addConversation({ contactIds: [contactId], adminId: 5_210_001 });
  workspace.closeConversation(id, { channel: 'Phone', serviceCode: 'Health Coaching 001' });
}

function puts({ workspace }: Harness): number {
  return workspace.calls.matching({ method: 'PUT' }).length;
}

async function missing(harness: Harness): Promise<readonly string[]> {
  return [...new Set((await harness.wrongAttributes()).map(({ attribute }) => attribute))];
}

const REFUSALS: readonly [string, (workspace: Workspace, name: MaintainedAttribute) => void][] = [
  ['archived', (workspace, name) => workspace.archiveAttribute('contact', name)],
  ['not there', (workspace, name) => workspace.removeAttribute('contact', name)],
  [
    'of another type',
    (workspace, name) => {
      workspace.removeAttribute('contact', name);
      workspace.addAttribute({ model: 'contact', name, dataType: 'boolean' });
    },
  ],
  [
    'not to be written through the API',
    (workspace, name) => {
      workspace.removeAttribute('contact', name);
      workspace.addAttribute({ model: 'contact', name, dataType: 'date', apiWritable: false });
    },
  ],
];
const WORDS: readonly [string, HarnessOptions][] = [
  ['the refusal names it', {}],
  ['the refusal does not name it', { workspace: { namesRefusedAttribute: false } }],
];

for (const [how, refuse] of REFUSALS) {
  test.each(WORDS)(
    `an attribute that is ${how}: the others are written, it alone is parked (%s)`,
    async (_words, options) => {
      const harness = await createHarness(options);
      refuse(harness.workspace, 'Last Call');
      const ids = await addMembers(harness, 8);
      await harness.backfill();
      await harness.settleWithRetries();
      expect(await missing(harness)).toEqual(['Last Call']);
      const parked = await harness.store.parked();
      expect(parked.map(({ id }) => id).toSorted()).toEqual([...ids].toSorted());
      expect(new Set(parked.map((item) => item.attributes.join()))).toEqual(new Set(['Last Call']));
      expect(parked[0]?.reason).toContain('intercom_refused_request');
      expect(parked[0]?.reason, 'in the words of Intercom').toMatch(/[Cc]ustom attribute/);
      // Those that went out together find out by themselves, the others know.
      expect(puts(harness)).toBeLessThanOrEqual(8 * 8);
      expect((await harness.store.backlog(harness.clock.nowMs())).writesWaiting).toBe(0);
    },
  );
}

test('what is known to be refused costs no further requests, until it may have come back', async () => {
  const harness = await createHarness();
  const { workspace, clock, store } = harness;
  const ids = await addMembers(harness, 6);
  await harness.backfill();
  await harness.settleWithRetries();
  workspace.removeAttribute('contact', 'Last Call');
  clock.advance(60_000);
  close(workspace, ids[0] ?? '');
  await harness.settleWithRetries();
  workspace.calls.clear();
  for (const id of ids.slice(1, 5)) close(workspace, id);
  await harness.settleWithRetries();
  expect(puts(harness)).toBe(4);
  expect(await missing(harness)).toEqual(['Last Call']);
  expect(await store.parked()).toHaveLength(5);

  workspace.addAttribute({ model: 'contact', name: 'Last Call', dataType: 'date' });
  clock.advance(11 * 60_000);
  close(workspace, ids[5] ?? '');
  await harness.settleWithRetries();
  expect((await harness.wrongAttributes()).map(({ contactId }) => contactId)).not.toContain(ids[5]);
});

test('a replay tries them whatever is known, and so does another value', async () => {
  const harness = await createHarness();
  const { workspace, clock, store } = harness;
  const ids = await addMembers(harness, 3);
  workspace.archiveAttribute('contact', 'Last Call');
  await harness.backfill();
  await harness.settleWithRetries();
  expect(await store.parked()).toHaveLength(3);
  // Nothing new: it stays parked, and is not tried again by sweeps.
  workspace.calls.clear();
  const sweep = { job: 'sweep', params: { lookbackDays: null, dryRun: false, force: false } } as const;
  await harness.runJob(sweep);
  expect(puts(harness)).toBe(0);

  workspace.removeAttribute('contact', 'Last Call');
  workspace.addAttribute({ model: 'contact', name: 'Last Call', dataType: 'date' });
  expect(await store.replay({ writes: [ids[0] ?? ''] }, clock.nowMs())).toBe(1);
  await harness.settleWithRetries();
  expect((await store.parked()).map(({ id }) => id).toSorted()).toEqual(ids.slice(1).toSorted());
  clock.advance(20 * 60_000);
  close(workspace, ids[1] ?? '');
  await harness.settleWithRetries();
  expect((await store.parked()).map(({ id }) => id)).toEqual(ids.slice(2));
  expect(await store.replay('all', clock.nowMs())).toBe(1);
  await harness.settleWithRetries();
  expect(await harness.wrongAttributes()).toEqual([]);
  expect(await store.parked()).toEqual([]);
});

test('several of them, beside an outage in the middle of it', async () => {
  const harness = await createHarness({ workspace: { namesRefusedAttribute: false } });
  const { workspace } = harness;
  await addMembers(harness, 2);
  for (const name of ['Last Call', 'Engagement Status']) workspace.archiveAttribute('contact', name);
  workspace.faults.next({ method: 'PUT' }, null, null, { kind: 'answer-lost' }, null, {
    kind: 'status',
    status: 503,
  });
  await harness.backfill();
  await harness.settleWithRetries();
  const alone = ['Engagement Status', 'Engagement Status Date', 'Last Call'];
  expect((await missing(harness)).toSorted(), 'a status is never dated without being written').toEqual(alone);
  for (const item of await harness.store.parked()) expect([...item.attributes].toSorted()).toEqual(alone);
  expect(await harness.store.parked()).toHaveLength(2);
});

test.each(WORDS)(
  'the date of the status alone: the status is written all the same (%s)',
  async (_words, options) => {
    const harness = await createHarness(options);
    harness.workspace.archiveAttribute('contact', 'Engagement Status Date');
    await addMembers(harness, 2);
    await harness.backfill();
    await harness.settleWithRetries();
    expect(await missing(harness)).toEqual([]);
    // It is written together with a change of the status or not at all: nothing is left to be replayed.
    expect(await harness.store.parked()).toEqual([]);
    const lines = harness.logLines.filter((line) => line.includes('"parked":["Engagement Status Date"]'));
    expect(lines).toHaveLength(2);
  },
);

test('a contact of which Intercom takes nothing is parked as a whole, after a bounded number of requests', async () => {
  const harness = await createHarness();
  const { workspace } = harness;
  const [bad = '', good = ''] = await addMembers(harness, 2);
  const body = {
    type: 'error.list',
    errors: [{ code: 'parameter_invalid', message: 'This contact is blocked' }],
  };
  workspace.faults.always({ method: 'PUT', path: `/contacts/${bad}` }, { kind: 'answer', status: 422, body });
  await harness.backfill();
  await harness.settleWithRetries();
  expect(await harness.store.parked()).toMatchObject([
    { id: bad, reason: expect.stringContaining('This contact is blocked') },
  ]);
  const wrong = await harness.wrongAttributes();
  expect(new Set(wrong.map(({ contactId }) => contactId))).toEqual(new Set([bad]));
  expect(workspace.calls.matching({ method: 'PUT', path: `/contacts/${bad}` }).length).toBeLessThanOrEqual(8);
  expect(workspace.calls.matching({ method: 'PUT', path: `/contacts/${good}` })).toHaveLength(1);
});

test('the activity page, the list and the member show which attribute waits for a person, and why', async () => {
  const harness = await createHarness();
  harness.workspace.archiveAttribute('contact', 'Last Call');
  const [id = ''] = await addMembers(harness, 1);
  await harness.backfill();
  await harness.settleWithRetries();
  const member = await harness.store.findMember(id);
  const outcomes = member?.writes.map(({ attribute, outcome }) => `${attribute}: ${outcome}`);
  expect(outcomes).toContain('Last Call: parked');
  expect(outcomes).toContain('Last Coaching Session: sent');
  const listed: unknown = await (await harness.get('/API/intercom/parked')).json();
  expect(listed).toMatchObject({ total: 1, items: [{ kind: 'write', id, attributes: ['Last Call'] }] });
  const page = await (await harness.get('/intercom/activity')).text();
  expect(page).toContain(': Last Call');
  expect(page).toContain('does not exist');
  expect(await (await harness.get('/metrics')).text()).toContain('engagement_writes_parked 1');
});
