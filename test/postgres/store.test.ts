import { describe, expect, test } from 'vitest';
import { setUpBench } from '../../src/store/exercise/bench.js';
import { exerciseClocksApart } from '../../src/store/exercise/clocks-apart.js';
import { exerciseEngine } from '../../src/store/exercise/exercise-engine.js';
import { handled, lease, LEASE_MS, notification, NOW_MS, workOn } from '../../src/store/exercise/samples.js';
import { openPostgresStore } from '../../src/store/postgres/postgres-store.js';
import { engine, engineWithOwnTime } from '../support/postgres-engine.js';

exerciseEngine(engine);

describe(`the store on ${engineWithOwnTime.name}`, () => {
  exerciseClocksApart(setUpBench(engineWithOwnTime));
});

test('by default leases end by the time of the server, whatever the callers say', async () => {
  const { place: url, remove } = await engine.createPlace({ isNew: true });
  const [one, other] = [
    await openPostgresStore({ url, timeZone: 'UTC' }),
    await openPostgresStore({ url, timeZone: 'UTC' }),
  ];
  await one.storeNotification(notification('a', { receivedAtMs: Number.MAX_SAFE_INTEGER }));
  const [taken] = await one.leaseNotifications(lease());
  expect(taken).toMatchObject({ dedupeKey: 'a', leaseUntilMs: NOW_MS + LEASE_MS });
  expect(await other.leaseNotifications(lease({ nowMs: NOW_MS + 9 * LEASE_MS }))).toEqual([]);
  expect(await one.apply(workOn([], { completes: handled(taken) }))).toMatchObject({ kind: 'applied' });
  await one.close();
  await other.close();
  await remove();
});
