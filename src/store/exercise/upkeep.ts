import { describe, expect, it } from 'vitest';
import type { Store } from '../ports/store.js';
import type { Bench } from './bench.js';
import {
  handled,
  DAY,
  LEASE_MS,
  NOW_AT,
  NOW_MS,
  call,
  callChange,
  contact,
  contactChange,
  decideAt,
  lease,
  notification,
  workOn,
  takeOne,
  settleOne,
} from './samples.js';

const DAY_MS = DAY * 1000;
const LATER_MS = NOW_MS + 31 * DAY_MS;
const CUT_MS = NOW_MS + DAY_MS;

/** What nobody asks for: old payloads, leftovers of an erasure, times that a wrong clock gave. */
export function exerciseUpkeep({ storeOf }: Bench): void {
  describe('old payloads', () => {
    it('are erased once they are settled and old enough, and the entry stays', async () => {
      const store = storeOf();
      await store.storeNotification(notification('old'));
      await settleOne(store);
      expect(await store.eraseOldPayloads(NOW_MS)).toBe(0);
      expect(await store.eraseOldPayloads(NOW_MS + 1)).toBe(1);
      expect(await store.eraseOldPayloads(NOW_MS + 1)).toBe(0);
      expect(await store.storeNotification(notification('old'))).toBe('duplicate');
      expect(await store.recentNotifications(10, NOW_MS)).toMatchObject([
        { topic: 'conversation.admin.closed' },
      ]);
    });

    it('are kept as long as they wait, whatever their age', async () => {
      const store = storeOf();
      await store.storeNotification(notification('waits'));
      expect(await store.eraseOldPayloads(LATER_MS)).toBe(0);
      expect((await takeOne(store, LATER_MS)).body).not.toBeNull();
      expect(await store.eraseOldPayloads(LATER_MS)).toBe(0);
    });

    it('that were parked count from then; afterwards a replay reads the object by its id', async () => {
      const store = storeOf();
      await store.storeNotification(notification('parked'));
      const parkedAtMs = NOW_MS + 10 * DAY_MS;
      const { id, lease: held } = await takeOne(store, parkedAtMs);
      await store.parkNotification({ id, lease: held, reason: 'why' });
      expect(await store.eraseOldPayloads(parkedAtMs)).toBe(0);
      expect(await store.eraseOldPayloads(parkedAtMs + 1)).toBe(1);
      expect(await store.parked()).toHaveLength(1);
      expect(await store.replay('all', NOW_MS)).toBe(1);
      expect(await takeOne(store, LATER_MS)).toMatchObject({
        body: null,
        subject: { kind: 'conversation', id: 'c-parked' },
      });
    });

    it('that nobody could read are given up with their bytes', async () => {
      const store = storeOf();
      const unreadable = { unreadable: 'not JSON', subject: null, lane: null, topic: null } as const;
      await store.storeNotification(notification('broken', unreadable));
      expect(await store.parked()).toHaveLength(1);
      expect(await store.eraseOldPayloads(CUT_MS)).toBe(1);
      expect(await store.parked()).toEqual([]);
      expect(await store.recentNotifications(10, NOW_MS)).toMatchObject([{ status: 'ignored' }]);
    });

    it('go a piece at a time, at least one each time', async () => {
      const store = storeOf();
      for (const key of ['a', 'b', 'c']) {
        await store.storeNotification(notification(key, { body: Buffer.alloc(1_500_000, 0x20) }));
        await settleOne(store);
      }
      expect(await store.eraseOldPayloads(CUT_MS)).toBe(1);
      expect(await store.eraseOldPayloads(CUT_MS)).toBe(1);
      expect(await store.eraseOldPayloads(CUT_MS)).toBe(1);
      expect(await store.eraseOldPayloads(CUT_MS)).toBe(0);
    });
  });

  describe('entries of the inbox', () => {
    const settledBefore = (nowMs: number) => ({
      settledBeforeMs: nowMs - 45 * DAY_MS,
      parkedBeforeMs: nowMs - 180 * DAY_MS,
    });

    it('are deleted 45 days after they were settled, and are known for as long', async () => {
      const store = storeOf();
      for (let at = 0; at < 3; at += 1) await store.storeNotification(notification(`n-${at}`));
      for (let left = 2; left > 0; left -= 1) await settleOne(store);
      const afterMs = (days: number): number => NOW_MS + days * DAY_MS + 1;
      expect(await store.pruneInbox(settledBefore(afterMs(45))), 'with a payload it stays').toEqual({
        erased: 0,
        hasMore: false,
      });
      expect(await store.eraseOldPayloads(LATER_MS)).toBe(2);
      expect(await store.pruneInbox(settledBefore(afterMs(44)))).toEqual({ erased: 0, hasMore: false });
      expect(await store.storeNotification(notification('n-0'))).toBe('duplicate');
      expect(await store.pruneInbox(settledBefore(afterMs(45)))).toEqual({ erased: 2, hasMore: false });
      expect(await store.storeNotification(notification('n-0'))).toBe('stored');
      expect(await store.storeNotification(notification('n-2')), 'it still waits').toBe('duplicate');
    });

    it('that are parked end when nobody has replayed them for half a year', async () => {
      const store = storeOf();
      await store.storeNotification(notification('parked'));
      const { id, lease: held } = await takeOne(store);
      await store.parkNotification({ id, lease: held, reason: 'why' });
      await store.eraseOldPayloads(LATER_MS);
      const atMs = NOW_MS + 180 * DAY_MS;
      expect(await store.pruneInbox(settledBefore(atMs))).toMatchObject({ erased: 0 });
      expect(await store.pruneInbox(settledBefore(atMs + 1))).toMatchObject({ erased: 1 });
      expect(await store.countParked()).toBe(0);
    });

    it('go a piece at a time, and what has to stay is passed over', async () => {
      const store = storeOf();
      const body = Buffer.alloc(0);
      const many = Array.from({ length: 1200 }, (_, at) => notification(`n-${at}`, { body, lane: null }));
      await Promise.all(many.map((one) => store.storeNotification(one)));
      await store.eraseOldPayloads(0);
      const leased = await store.leaseNotifications(lease({ limit: 1100 }));
      for (const one of leased) await store.apply(workOn([], { completes: handled(one, 'ignored') }));
      while ((await store.eraseOldPayloads(LATER_MS)) > 0);
      const before = settledBefore(NOW_MS + 46 * DAY_MS);
      expect(await store.pruneInbox(before)).toEqual({ erased: 500, hasMore: true });
      expect(await store.pruneInbox(before)).toEqual({ erased: 500, hasMore: true });
      expect(await store.pruneInbox(before)).toEqual({ erased: 100, hasMore: false });
      expect(await store.pruneInbox(before)).toEqual({ erased: 0, hasMore: false });
    });
  });

  describe('times that a wrong clock gave', () => {
    const AHEAD_MS = NOW_MS + 400 * DAY_MS;
    const back = (store: Store): Promise<number> =>
      store.fixTimes({ nowMs: NOW_MS, backMs: AHEAD_MS - NOW_MS });

    it('keep no notification waiting', async () => {
      const store = storeOf();
      await store.storeNotification(notification('a', { receivedAtMs: AHEAD_MS }));
      expect(await store.leaseNotifications(lease())).toEqual([]);
      expect(await back(store)).toBeGreaterThan(0);
      expect(await store.leaseNotifications(lease())).toHaveLength(1);
      expect(await store.eraseOldPayloads(CUT_MS)).toBe(0);
    });

    it('keep no write waiting', async () => {
      const store = storeOf();
      await store.apply(
        workOn([contactChange(contact('a', { attributes: { 'Last Call': 1 } }))], { nowMs: AHEAD_MS }),
      );
      expect(await store.leaseWrites(lease())).toEqual([]);
      await back(store);
      expect(await store.leaseWrites(lease())).toHaveLength(1);
    });

    it('leave the delay that a retry was to have', async () => {
      const store = storeOf();
      await store.storeNotification(notification('a', { receivedAtMs: AHEAD_MS }));
      const { id, lease: held } = await takeOne(store, AHEAD_MS);
      await store.retryNotification({ id, lease: held, reason: 'why', dueAtMs: AHEAD_MS + 5000 });
      await back(store);
      expect(await store.nextNotificationDueAtMs()).toBe(NOW_MS + 5000);
    });

    it('leave no member with a decision from a day that has not come', async () => {
      const store = storeOf();
      const decide = decideAt(Math.floor(AHEAD_MS / 1000));
      const changes = [contactChange(contact('a')), callChange(call('1', 'a'))];
      await store.apply(workOn(changes, { nowMs: AHEAD_MS, decide }));
      expect((await store.findMember('a'))?.decision.status).toBe('Unengaged');
      await back(store);
      expect(await store.applyDueTransitions({ nowAt: NOW_AT, limit: 10, decide: decideAt() })).toBe(1);
      expect((await store.findMember('a'))?.decision.status).toBe('Engaged');
    });

    it('let what is read now count as newer than what was seen then', async () => {
      const store = storeOf();
      await store.apply(workOn([contactChange(contact('a'))], { nowMs: AHEAD_MS }));
      await back(store);
      const read = contactChange(contact('a', { name: 'Another name' }), NOW_MS);
      expect(await store.apply(workOn([read]))).toMatchObject({ kind: 'applied' });
      expect((await store.findMember('a'))?.contact.name).toBe('Another name');
    });

    it('let no lease last longer than it was given for', async () => {
      const store = storeOf();
      await store.storeNotification(notification('a'));
      await store.leaseNotifications(lease({ nowMs: AHEAD_MS, owner: 'process-2' }));
      await back(store);
      expect(await store.leaseNotifications(lease())).toEqual([]);
      expect(await store.leaseNotifications(lease({ nowMs: NOW_MS + LEASE_MS }))).toHaveLength(1);
    });

    it('are noticed at the next start too', async () => {
      const store = storeOf();
      await store.storeNotification(notification('a', { receivedAtMs: AHEAD_MS }));
      expect(await store.fixTimes({ nowMs: AHEAD_MS, backMs: 0 })).toBe(0);
      expect(await store.fixTimes({ nowMs: NOW_MS, backMs: 0 })).toBeGreaterThan(0);
      expect(await store.fixTimes({ nowMs: NOW_MS, backMs: 0 })).toBe(0);
    });

    it('are left alone while the clock goes on', async () => {
      const store = storeOf();
      await store.storeNotification(notification('a', { receivedAtMs: AHEAD_MS }));
      expect(await store.fixTimes({ nowMs: NOW_MS, backMs: 0 })).toBe(0);
      expect(await store.nextNotificationDueAtMs()).toBe(AHEAD_MS);
    });
  });
}
