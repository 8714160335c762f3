import { describe, expect, it } from 'vitest';
import type { Store } from '../ports/store.js';
import type { Bench } from './bench.js';
import {
  handled,
  knowMember,
  lease,
  leaseOneWrite,
  NOW_MS,
  notification,
  openRun,
  sentAll,
  workOn,
} from './samples.js';

const ALIVE_MS = 10_000;
const APART_MS = 5 * 60_000;

function beat(store: Store, owner: string, nowMs = NOW_MS, role: 'service' | 'command' = 'service') {
  return store.beat({ owner, role, nowMs, aliveForMs: ALIVE_MS });
}

/** Work of every kind in the hands of `owner`. */
async function takeWork(store: Store, owner: string, nowMs = NOW_MS) {
  await store.storeNotification(notification('a'));
  await knowMember(store, 'm');
  const by = { owner, nowMs };
  const [taken] = await store.leaseNotifications(lease(by));
  const write = await leaseOneWrite(store, by);
  const run = await openRun(store, lease(by));
  return { taken, write, run };
}

/** Processes that say that they are at work, and those that no longer do. */
export function exerciseReplicas({ engine, storeOf, openAnother }: Bench): void {
  const { ownTime } = engine.can;

  describe('processes on one database', () => {
    it('are counted while they are alive, services and commands', async () => {
      const store = storeOf();
      expect(await beat(store, 'one')).toEqual({ services: 1, processes: 1, takenOver: 0 });
      expect(await beat(store, 'two')).toEqual({ services: 2, processes: 2, takenOver: 0 });
      expect(await beat(store, 'job', NOW_MS, 'command')).toEqual({
        services: 2,
        processes: 3,
        takenOver: 0,
      });
      expect(await beat(store, 'one'), 'again').toEqual({ services: 2, processes: 3, takenOver: 0 });
    });

    it('count no more once they have left, and what they had in hand is free at once', async () => {
      const store = storeOf();
      await beat(store, 'one');
      await beat(store, 'two');
      await takeWork(store, 'one');
      await store.leave('one');
      await store.leave('one');
      expect(await beat(store, 'two')).toEqual({ services: 1, processes: 1, takenOver: 0 });
      expect(await store.leaseNotifications(lease({ owner: 'two' }))).toHaveLength(1);
      expect(await leaseOneWrite(store, { owner: 'two' })).toMatchObject({ attempt: 2 });
      expect(await store.adoptRun(lease({ owner: 'two' }))).not.toBeNull();
    });

    it('keep their leases whose owner never said that it is at work: it may be an older version', async () => {
      const store = storeOf();
      await takeWork(store, 'older');
      expect(await beat(store, 'two')).toMatchObject({ takenOver: 0 });
      expect(await store.leaseNotifications(lease({ owner: 'two' }))).toEqual([]);
    });

    it('that are known to be dead count no more', async () => {
      const store = storeOf();
      await beat(store, 'one');
      expect(await store.releaseDeadLeases((owner) => owner === 'one')).toBe(0);
      expect(await beat(store, 'two')).toMatchObject({ services: 1 });
    });
  });

  describe.skipIf(ownTime)('the work of a dead process [no ownTime]', () => {
    it('is taken over by whoever beats next, and its owner settles nothing any more', async () => {
      const store = storeOf();
      await beat(store, 'dead');
      const { taken, write, run } = await takeWork(store, 'dead');
      expect(await beat(store, 'two', NOW_MS + ALIVE_MS - 1)).toMatchObject({ services: 2, takenOver: 0 });
      const later = NOW_MS + ALIVE_MS;
      expect(await beat(store, 'two', later)).toEqual({ services: 1, processes: 1, takenOver: 3 });
      expect(await store.holdsWrite(write)).toBe(false);
      expect(await store.apply(workOn([], { completes: handled(taken) }))).toEqual({ kind: 'lease-lost' });
      expect(await store.apply(workOn([], { completes: sentAll(write) }))).toEqual({ kind: 'lease-lost' });
      const page = { leaseUntilMs: later, checkpoint: 'late', progress: run.progress };
      await expect(store.advanceRun({ ...page, runId: run.id, lease: run.lease })).rejects.toMatchObject({
        code: 'run_in_progress',
      });
      const by = { owner: 'two', nowMs: later };
      expect(await store.leaseNotifications(lease(by))).toHaveLength(1);
      expect(await leaseOneWrite(store, by), 'its request may have gone out').toMatchObject({
        attempt: 2,
        outcomeUnknown: true,
      });
      const soon = { owner: 'three', nowMs: later + 14_999 };
      expect(await store.leaseNotifications(lease(soon)), 'nothing else is due yet').toEqual([]);
      const [again] = await store.leaseNotifications(lease({ ...soon, nowMs: later + 15_000 }));
      expect(again, 'a request may have come late').toMatchObject({
        origin: 'reread',
        subject: { kind: 'contact', id: 'm' },
      });
      expect(await store.adoptRun(lease(by))).toMatchObject({ id: run.id });
      expect(await beat(store, 'dead', later), 'it was only asleep').toMatchObject({ services: 2 });
      expect(await store.holdsWrite(write)).toBe(false);
    });

    it('is its own again when it wakes up before anybody has looked', async () => {
      const store = storeOf();
      await beat(store, 'asleep');
      const { write } = await takeWork(store, 'asleep');
      expect(await beat(store, 'asleep', NOW_MS + 5 * ALIVE_MS)).toMatchObject({ services: 1, takenOver: 0 });
      expect(await store.holdsWrite(write)).toBe(true);
    });

    it('is taken over from many, a few at a time', async () => {
      const store = storeOf();
      for (let number = 0; number < 25; number += 1) await beat(store, `dead-${number}`);
      await takeWork(store, 'dead-3');
      const later = NOW_MS + ALIVE_MS;
      const taken = [await beat(store, 'two', later), await beat(store, 'two', later)];
      expect(taken.map(({ services }) => services)).toEqual([1, 1]);
      expect(taken.reduce((sum, { takenOver }) => sum + takenOver, 0)).toBe(3);
      expect(await store.releaseDeadLeases(() => true)).toBe(0);
    });
  });

  describe.skipIf(!ownTime)('the work of a dead process, whatever clocks say [ownTime]', () => {
    it('is taken over when the engine says that its time is over', async () => {
      let nowMs = NOW_MS;
      const clock = { nowMs: () => nowMs, sleep: async () => {} };
      const [dead, ahead, behind] = [
        await openAnother({ clock }),
        await openAnother({ clock }),
        await openAnother({ clock }),
      ];
      await beat(dead, 'dead');
      const { write } = await takeWork(dead, 'dead');
      expect(await beat(ahead, 'ahead', NOW_MS + APART_MS)).toMatchObject({ services: 2, takenOver: 0 });
      nowMs += ALIVE_MS - 1;
      expect(await beat(ahead, 'ahead', NOW_MS + APART_MS)).toMatchObject({ services: 2, takenOver: 0 });
      nowMs += 1;
      expect(await beat(behind, 'behind', NOW_MS - APART_MS)).toEqual({
        services: 2,
        processes: 2,
        takenOver: 3,
      });
      expect(await dead.holdsWrite(write)).toBe(false);
      const by = { owner: 'behind', nowMs: NOW_MS - APART_MS };
      expect(await behind.leaseNotifications(lease(by))).toHaveLength(1);
      expect(await leaseOneWrite(behind, by)).toMatchObject({ outcomeUnknown: true });
    });
  });
}
