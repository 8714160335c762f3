import Database from 'better-sqlite3';
import { expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../src/clock.js';
import { closeRandomCall } from '../../src/sandbox/coaches.js';
import { createRandom } from '../../src/sandbox/random.js';
import { prepareService } from '../support/started-service.js';

/** Each takes half a second; with waits on the serving thread it took five and more. */
const ROUNDS = 20;

function closeOf(number: number): object {
  const item = { type: 'conversation', id: `9${number}` };
  return { id: `notif_${number}`, topic: 'conversation.admin.closed', data: { item } };
}

test('a write lock of another process: webhooks 503, health and reports answer, what was in hand goes on', async () => {
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

  const statuses = new Set<number | null>();
  for (let number = 0; number < ROUNDS; number += 1) {
    const [health, report, webhook] = await Promise.all([
      fetch(`${service.url}/healthz`),
      fetch(`${service.url}/API/intercom/caseload?limit=1`),
      send(closeOf(number)),
    ]);
    expect([health.status, report.status]).toEqual([200, 200]);
    statuses.add(webhook);
  }
  expect([...statuses]).toEqual([503]);

  other.exec('rollback');
  expect(await send(closeOf(1))).toBe(200);
  const waiting = (): unknown =>
    other
      .prepare("select count(*) from inbox where status = 'waiting' and lease_owner is not null")
      .pluck()
      .get();
  while (waiting() !== 0) await systemClock.sleep(100);
  expect(waiting(), 'what was in hand is settled before its lease of a minute ends').toBe(0);
  service.process.kill('SIGTERM');
  expect(await service.ended).toBe(0);
});
