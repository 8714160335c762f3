import Database from 'better-sqlite3';
import { expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../src/clock.js';
import { closeRandomCall } from '../../src/sandbox/coaches.js';
import { createRandom } from '../../src/sandbox/random.js';
import { prepareService } from '../support/started-service.js';

/** What a single wait on the serving thread would take, several times over. */
const LOCKED_MS = 10_000;

function closeOf(number: number): object {
  const item = { type: 'conversation', id: `9${number}` };
  return { id: `notif_${number}`, topic: 'conversation.admin.closed', data: { item } };
}

test('a write lock of another process: webhooks 503 at once, health and reports answer all the time', async () => {
  const { workspace, start, send, databasePath, port } = await prepareService({ members: 40 });
  const service = await start();
  workspace.webhooks.deliverTo((request) =>
    request.arrayBuffer().then((body) =>
      fetch(`http://127.0.0.1:${port}/webhooks/intercom`, {
        method: 'POST',
        headers: request.headers,
        body,
      }),
    ),
  );
  const random = createRandom(9);
  for (let number = 0; number < 20; number += 1) closeRandomCall(workspace, random);
  await workspace.webhooks.drained();
  const other = new Database(databasePath);
  onTestFinished(() => {
    other.close();
  });
  other.exec('begin immediate');

  const startedMs = performance.now();
  const waits: number[] = [];
  const statuses = new Set<number | null>();
  for (let number = 0; performance.now() - startedMs < LOCKED_MS; number += 1) {
    const askedMs = performance.now();
    const [health, report, webhook] = await Promise.all([
      fetch(`${service.url}/healthz`),
      fetch(`${service.url}/API/intercom/caseload?limit=1`),
      send(closeOf(number)),
    ]);
    expect([health.status, report.status]).toEqual([200, 200]);
    statuses.add(webhook);
    waits.push(performance.now() - askedMs);
    await systemClock.sleep(100);
  }
  expect([...statuses]).toEqual([503]);
  expect(Math.max(...waits), 'each wait used to take five seconds').toBeLessThan(4000);

  other.exec('rollback');
  expect(await send(closeOf(1))).toBe(200);
  const waiting = (): unknown =>
    other
      .prepare("select count(*) from inbox where status = 'waiting' and lease_owner is not null")
      .pluck()
      .get();
  for (let tries = 0; tries < 300 && waiting() !== 0; tries += 1) await systemClock.sleep(100);
  expect(waiting(), 'what was in hand is settled before its lease of a minute ends').toBe(0);
  service.process.kill('SIGTERM');
  expect(await service.ended).toBe(0);
});
