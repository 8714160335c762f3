import { describe, expect, it } from 'vitest';
import type { CacheChange } from '../ports/changes.js';
import type { LeasedNotification } from '../ports/inbox.js';
import type { Store } from '../ports/store.js';
import type { Bench } from './bench.js';
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
  handled,
  knowMember,
  lease,
  notification,
  outcomesOf,
  wanting,
  wants,
  workOn,
} from './samples.js';

const UPDATED_AT = NOW_AT - DAY;

/** Several events of one contact: leased together, and applied as one where nothing follows from them. */
export function exerciseApplyingTogether({ storeOf }: Bench): void {
  const receive = async (store: Store, lanes: string): Promise<void> => {
    for (const [place, lane] of lanes.split('').entries()) {
      await store.storeNotification(notification(`${place}-${lane}`, { lane }));
    }
  };
  const keysOf = (leased: readonly LeasedNotification[]): string[][] =>
    leased.map((one) => [one, ...one.followers].map(({ dedupeKey }) => dedupeKey));
  const takeFirst = async (store: Store): Promise<LeasedNotification> => {
    const [first] = await store.leaseNotifications(lease({ limit: 1, followers: 7 }));
    if (first === undefined) throw new Error('nothing was due');
    return first;
  };
  const together = (changes: readonly CacheChange[], first: LeasedNotification) => ({
    changes,
    nowMs: NOW_MS,
    decide: decideAt(),
    lease: first.lease,
    completes: [first, ...first.followers].map(({ id }) => ({ id, outcome: 'applied' }) as const),
  });
  const replies = [1, 2, 3].map((seconds) =>
    callChange(call('call-of-a', 'a', { updatedAt: UPDATED_AT + seconds })),
  );
  const statesOf = async (store: Store): Promise<string[]> =>
    (await store.recentNotifications(10, NOW_MS)).map(({ status }) => status);

  describe('events of one contact that have come one behind the other', () => {
    it('are handed over with the first of them, in their order and as many as are asked for', async () => {
      const store = storeOf();
      await receive(store, 'abaacaa');
      const leased = await store.leaseNotifications(lease({ followers: 2 }));
      expect(keysOf(leased)).toEqual([['0-a', '2-a', '3-a'], ['1-b'], ['4-c']]);
      const [follower] = leased[0]?.followers ?? [];
      expect(Buffer.from(follower?.body ?? []).toString()).toBe('{"id":"2-a"}');
      expect(follower?.attempt).toBe(1);
      expect(await store.leaseNotifications(lease({ followers: 2 })), 'the lane is busy').toEqual([]);
      await store.apply(workOn([], { completes: handled(leased[0]) }));
      expect(keysOf(await store.leaseNotifications(lease({ followers: 2 })))).toEqual([
        ['2-a', '3-a', '5-a'],
      ]);
    });

    it('are only webhooks that are due, wait for nothing and come behind', async () => {
      const store = storeOf();
      const wish = { dedupeKey: 'wish', origin: 'reread', lane: 'a', dueAtMs: NOW_MS } as const;
      await store.apply(workOn([], { rereads: [{ ...wish, subject: { kind: 'contact', id: 'a' } }] }));
      await receive(store, 'aaaa');
      const retry = async (over: object): Promise<void> => {
        const failed = handled(await takeFirst(store));
        await store.retryNotification({ ...failed, reason: 'why', dueAtMs: NOW_MS, ...over });
      };
      await retry({ dueAtMs: NOW_MS + 1 });
      await retry({ waitsForIntercom: true });
      expect(keysOf(await store.leaseNotifications(lease({ followers: 7 })))).toEqual([['2-a', '3-a']]);
    });

    it('are applied as one, and each is settled', async () => {
      const store = storeOf();
      await knowMember(store, 'a');
      const before = await outcomesOf(store, 'a');
      await receive(store, 'aaa');
      const first = await takeFirst(store);
      expect(await store.applyTogether(together(replies, first))).toBe(true);
      expect((await store.findMember('a'))?.conversations).toMatchObject([{ updatedAt: UPDATED_AT + 3 }]);
      expect(await statesOf(store)).toEqual(['done', 'done', 'done']);
      expect(await outcomesOf(store, 'a')).toEqual(before);
      expect(await store.applyTogether(together([], first)), 'once').toBe(false);
    });

    const follows: Readonly<Record<string, Partial<Parameters<Store['applyTogether']>[0]>>> = {
      'something is to be written': { decide: wanting(wants(4711, 'Last Coaching Session')) },
      'something is to be read': { changes: [...replies, callChange(call('strange', 'unknown'))] },
      'a contact is erased': { changes: [...replies, { kind: 'contact-deleted', id: 'a' }] },
      'contacts are merged': {
        changes: [contactChange(contact('b')), { kind: 'contact-merged', absorbedId: 'a', survivorId: 'b' }],
      },
    };
    for (const [what, over] of Object.entries(follows)) {
      it(`are not applied as one where ${what}: nothing has happened then`, async () => {
        const store = storeOf();
        await knowMember(store, 'a');
        const before = await store.findMember('a');
        await receive(store, 'aaa');
        const first = await takeFirst(store);
        expect(await store.applyTogether({ ...together(replies, first), ...over })).toBe(false);
        expect(await store.findMember('a')).toEqual(before);
        expect(await statesOf(store)).toEqual(['waiting', 'waiting', 'waiting']);
        expect(await store.applyTogether(together(replies, first)), 'it is still leased').toBe(true);
      });
    }

    it('are not applied where the lease of the first is lost', async () => {
      const store = storeOf();
      await knowMember(store, 'a');
      await receive(store, 'aa');
      const first = await takeFirst(store);
      const [newer] = await store.leaseNotifications(lease({ nowMs: NOW_MS + LEASE_MS, followers: 7 }));
      expect(newer?.id).toBe(first.id);
      expect(await store.applyTogether(together(replies, first))).toBe(false);
      expect(await statesOf(store)).toEqual(['waiting', 'waiting']);
    });

    it('are not applied where one of them has been settled meanwhile', async () => {
      const store = storeOf();
      await knowMember(store, 'a');
      await knowMember(store, 'b');
      await store.storeNotification(notification('first', { lane: 'a' }));
      const subject = { kind: 'contact', id: 'b' } as const;
      await store.storeNotification(notification('of-b', { lane: 'a', subject }));
      const first = await takeFirst(store);
      await store.apply(workOn([{ kind: 'contact-deleted', id: 'b' }]));
      expect(await store.applyTogether(together(replies, first))).toBe(false);
      expect(await statesOf(store)).toEqual(['ignored', 'waiting']);
    });
  });
}
