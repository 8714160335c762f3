import { describe, expect, it } from 'vitest';
import type { CacheChange } from '../ports/changes.js';
import type { LeasedNotification } from '../ports/inbox.js';
import type { Store } from '../ports/store.js';
import type { Bench } from './bench.js';
import {
  DAY,
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
  const keysOf = (leased: readonly LeasedNotification[]): string[] =>
    leased.map(({ dedupeKey }) => dedupeKey);
  const together = (changes: readonly CacheChange[], leased: readonly LeasedNotification[]) => ({
    changes,
    nowMs: NOW_MS,
    decide: decideAt(),
    completes: leased.map((one) => {
      const { id, lease: held, outcome } = handled(one);
      return { id, lease: held, outcome };
    }),
  });
  const replies = [1, 2, 3].map((seconds) =>
    callChange(call('call-of-a', 'a', { updatedAt: UPDATED_AT + seconds })),
  );
  const statesOf = async (store: Store): Promise<string[]> =>
    (await store.recentNotifications(10, NOW_MS)).map(({ status }) => status);

  describe('events of one contact that have come one behind the other', () => {
    it('are leased together, in their order and as many as are asked for', async () => {
      const store = storeOf();
      await receive(store, 'abaacaa');
      const [first, ...others] = await store.leaseNotifications(lease({ perLane: 3 }));
      expect(keysOf([...(first === undefined ? [] : [first]), ...others])).toEqual([
        '0-a',
        '2-a',
        '3-a',
        '1-b',
        '4-c',
      ]);
      expect(first?.lane).toBe('a');
      expect(await store.leaseNotifications(lease({ perLane: 3 })), 'the lane is busy').toEqual([]);
      await store.apply(workOn([], { completes: handled(first) }));
      expect(await store.leaseNotifications(lease({ perLane: 3 })), 'and stays so').toEqual([]);
    });

    it('count as one where lanes are counted', async () => {
      const store = storeOf();
      await receive(store, 'aabbc');
      expect(keysOf(await store.leaseNotifications(lease({ limit: 2, perLane: 2 })))).toEqual([
        '0-a',
        '1-a',
        '2-b',
        '3-b',
      ]);
      expect(keysOf(await store.leaseNotifications(lease({ limit: 2, perLane: 2 })))).toEqual(['4-c']);
    });

    it('are applied as one, and each is settled', async () => {
      const store = storeOf();
      await knowMember(store, 'a');
      const before = await outcomesOf(store, 'a');
      await receive(store, 'aaa');
      const leased = await store.leaseNotifications(lease({ perLane: 8 }));
      expect(await store.applyTogether(together(replies, leased))).toBe(true);
      expect((await store.findMember('a'))?.conversations).toMatchObject([{ updatedAt: UPDATED_AT + 3 }]);
      expect(await statesOf(store)).toEqual(['done', 'done', 'done']);
      expect(await outcomesOf(store, 'a')).toEqual(before);
      expect(await store.applyTogether(together([], leased)), 'once').toBe(false);
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
        const leased = await store.leaseNotifications(lease({ perLane: 8 }));
        expect(await store.applyTogether({ ...together(replies, leased), ...over })).toBe(false);
        expect(await store.findMember('a')).toEqual(before);
        expect(await statesOf(store)).toEqual(['waiting', 'waiting', 'waiting']);
        expect(await store.applyTogether(together(replies, leased)), 'they are still leased').toBe(true);
      });
    }

    it('are not applied where the lease of one of them is lost', async () => {
      const store = storeOf();
      await knowMember(store, 'a');
      await receive(store, 'aa');
      const leased = await store.leaseNotifications(lease({ perLane: 8 }));
      const [first] = leased;
      await store.parkNotification({ ...handled(first), reason: 'why' });
      expect(await store.applyTogether(together(replies, leased))).toBe(false);
      expect(await statesOf(store)).toEqual(['waiting', 'parked']);
    });
  });
}
