import { describe, expect, inject, test } from 'vitest';
import { getCurrentTest } from 'vitest/suite';
import { exerciseApplyingTogether } from '../../src/store/exercise/applying-together.js';
import { exerciseApplying } from '../../src/store/exercise/applying.js';
import { setUpBench, type Bench } from '../../src/store/exercise/bench.js';
import { exerciseClocksApart } from '../../src/store/exercise/clocks-apart.js';
import type { Engine } from '../../src/store/exercise/engine.js';
import { exerciseErasedMentions } from '../../src/store/exercise/erased-mentions.js';
import { exerciseFighting } from '../../src/store/exercise/fighting.js';
import { exerciseLargeBodies } from '../../src/store/exercise/large-bodies.js';
import { exerciseLifecycles } from '../../src/store/exercise/lifecycles.js';
import { exerciseLooking } from '../../src/store/exercise/looking.js';
import { exerciseManyErasures } from '../../src/store/exercise/many-erasures.js';
import { exerciseMixedCaseIds } from '../../src/store/exercise/mixed-case-ids.js';
import { exerciseOddTexts } from '../../src/store/exercise/odd-texts.js';
import { exerciseReceiving } from '../../src/store/exercise/receiving.js';
import { exerciseRefusing } from '../../src/store/exercise/refusing.js';
import { handled, lease, LEASE_MS, notification, NOW_MS, workOn } from '../../src/store/exercise/samples.js';
import { exerciseStaleLeases } from '../../src/store/exercise/stale-leases.js';
import { exerciseUpkeep } from '../../src/store/exercise/upkeep.js';
import { exerciseWakeUps } from '../../src/store/exercise/wake-ups.js';
import { exerciseWriting } from '../../src/store/exercise/writing.js';
import { openPostgresStore } from '../../src/store/postgres/postgres-store.js';
import { createPlaceOn, engine, engineWithOwnTime } from '../support/postgres-engine.js';

const SUBJECTS: readonly ((bench: Bench) => void)[] = [
  exerciseReceiving,
  exerciseApplying,
  exerciseApplyingTogether,
  exerciseLifecycles,
  exerciseWriting,
  exerciseFighting,
  exerciseRefusing,
  exerciseErasedMentions,
  exerciseManyErasures,
  exerciseLargeBodies,
  exerciseMixedCaseIds,
  exerciseOddTexts,
  exerciseLooking,
  exerciseUpkeep,
  exerciseStaleLeases,
  exerciseWakeUps,
  exerciseClocksApart,
];

describe('the store on Postgres', () => {
  const bench = setUpBench(onServer(engine));
  for (const exercise of SUBJECTS) exercise(bench);
});

describe('the store on Postgres, by its own time', () => {
  exerciseClocksApart(setUpBench(onServer(engineWithOwnTime)));
});

test('by default leases end by the time of the server, whatever the callers say', async () => {
  const { place: url, remove } = await createPlaceOn(inject('postgresUrl'))({ isNew: true });
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

/** A test that needs a method that is not there yet is skipped, and says which. */
function onServer(of: Engine): Engine {
  return {
    ...of,
    createPlace: createPlaceOn(inject('postgresUrl')),
    open: async (place, settings) =>
      new Proxy(await of.open(place, settings), {
        get: (store, name) => {
          const method: unknown = Reflect.get(store, name);
          if (method !== undefined || name === 'then') return method;
          return () => getCurrentTest()?.context.skip(`${String(name)} is not there yet`);
        },
      }),
  };
}
