import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, onTestFinished, test } from 'vitest';
import { createLog } from '../src/log.js';
import { createWorkLoop } from '../src/work/work-loop.js';
import { createHarness, type Harness } from './support/harness.js';
import { createMovedClock } from './support/moved-clock.js';

const DAY_MS = 86_400_000;
const WORDS = 'my knee hurts since the wedding';

/** The database and the files beside it, byte by byte. */
function readFiles({ databasePath }: Harness): string {
  const directory = dirname(databasePath);
  return readdirSync(directory)
    .filter((file) => file.startsWith('test.db'))
    .map((file) => readFileSync(join(directory, file), 'latin1'))
    .join('');
}

function hasWords(harness: Harness): boolean {
  return readFiles(harness).includes(WORDS);
}

test('what coaches and members wrote is gone after thirty days, from the file and from its log', async () => {
  const harness = await createHarness();
  const { workspace, clock } = harness;
  const { id } = workspace.addContact();
  const item = { type: 'conversation', id: '77', source: { body: WORDS }, contacts: { contacts: [{ id }] } };
  const notification = { id: 'notif_1', topic: 'conversation.admin.closed', data: { item } };
  const { body, headers } = harness.signed(JSON.stringify(notification));
  const answer = await harness.app.request('/webhooks/intercom', { method: 'POST', body, headers });
  expect(answer.status).toBe(200);
  await harness.settle();
  clock.advance(30 * DAY_MS - 1000);
  await harness.settle();
  expect(hasWords(harness)).toBe(true);
  clock.advance(11 * 60_000);
  await harness.settle();
  expect(hasWords(harness)).toBe(false);
  expect(harness.logLines.join()).toContain('payloads were erased');
  const entries = await harness.store.recentNotifications(9, clock.nowMs());
  expect(entries.map(({ topic }) => topic)).toContain('conversation.admin.closed');
});

async function chore(harness: Harness, gauge: 'age_seconds' | 'failures', name: string): Promise<number> {
  const text = await (await harness.get('/metrics')).text();
  const [, value = 'NaN'] =
    new RegExp(`^engagement_chore_${gauge}\\{chore="${name}"\\} (\\S+)$`, 'm').exec(text) ?? [];
  return Number(value.replace('Inf', 'Infinity'));
}

test('a chore that fails fails alone, is named and counted, and is tried again after growing pauses', async () => {
  const harness = await createHarness();
  const { workspace, clock } = harness;
  workspace.addContact({ externalId: 'M-1' });
  await harness.settle();
  expect(await chore(harness, 'age_seconds', 'payloads')).toBe(0);
  const raw = new Database(harness.databasePath);
  raw.exec(`create trigger poison before delete on payloads
    begin select raise(abort, 'poisoned'); end`);
  clock.advance(46 * DAY_MS);
  await harness.settle();
  expect(await chore(harness, 'failures', 'payloads')).toBe(1);
  expect(await chore(harness, 'age_seconds', 'payloads')).toBe((46 * DAY_MS) / 1000);
  for (const name of ['clock', 'erasures', 'scrub', 'inbox', 'runs', 'counts']) {
    expect([name, await chore(harness, 'age_seconds', name)]).toEqual([name, 0]);
    expect([name, await chore(harness, 'failures', name)]).toEqual([name, 0]);
  }
  clock.advance(1000);
  await harness.settle();
  clock.advance(1000);
  await harness.settle();
  expect(await chore(harness, 'failures', 'payloads'), 'the second pause is longer than a second').toBe(2);
  expect(harness.logLines.filter((line) => line.includes('a chore failed'))).toHaveLength(2);
  raw.exec('drop trigger poison');
  raw.close();
  clock.advance(4000);
  await harness.settle();
  expect(await chore(harness, 'failures', 'payloads')).toBe(0);
  expect(await chore(harness, 'age_seconds', 'payloads')).toBe(0);
});

test('a deleted member is gone from what comes in later too, named second or by e-mail alone', async () => {
  const harness = await createHarness();
  const { workspace } = harness;
  const gone = workspace.addContact({ name: 'Wilhelmina Zwetschkenbaum', email: 'mina@plum.example' });
  const stays = workspace.addContact({ externalId: 'M-2' });
  await harness.backfill();
  workspace.deleteContact(gone.id);
  await harness.settle();
  const say = async (id: string, item: object): Promise<void> => {
    const data = { item: { type: 'conversation', id, ...item } };
    const notification = { id: `notif_${id}`, topic: 'conversation.admin.closed', data };
    const { body, headers } = harness.signed(JSON.stringify(notification));
    await harness.app.request('/webhooks/intercom', { method: 'POST', body, headers });
  };
  const contacts = { contacts: [{ id: stays.id }, { id: gone.id }] };
  await say('71', { contacts, source: { author: { id: gone.id, name: 'Wilhelmina Zwetschkenbaum' } } });
  await say('72', { source: { author: { email: 'Mina@plum.example' } } });
  await harness.settle();
  expect(readFiles(harness)).not.toMatch(/Zwetschkenbaum|mina@plum/i);
});

test('a loop with much to do lets everything else have its turn', async () => {
  const batches = Array.from({ length: 1000 }, (_, number) => number);
  let turns = 0;
  const loop = createWorkLoop<number>({
    loop: 'busy',
    clock: createMovedClock('2026-10-15T15:00:00Z'),
    log: createLog({ level: 'silent' }),
    concurrency: 1,
    take: () => Promise.resolve(batches.splice(0, 1)),
    handle: () => Promise.resolve(),
    nextDueAtMs: () => Promise.resolve(null),
    onWork: () => () => undefined,
  });
  onTestFinished(() => loop.stop());
  loop.start();
  while (batches.length > 0) {
    turns += 1;
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(turns).toBeGreaterThan(100);
});
