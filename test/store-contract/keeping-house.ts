import { describe, expect, it } from 'vitest';
import type { LeasedNotification, Store } from '../../src/store/store.js';
import {
  DAY,
  LEASE_MS,
  NOW_AT,
  NOW_MS,
  call,
  callChange,
  contact,
  contactChange,
  decideAt,
  knowMember,
  lease,
  notification,
  workOn,
} from './samples.js';

const DAY_MS = DAY * 1000;
const LATER_MS = NOW_MS + 31 * DAY_MS;
const CUT_MS = NOW_MS + DAY_MS;

/** What nobody asks for: old payloads, leftovers of an erasure, times that a wrong clock gave. */
export function describeKeepingHouse(storeOf: () => Store): void {
  const takeOne = async (store: Store, nowMs = NOW_MS): Promise<LeasedNotification> => {
    const [taken] = await store.leaseNotifications(lease({ nowMs, limit: 1 }));
    if (taken === undefined) throw new Error('nothing was due');
    return taken;
  };
  const settle = async (store: Store): Promise<void> => {
    const { id } = await takeOne(store);
    const completes = { kind: 'notification', id, owner: 'process-1', outcome: 'applied' } as const;
    await store.apply(workOn([], { completes }));
  };

  describe('old payloads', () => {
    it('are erased once they are settled and old enough, and the entry stays', async () => {
      const store = storeOf();
      await store.storeNotification(notification('old'));
      await settle(store);
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
      const { id } = await takeOne(store, parkedAtMs);
      await store.parkNotification({ id, owner: 'process-1', reason: 'why' });
      expect(await store.eraseOldPayloads(parkedAtMs)).toBe(0);
      expect(await store.eraseOldPayloads(parkedAtMs + 1)).toBe(1);
      expect(await store.parked()).toHaveLength(1);
      expect(await store.replay('all')).toBe(1);
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
        await settle(store);
      }
      expect(await store.eraseOldPayloads(CUT_MS)).toBe(1);
      expect(await store.eraseOldPayloads(CUT_MS)).toBe(1);
      expect(await store.eraseOldPayloads(CUT_MS)).toBe(1);
      expect(await store.eraseOldPayloads(CUT_MS)).toBe(0);
    });
  });

  describe('mentions of an erased contact', () => {
    it('in payloads about others are found, newest first, and what still waits is read by its id', async () => {
      const store = storeOf();
      await knowMember(store, 'gone');
      await knowMember(store, 'other');
      const naming = (id: string): Buffer => Buffer.from(`{"contacts":["${id}","other"]}`);
      await store.storeNotification(notification('group', { body: naming('gone'), lane: 'other' }));
      await store.storeNotification(notification('else', { body: naming('somebody'), lane: 'third' }));
      await store.apply(workOn([{ kind: 'contact-deleted', id: 'gone' }]));
      expect(await store.scrubPayloads()).toEqual({ erased: 1, hasMore: false });
      expect(await store.scrubPayloads()).toEqual({ erased: 0, hasMore: false });
      const taken = await store.leaseNotifications(lease());
      const bodies = new Map(taken.map((one) => [one.dedupeKey, one.body]));
      expect(bodies.get('group')).toBeNull();
      expect(bodies.get('else')).not.toBeNull();
    });

    it('are looked for again from the start when another contact is erased meanwhile', async () => {
      const store = storeOf();
      for (const id of ['one', 'two']) await knowMember(store, id);
      for (let index = 0; index < 501; index += 1) {
        const body = Buffer.from(index === 0 ? '"one"' : index === 500 ? '"two"' : '""');
        await store.storeNotification(notification(`n-${index}`, { body }));
      }
      await store.apply(workOn([{ kind: 'contact-deleted', id: 'one' }]));
      expect(await store.scrubPayloads()).toEqual({ erased: 0, hasMore: true });
      await store.apply(workOn([{ kind: 'contact-deleted', id: 'two' }]));
      expect(await store.scrubPayloads()).toEqual({ erased: 1, hasMore: true });
      expect(await store.scrubPayloads()).toEqual({ erased: 1, hasMore: false });
    });
  });

  describe('times that a wrong clock gave', () => {
    const AHEAD_MS = NOW_MS + 400 * DAY_MS;
    const back = (store: Store): Promise<number> =>
      store.mendTimes({ nowMs: NOW_MS, backMs: AHEAD_MS - NOW_MS });

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
      const { id } = await takeOne(store, AHEAD_MS);
      await store.retryNotification({ id, owner: 'process-1', reason: 'why', dueAtMs: AHEAD_MS + 5000 });
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
      expect(await store.mendTimes({ nowMs: AHEAD_MS, backMs: 0 })).toBe(0);
      expect(await store.mendTimes({ nowMs: NOW_MS, backMs: 0 })).toBeGreaterThan(0);
      expect(await store.mendTimes({ nowMs: NOW_MS, backMs: 0 })).toBe(0);
    });

    it('are left alone while the clock goes on', async () => {
      const store = storeOf();
      await store.storeNotification(notification('a', { receivedAtMs: AHEAD_MS }));
      expect(await store.mendTimes({ nowMs: NOW_MS, backMs: 0 })).toBe(0);
      expect(await store.nextNotificationDueAtMs()).toBe(AHEAD_MS);
    });
  });
}
