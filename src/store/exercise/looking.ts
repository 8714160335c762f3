import { describe, expect, it } from 'vitest';
import type { Bench } from './bench.js';
import {
  handled,
  NOW_AT,
  NOW_MS,
  contact,
  contactChange,
  knowMember,
  lease,
  notification,
  workOn,
} from './samples.js';

/** What people and the service itself ask the store. */
export function exerciseLooking({ storeOf }: Bench): void {
  describe('looking', () => {
    it('finds a member by contact id before User ID, with the names of coaches', async () => {
      const store = storeOf();
      await knowMember(store, 'a');
      await store.apply(
        workOn([contactChange(contact('b', { externalId: 'a' })), contactChange(contact('c'))]),
      );
      await store.saveCoaches([{ id: '7', name: 'Coach Seven', email: 'seven@example.test' }]);
      await store.saveCoaches([{ id: '8', name: 'Coach Eight', email: null }]);
      const found = await store.findMember('a');
      expect(found?.contact.id).toBe('a');
      expect(found?.conversations.map((one) => one.coachName)).toEqual(['Coach Seven']);
      expect((await store.findMember('user-c'))?.contact.id).toBe('c');
      expect(await store.findMember('nobody')).toBeNull();
    });

    it('tells how fresh the cache is', async () => {
      const store = storeOf();
      const nothing = {
        appliedAt: null,
        sweptAt: null,
        sweptUntilAt: null,
        completeAt: null,
        coverageFromAt: null,
        silentSinceAt: null,
      };
      expect(await store.freshness()).toEqual(nothing);
      await store.storeNotification(notification('a'));
      await store.storeNotification(notification('b'));
      const [first, second] = await store.leaseNotifications(lease());
      await store.apply(workOn([], { completes: handled(first), nowMs: NOW_MS + 2500 }));
      await store.apply(workOn([], { completes: handled(second, 'ignored'), nowMs: NOW_MS + 9000 }));
      await store.setCoverage(NOW_AT - 1000);
      expect(await store.freshness()).toEqual({
        ...nothing,
        appliedAt: NOW_AT + 2,
        coverageFromAt: NOW_AT - 1000,
      });
    });

    it('shows what came in last and what was decided last, newest first', async () => {
      const store = storeOf();
      await knowMember(store, 'a');
      await store.storeNotification(notification('first', { receivedAtMs: NOW_MS }));
      await store.storeNotification(notification('second', { receivedAtMs: NOW_MS, unreadable: 'cut off' }));
      const [latest, before] = await store.recentNotifications(2, NOW_MS);
      expect(latest).toMatchObject({ origin: 'webhook', status: 'parked', reason: expect.any(String) });
      expect(before).toMatchObject({ status: 'waiting', settledAtMs: null, receivedAtMs: NOW_MS });
      expect(JSON.stringify(latest)).not.toContain('body');
      const writes = await store.recentWrites(100);
      expect(writes.length).toBeGreaterThan(0);
      expect(writes.map((write) => write.id)).toEqual(
        writes.map((write) => write.id).toSorted((one, other) => other - one),
      );
      const { contact: known } = (await store.findMember('a')) ?? {};
      expect(writes[0]).toMatchObject({ contactId: 'a', memberName: known?.name, outcome: 'waiting' });
    });

    it('never shows half of what was decided together', async () => {
      const store = storeOf();
      await knowMember(store, 'a');
      await knowMember(store, 'b');
      const all = await store.recentWrites(100);
      const ofA = all.filter(({ contactId }) => contactId === 'a');
      expect(ofA.length).toBeGreaterThan(1);
      const ofB = all.length - ofA.length;
      for (let limit = 1; limit <= all.length; limit += 1) {
        const shown = await store.recentWrites(limit);
        expect(shown).toEqual(all.slice(0, limit <= ofB ? ofB : all.length));
      }
    });

    it('lists what came in by when it came in or fell due, whatever was stored first', async () => {
      const store = storeOf();
      await store.storeNotification(notification('first', { receivedAtMs: NOW_MS }));
      const settle = {
        dedupeKey: 'settle:1',
        origin: 'settle',
        lane: 'a',
        dueAtMs: NOW_MS + 60_000,
      } as const;
      await store.apply(workOn([], { rereads: [{ ...settle, subject: { kind: 'conversation', id: '1' } }] }));
      await store.storeNotification(notification('second', { receivedAtMs: NOW_MS + 30_000 }));
      await store.storeNotification(notification('third', { receivedAtMs: NOW_MS + 90_000 }));
      const times = async (limit: number, nowMs: number) =>
        (await store.recentNotifications(limit, nowMs)).map(({ receivedAtMs }) => receivedAtMs - NOW_MS);
      expect(await times(9, NOW_MS + 90_000)).toEqual([90_000, 60_000, 30_000, 0]);
      expect(await times(2, NOW_MS + 90_000)).toEqual([90_000, 60_000]);
      expect(await times(9, NOW_MS + 59_999)).toEqual([30_000, 0]);
    });

    it('counts what waits, what is parked and what is cached', async () => {
      const store = storeOf();
      await knowMember(store, 'a');
      await store.storeNotification(notification('a', { receivedAtMs: NOW_MS - 3000 }));
      await store.storeNotification(notification('b', { receivedAtMs: NOW_MS - 1000 }));
      await store.storeNotification(
        notification('c', { unreadable: 'cut off', receivedAtMs: NOW_MS - 9000 }),
      );
      expect(await store.backlog(NOW_MS + 500)).toEqual({
        notificationsWaiting: 2,
        oldestNotificationAgeMs: 3500,
        notificationsParked: 1,
        writesWaiting: 1,
        oldestWriteAgeMs: 500,
        attributesFoughtOver: 0,
        writesParked: 0,
        objectsParked: 0,
        members: 1,
        conversations: 1,
        erasureAgeMs: null,
        logBytes: expect.any(Number),
      });
    });

    it('counts our own entries from the moment at which they fall due', async () => {
      const store = storeOf();
      const reread = {
        dedupeKey: 'settle:1',
        origin: 'settle',
        subject: { kind: 'conversation', id: '1' },
        lane: 'a',
        dueAtMs: NOW_MS + 60_000,
      } as const;
      await store.apply(workOn([], { rereads: [reread] }));
      const nothing = { notificationsWaiting: 0, oldestNotificationAgeMs: 0 };
      expect(await store.backlog(NOW_MS + 59_999)).toMatchObject(nothing);
      expect(await store.backlog(NOW_MS + 61_000)).toMatchObject({
        notificationsWaiting: 1,
        oldestNotificationAgeMs: 1000,
      });
    });

    it('can be written', async () => {
      expect(await storeOf().canWrite()).toBe(true);
      expect(await storeOf().canWrite()).toBe(true);
    });

    it('stays with the first workspace', async () => {
      const store = storeOf();
      const mine = { id: 'abc', timeZone: 'Europe/Vienna' };
      expect(await store.bindWorkspace(mine)).toEqual(mine);
      expect(await store.bindWorkspace({ id: 'xyz', timeZone: 'UTC' })).toEqual(mine);
      const moved = { ...mine, timeZone: 'America/New_York' };
      expect(await store.bindWorkspace(moved), 'its time zone may change').toEqual(moved);
    });

    it('answers that it is unavailable once it is closed', async () => {
      const store = storeOf();
      const waiting = store.storeNotification(notification('just in time'));
      await store.close();
      await store.close();
      expect(await waiting).toBe('stored');
      const unavailable = { code: 'store_unavailable', retry: 'later' };
      await expect(store.storeNotification(notification('too late'))).rejects.toMatchObject(unavailable);
      await expect(store.leaseNotifications(lease())).rejects.toMatchObject(unavailable);
      expect(await store.canWrite()).toBe(false);
    });
  });
}
