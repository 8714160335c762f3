import { expect, test } from 'vitest';
import { createHarness, type Harness } from './support/harness.js';
import { addMember, COACH } from './support/report-workspace.js';

const AT = '2026-10-15T15:00:00Z';
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
/** It would go on for ever. */
const MAX_FIGHTS = 60;

interface Fight {
  readonly harness: Harness;
  readonly id: string;
  /** The other system gives up. */
  readonly stop: () => void;
}

/** Another system that sets the status to what it takes for right whenever it sees anything else. */
async function withFight(): Promise<Fight> {
  let isOn = true;
  let times = 0;
  const theirs = { customAttributes: { 'Engagement Status': 'Theirs' } };
  const harness = await createHarness({
    at: AT,
    wrapIntercom: (intercom) => ({
      ...intercom,
      updateContact: async (id, attributes, options) => {
        const answer = await intercom.updateContact(id, attributes, options);
        harness.clock.advance(50);
        times += 1;
        if (isOn && times < MAX_FIGHTS && 'Engagement Status' in attributes)
          harness.workspace.updateContact(id, theirs);
        return answer;
      },
    }),
  });
  const id = addMember(harness.workspace, {
    externalId: 'M-1',
    attributes: { 'Enrolled Date': '2026-10-01' },
  });
  return {
    harness,
    id,
    stop: () => {
      isOn = false;
    },
  };
}

function closeCall({ workspace }: Harness, contactId: string): void {
  const { id } = workspace.addConversation({ contactIds: [contactId], adminId: COACH });
  workspace.closeConversation(id, { channel: 'Phone', serviceCode: 'Health Coaching 001' });
}

const statusWrites = ({ workspace }: Harness): number =>
  workspace.calls
    .matching({ method: 'PUT' })
    .filter(({ body }) => JSON.stringify(body).includes('"Engagement Status"')).length;

async function gauge({ metrics }: Harness): Promise<number> {
  const line = (await metrics.scrape())
    .split('\n')
    .find((one) => one.startsWith('engagement_attributes_fought_over '));
  return Number(line?.split(' ')[1]);
}

test('two systems that write one attribute: a few writes, then growing pauses, for ever at most one an hour', async () => {
  const { harness } = await withFight();
  await harness.backfill();
  await harness.settleWithRetries(25_000);
  expect(statusWrites(harness)).toBe(3);
  await harness.settleWithRetries(24 * HOUR_MS);
  expect(statusWrites(harness)).toBeLessThan(40);
  expect(await harness.store.parked()).toEqual([]);
});

test('other attributes of the member are written at once meanwhile, and so is every other member', async () => {
  const { harness, id } = await withFight();
  const { workspace, clock } = harness;
  const other = addMember(workspace, { attributes: { 'Enrolled Date': '2026-10-01' } });
  await harness.backfill();
  await harness.settle();
  for (const contactId of [id, other]) {
    clock.advance(1000);
    closeCall(harness, contactId);
    await harness.settle();
    const { 'Last Call': lastCall, 'Last Coaching Session': lastSession } =
      workspace.contact(contactId).customAttributes;
    const now = Math.floor(clock.nowMs() / 1000);
    expect([lastCall, lastSession]).toEqual([now, now]);
  }
  expect(workspace.contact(id).customAttributes['Engagement Status']).toBe('Theirs');
});

test('it is named where people look, and it ends by itself when it is quiet', async () => {
  const { harness, stop } = await withFight();
  expect(await gauge(harness)).toBe(0);
  await harness.backfill();
  await harness.settle();
  expect(await gauge(harness)).toBe(1);
  expect(await (await harness.get('/intercom/activity')).text()).toContain('Fought over');
  const member: unknown = await (await harness.get('/API/intercom/members/M-1')).json();
  expect(JSON.stringify(member)).toContain('fought over: changed back 3 times');
  expect(await (await harness.get('/intercom/members/M-1')).text()).toContain('fought over');

  stop();
  await harness.settleWithRetries(10 * MINUTE_MS);
  expect(await harness.wrongAttributes()).toEqual([]);
  expect(await gauge(harness)).toBe(1);
  harness.clock.advance(HOUR_MS);
  expect(await gauge(harness)).toBe(0);
  expect(await (await harness.get('/intercom/activity')).text()).not.toContain('Fought over');
});

test('it is remembered over a restart', async () => {
  const { harness } = await withFight();
  await harness.backfill();
  await harness.settle();
  const writes = statusWrites(harness);
  const { clock, workspace, databasePath } = harness;
  await harness.store.close();
  const next = await createHarness({
    at: new Date(clock.nowMs() + 1000).toISOString(),
    database: databasePath,
    workspace: { clock },
    listens: false,
  });
  await next.settle();
  expect(await gauge(next)).toBe(1);
  expect(workspace.calls.matching({ method: 'PUT' })).toHaveLength(writes);
});

test('a person who sets a value back again and again is corrected at once twice, then later each time', async () => {
  const harness = await createHarness({ at: AT });
  const { workspace, clock } = harness;
  const id = addMember(workspace, { attributes: { 'Enrolled Date': '2026-10-01' } });
  await harness.backfill();
  const corrected: boolean[] = [];
  for (let edit = 0; edit < 6; edit += 1) {
    clock.advance(2 * MINUTE_MS);
    workspace.updateContact(id, { customAttributes: { 'Engagement Status': 'Unengaged' } });
    await harness.settle();
    corrected.push(workspace.contact(id).customAttributes['Engagement Status'] === 'Engaged');
    await harness.settleWithRetries(8 * MINUTE_MS);
  }
  expect(corrected).toEqual([true, true, false, false, false, false]);
  expect(statusWrites(harness)).toBe(7);
  await harness.settleWithRetries(2 * HOUR_MS);
  expect(await harness.wrongAttributes()).toEqual([]);
});

test('an attribute that Intercom refuses meanwhile is parked alone: the one fought over is written after its pause', async () => {
  const { harness, id, stop } = await withFight();
  await harness.backfill();
  await harness.settle();
  harness.workspace.archiveAttribute('contact', 'Last Call');
  harness.workspace.archiveAttribute('contact', 'Last Coaching Session');
  harness.workspace.archiveAttribute('contact', 'First Session Date');
  closeCall(harness, id);
  stop();
  await harness.settle();
  await harness.settleWithRetries(2 * HOUR_MS);
  const parked = await harness.store.parked();
  expect(parked).toMatchObject([{ kind: 'write', id }]);
  expect(parked[0]?.attributes.filter((name) => name.startsWith('Engagement'))).toEqual([]);
  expect(parked[0]?.reason).not.toContain('fought over');
  expect(harness.workspace.contact(id).customAttributes['Engagement Status']).toBe('Engaged');
});
