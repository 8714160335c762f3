import { describe, expect, it, vi } from 'vitest';
import type { Store } from '../../src/store/store.js';
import { LEASE_MS, NOW_MS, lease, notification, workOn } from './samples.js';

/** The inbox: stored once, leased lane by lane, retried, parked and replayed. */
export function describeReceiving(storeOf: () => Store): void {
  describe('receiving', () => {
    it('stores a notification once, however often it is delivered', async () => {
      const store = storeOf();
      expect(await store.storeNotification(notification('a'))).toBe('stored');
      expect(await store.storeNotification(notification('a', { body: Buffer.from('again') }))).toBe(
        'duplicate',
      );
      const leased = await store.leaseNotifications(lease());
      expect(leased.map((one) => one.dedupeKey)).toEqual(['a']);
      expect(Buffer.from(leased[0]?.body ?? []).toString()).toBe('{"id":"a"}');
    });

    it('gives each of many that come together its own answer, and wakes the loop once', async () => {
      const store = storeOf();
      const listener = vi.fn<() => void>();
      store.onWork('inbox', listener);
      await store.storeNotification(notification('known'));
      listener.mockClear();
      const keys = ['a', 'b', 'a', 'known', 'c', 'b'];
      const answers = await Promise.all(keys.map((key) => store.storeNotification(notification(key))));
      expect(answers).toEqual(['stored', 'stored', 'duplicate', 'duplicate', 'stored', 'duplicate']);
      expect(listener).toHaveBeenCalledTimes(1);
      const leased = await store.leaseNotifications(lease());
      expect(leased.map((one) => one.dedupeKey)).toEqual(['known', 'a', 'b', 'c']);
    });

    it('is leased by what came in and by our own wishes apart, each with its own next moment', async () => {
      const store = storeOf();
      const wish = { dedupeKey: 'wish', origin: 'settle', lane: 'w', dueAtMs: NOW_MS + 5 } as const;
      await store.apply(workOn([], { rereads: [{ ...wish, subject: { kind: 'conversation', id: '9' } }] }));
      await store.storeNotification(notification('a'));
      expect(await store.nextNotificationDueAtMs('webhooks')).toBe(NOW_MS);
      expect(await store.nextNotificationDueAtMs('own')).toBe(NOW_MS + 5);
      const later = lease({ nowMs: NOW_MS + 5 });
      expect((await store.leaseNotifications(later, 'own')).map((one) => one.dedupeKey)).toEqual(['wish']);
      expect((await store.leaseNotifications(later, 'webhooks')).map((one) => one.dedupeKey)).toEqual(['a']);
      expect(await store.leaseNotifications(later)).toEqual([]);
    });

    it('keeps what waits for Intercom apart: it counts no attempt, and is handed out last, as much as is asked for', async () => {
      const store = storeOf();
      for (const key of ['a', 'b', 'c']) await store.storeNotification(notification(key));
      for (const { id, dedupeKey } of await store.leaseNotifications(lease())) {
        const failure = { id, owner: 'process-1', reason: 'down', dueAtMs: NOW_MS };
        await store.retryNotification({ ...failure, waitsForIntercom: dedupeKey !== 'c' });
      }
      const none = await store.leaseNotifications(lease({ waitingForIntercom: 0 }), 'webhooks');
      expect(none.map((one) => [one.dedupeKey, one.attempt])).toEqual([['c', 2]]);
      expect(await store.nextNotificationDueAtMs('webhooks')).toBe(NOW_MS);
      await store.storeNotification(notification('d'));
      const one = await store.leaseNotifications(lease({ waitingForIntercom: 1 }), 'webhooks');
      expect(one.map(({ dedupeKey }) => dedupeKey)).toEqual(['d', 'a']);
      const rest = await store.leaseNotifications(lease(), 'webhooks');
      expect(rest.map(({ dedupeKey, attempt }) => [dedupeKey, attempt])).toEqual([['b', 1]]);
    });

    it('no longer calls a listener that has been taken away', async () => {
      const store = storeOf();
      const listener = vi.fn<() => void>();
      store.onWork('inbox', listener)();
      await store.storeNotification(notification('a'));
      expect(listener).not.toHaveBeenCalled();
    });

    it('gives the oldest first, as many as are asked for, with all that is known of them', async () => {
      const store = storeOf();
      await store.storeNotification(notification('later', { receivedAtMs: NOW_MS }));
      await store.storeNotification(notification('earlier', { receivedAtMs: NOW_MS - 1000 }));
      const leased = await store.leaseNotifications(lease({ limit: 1 }));
      expect(leased).toEqual([
        {
          id: expect.any(Number),
          origin: 'webhook',
          dedupeKey: 'earlier',
          topic: 'conversation.admin.closed',
          subject: { kind: 'conversation', id: 'c-earlier' },
          createdAt: expect.any(Number),
          receivedAtMs: NOW_MS - 1000,
          body: expect.any(Uint8Array),
          attempt: 1,
        },
      ]);
    });

    it('hands out one entry per lane at a time, and the next when that one is settled', async () => {
      const store = storeOf();
      for (const key of ['a1', 'a2', 'b1']) {
        await store.storeNotification(notification(key, { lane: key.slice(0, 1) }));
      }
      const first = await store.leaseNotifications(lease());
      expect(first.map((one) => one.dedupeKey)).toEqual(['a1', 'b1']);
      expect(await store.leaseNotifications(lease({ owner: 'process-2' }))).toEqual([]);
      const done = {
        kind: 'notification',
        id: first[0]?.id ?? 0,
        owner: 'process-1',
        outcome: 'applied',
      } as const;
      await store.apply(workOn([], { completes: done }));
      const next = await store.leaseNotifications(lease({ owner: 'process-2' }));
      expect(next.map((one) => one.dedupeKey)).toEqual(['a2']);
    });

    it('lets entries without a lane go side by side', async () => {
      const store = storeOf();
      await store.storeNotification(notification('a', { lane: null }));
      await store.storeNotification(notification('b', { lane: null }));
      expect(await store.leaseNotifications(lease())).toHaveLength(2);
    });

    it('gives an entry to another process when its lease has run out, and not before', async () => {
      const store = storeOf();
      await store.storeNotification(notification('a'));
      const [leased] = await store.leaseNotifications(lease());
      const other = lease({ owner: 'process-2', nowMs: NOW_MS + LEASE_MS - 1 });
      expect(await store.leaseNotifications(other)).toEqual([]);
      const [taken] = await store.leaseNotifications({ ...other, nowMs: NOW_MS + LEASE_MS });
      expect(taken).toMatchObject({ id: leased?.id, attempt: 2 });

      const late = {
        kind: 'notification',
        id: leased?.id ?? 0,
        owner: 'process-1',
        outcome: 'applied',
      } as const;
      expect(await store.apply(workOn([], { completes: late }))).toEqual({ kind: 'lease-lost' });
    });

    it('tells when the next entry can be had', async () => {
      const store = storeOf();
      expect(await store.nextNotificationDueAtMs()).toBeNull();
      await store.storeNotification(notification('a1', { lane: 'a', receivedAtMs: NOW_MS - 5 }));
      await store.storeNotification(notification('a2', { lane: 'a', receivedAtMs: NOW_MS - 4 }));
      expect(await store.nextNotificationDueAtMs()).toBe(NOW_MS - 5);
      // The second waits behind the first, so nothing can be had before that lease ends.
      const [leased] = await store.leaseNotifications(lease());
      expect(await store.nextNotificationDueAtMs()).toBe(NOW_MS + LEASE_MS);
      const failure = { id: leased?.id ?? 0, owner: 'process-1', reason: 'intercom_timeout: no answer' };
      await store.retryNotification({ ...failure, dueAtMs: NOW_MS + 7000 });
      expect(await store.nextNotificationDueAtMs()).toBe(NOW_MS - 4);
    });

    it('gives a retried entry again when it falls due', async () => {
      const store = storeOf();
      await store.storeNotification(notification('a'));
      const [leased] = await store.leaseNotifications(lease());
      const failure = { id: leased?.id ?? 0, owner: 'process-1', reason: 'intercom_timeout: no answer' };
      await store.retryNotification({ ...failure, owner: 'process-2', dueAtMs: NOW_MS });
      expect(await store.leaseNotifications(lease()), 'only the owner gives it back').toEqual([]);
      await store.retryNotification({ ...failure, dueAtMs: NOW_MS + 7000 });
      expect(await store.leaseNotifications(lease({ nowMs: NOW_MS + 6999 }))).toEqual([]);
      expect(await store.leaseNotifications(lease({ nowMs: NOW_MS + 7000 }))).toMatchObject([{ attempt: 2 }]);
    });

    it('keeps parked entries out of the flow until a person replays them', async () => {
      const store = storeOf();
      await store.storeNotification(notification('a'));
      await store.storeNotification(
        notification('cut', { unreadable: 'notification_unreadable: cut off', lane: null }),
      );
      const leased = await store.leaseNotifications(lease());
      expect(
        leased.map((one) => one.dedupeKey),
        'an unreadable one is stored parked',
      ).toEqual(['a']);
      await store.parkNotification({
        id: leased[0]?.id ?? 0,
        owner: 'process-1',
        reason: 'intercom_refused_token: 401',
      });
      expect(await store.nextNotificationDueAtMs()).toBeNull();

      const parked = await store.parked();
      expect(
        parked.map(({ kind, reason, attempts, sinceMs }) => ({ kind, reason, attempts, sinceMs })),
      ).toEqual([
        { kind: 'notification', reason: 'intercom_refused_token: 401', attempts: 1, sinceMs: NOW_MS },
        { kind: 'notification', reason: 'notification_unreadable: cut off', attempts: 0, sinceMs: NOW_MS },
      ]);
      expect(await store.replay({ notifications: [leased[0]?.id ?? 0] })).toBe(1);
      expect(await store.leaseNotifications(lease())).toMatchObject([{ dedupeKey: 'a', attempt: 1 }]);
      expect(await store.replay('all')).toBe(1);
      expect(await store.leaseNotifications(lease())).toMatchObject([{ dedupeKey: 'cut' }]);
      expect(await store.parked()).toEqual([]);
    });

    it('adds an entry of its own once, without body, in its lane and due when it says', async () => {
      const store = storeOf();
      const subject = { kind: 'conversation', id: '10' } as const;
      const reread = {
        dedupeKey: 'settle:10:1',
        origin: 'settle',
        subject,
        lane: 'a',
        dueAtMs: NOW_MS + 500,
      } as const;
      await store.apply(workOn([], { rereads: [reread] }));
      await store.apply(workOn([], { rereads: [{ ...reread, dueAtMs: NOW_MS + 9000 }] }));
      expect(await store.nextNotificationDueAtMs()).toBe(NOW_MS + 500);
      const leased = await store.leaseNotifications(lease({ nowMs: NOW_MS + 9000 }));
      expect(leased).toMatchObject([{ origin: 'settle', subject, body: null, dedupeKey: 'settle:10:1' }]);
    });

    it('ends the leases of dead processes only', async () => {
      const store = storeOf();
      await store.storeNotification(notification('a'));
      await store.storeNotification(notification('b'));
      await store.leaseNotifications(lease({ owner: 'dead', limit: 1 }));
      await store.leaseNotifications(lease({ owner: 'alive', limit: 1 }));
      expect(await store.releaseDeadLeases((owner) => owner === 'dead')).toBe(1);
      expect(await store.leaseNotifications(lease())).toMatchObject([{ dedupeKey: 'a', attempt: 2 }]);
    });
  });
}
