import { describe, expect, it, vi } from 'vitest';
import type { Bench } from './bench.js';
import { handled, LEASE_MS, NOW_MS, lease, notification, settleOne, workOn } from './samples.js';

/** A hash that shows what it is made of. */
const asText = (body: Uint8Array): string => Buffer.from(body).toString();

/** The inbox: stored once, leased lane by lane, retried, parked and replayed. */
export function exerciseReceiving({ storeOf }: Bench): void {
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

    it('keeps another content under a known id as an entry of its own, as often as it may be believed', async () => {
      const store = storeOf();
      const send = (content: string): Promise<string> =>
        store.storeNotification(notification('a', { body: Buffer.from(content), hashContent: asText }));
      expect(await send('one')).toBe('stored');
      expect(await send('one')).toBe('duplicate');
      expect(await send('two')).toBe('stored');
      expect(await send('two')).toBe('duplicate');
      const leased = await store.leaseNotifications(lease({ limit: 100 }));
      expect(leased.map((one) => one.dedupeKey)).toEqual(['a']);
      for (let index = 0; index < 50; index += 1) await send(`more-${index}`);
      const kept = await store.recentNotifications(100, NOW_MS);
      expect(kept).toHaveLength(8);
    });

    it('tells a content from another only where both are known', async () => {
      const store = storeOf();
      const send = (content: string): Promise<string> =>
        store.storeNotification(notification('old', { body: Buffer.from(content), hashContent: asText }));
      expect(await send('one')).toBe('stored');
      await settleOne(store);
      expect(await store.eraseOldPayloads(NOW_MS + 1)).toBe(1);
      expect(await send('two')).toBe('duplicate');
    });

    it('erases what came from another workspace, and remembers how much that was', async () => {
      const store = storeOf();
      expect(await store.otherWorkspaces()).toBeNull();
      await store.storeNotification(notification('a'));
      const [taken] = await store.leaseNotifications(lease());
      const completes = { ...handled(taken, 'ignored'), otherWorkspaceId: 'zz99' };
      expect(await store.apply(workOn([], { completes }))).toMatchObject({ kind: 'applied' });
      expect(await store.recentNotifications(10, NOW_MS)).toMatchObject([
        { status: 'ignored', subject: null },
      ]);
      expect(await store.freshness()).toMatchObject({ appliedAt: null });
      for (let index = 0; index < 30; index += 1) {
        await store.noteOtherWorkspaces([{ id: `w${index}`, count: 2, lastAtMs: NOW_MS + index }]);
      }
      const others = await store.otherWorkspaces();
      expect(others).toMatchObject({ count: 61, lastAtMs: NOW_MS + 29 });
      expect(others?.workspaces).toHaveLength(10);
      expect(others?.workspaces[0]).toEqual({ id: 'w29', count: 2, lastAtMs: NOW_MS + 29 });
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
      for (const { id, lease: held, dedupeKey } of await store.leaseNotifications(lease())) {
        const failure = { id, lease: held, reason: 'down', dueAtMs: NOW_MS };
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
          followers: [],
          lease: { owner: 'process-1', token: 1 },
          leaseUntilMs: NOW_MS + LEASE_MS,
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
      await store.apply(workOn([], { completes: handled(first[0]) }));
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

      expect(await store.apply(workOn([], { completes: handled(leased) }))).toEqual({ kind: 'lease-lost' });
    });

    it('lets an attempt whose lease has run out settle nothing, even for the owner of the newer one', async () => {
      const store = storeOf();
      await store.storeNotification(notification('a'));
      const [expired] = await store.leaseNotifications(lease());
      const [newer] = await store.leaseNotifications(lease({ nowMs: NOW_MS + LEASE_MS }));
      const failure = { ...handled(expired), reason: 'late' };
      expect(await store.apply(workOn([], { completes: handled(expired) }))).toEqual({ kind: 'lease-lost' });
      expect(await store.retryNotification({ ...failure, dueAtMs: NOW_MS })).toBe('lease-lost');
      expect(await store.parkNotification(failure)).toBe('lease-lost');
      expect(await store.renewNotifications([handled(expired)], NOW_MS + 9 * LEASE_MS)).toEqual([
        expired?.id,
      ]);
      expect(await store.leaseNotifications(lease({ nowMs: NOW_MS + 2 * LEASE_MS - 1 }))).toEqual([]);
      expect(await store.apply(workOn([], { completes: handled(newer) }))).toMatchObject({ kind: 'applied' });
    });

    it('takes the lane from an attempt whose lease has run out as soon as it goes to another entry', async () => {
      const store = storeOf();
      const wish = { dedupeKey: 'wish', origin: 'reread', lane: 'a', dueAtMs: NOW_MS } as const;
      await store.apply(workOn([], { rereads: [{ ...wish, subject: { kind: 'contact', id: 'a' } }] }));
      const [expired] = await store.leaseNotifications(lease(), 'own');
      await store.storeNotification(notification('a', { lane: 'a' }));
      expect(await store.leaseNotifications(lease()), 'the lane is busy').toEqual([]);
      const later = lease({ nowMs: NOW_MS + LEASE_MS });
      const [next] = await store.leaseNotifications(later, 'webhooks');
      expect(next?.dedupeKey).toBe('a');
      expect(await store.renewNotifications([handled(expired)], NOW_MS + 9 * LEASE_MS)).toEqual([
        expired?.id,
      ]);
      expect(await store.apply(workOn([], { completes: handled(expired) }))).toEqual({ kind: 'lease-lost' });
      expect(await store.leaseNotifications(later), 'one at a time').toEqual([]);
      await store.apply(workOn([], { completes: handled(next) }));
      expect(await store.leaseNotifications(later)).toMatchObject([{ dedupeKey: 'wish', attempt: 2 }]);
    });

    it('is kept by an attempt that renews its lease, and settled when that has run out but nobody has taken it', async () => {
      const store = storeOf();
      await store.storeNotification(notification('a'));
      const [leased] = await store.leaseNotifications(lease());
      expect(await store.renewNotifications([handled(leased)], NOW_MS + 3 * LEASE_MS)).toEqual([]);
      const other = lease({ owner: 'process-2', nowMs: NOW_MS + 3 * LEASE_MS - 1 });
      expect(await store.leaseNotifications(other)).toEqual([]);
      const late = { completes: handled(leased), nowMs: NOW_MS + 4 * LEASE_MS };
      expect(await store.apply(workOn([], late))).toMatchObject({ kind: 'applied' });
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
      const failure = { ...handled(leased), reason: 'intercom_timeout: no answer' };
      await store.retryNotification({ ...failure, dueAtMs: NOW_MS + 7000 });
      expect(await store.nextNotificationDueAtMs()).toBe(NOW_MS - 4);
    });

    it('gives a retried entry again when it falls due', async () => {
      const store = storeOf();
      await store.storeNotification(notification('a'));
      const [leased] = await store.leaseNotifications(lease());
      const failure = { ...handled(leased), reason: 'intercom_timeout: no answer' };
      const foreign = { owner: 'process-2', token: failure.lease.token };
      await store.retryNotification({ ...failure, lease: foreign, dueAtMs: NOW_MS });
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
      await store.parkNotification({ ...handled(leased[0]), reason: 'intercom_refused_token: 401' });
      expect(await store.nextNotificationDueAtMs()).toBeNull();

      const parked = await store.parked();
      expect(
        parked.map(({ kind, reason, attempts, sinceMs }) => ({ kind, reason, attempts, sinceMs })),
      ).toEqual([
        { kind: 'notification', reason: 'intercom_refused_token: 401', attempts: 1, sinceMs: NOW_MS },
        { kind: 'notification', reason: 'notification_unreadable: cut off', attempts: 0, sinceMs: NOW_MS },
      ]);
      expect(await store.replay({ notifications: [leased[0]?.id ?? 0] }, NOW_MS)).toBe(1);
      expect(await store.leaseNotifications(lease())).toMatchObject([{ dedupeKey: 'a', attempt: 1 }]);
      expect(await store.replay('all', NOW_MS)).toBe(1);
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
