import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { createLog } from '../src/log.js';
import { createWorkLoop } from '../src/work-loop.js';
import { createHarness, type Harness } from './support/harness.js';
import { createMovedClock } from './support/moved-clock.js';

const DAY_MS = 86_400_000;
const WORDS = 'my knee hurts since the wedding';

function hasWords({ databasePath }: Harness): boolean {
  const folder = dirname(databasePath);
  return readdirSync(folder)
    .filter((file) => file.startsWith('test.db'))
    .some((file) => readFileSync(join(folder, file)).includes(WORDS));
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
