import { describe, expect, it } from 'vitest';
import type { CacheChange } from '../ports/changes.js';
import type { Store, WorkKind } from '../ports/store.js';
import type { Bench } from './bench.js';
import {
  contact,
  contactChange,
  handled,
  knowMember,
  lease,
  leaseOneWrite,
  NOW_MS,
  notification,
  wanting,
  wants,
  workOn,
} from './samples.js';

const KINDS = ['inbox', 'writes', 'transitions', 'erasure'] as const satisfies readonly WorkKind[];

/** What may have given a loop work wakes it. */
const CAUSES: readonly {
  readonly name: string;
  readonly wakes: readonly WorkKind[];
  /** What has to be there before it. */
  readonly given?: (store: Store) => Promise<unknown>;
  readonly act: (store: Store) => Promise<unknown>;
}[] = [
  {
    name: 'a notification that is stored',
    wakes: ['inbox'],
    act: (store) => store.storeNotification(notification('a')),
  },
  {
    name: 'a member whose status will change, with something to be written',
    wakes: ['writes', 'transitions'],
    act: (store) => knowMember(store, 'a'),
  },
  {
    name: 'a contact that is deleted',
    wakes: ['erasure'],
    given: (store) => store.apply(workOn([contactChange(contact('a'))])),
    act: (store) => store.apply(workOn([{ kind: 'contact-deleted', id: 'a' }])),
  },
  {
    name: 'a write that is to be tried again',
    wakes: ['writes'],
    given: (store) => store.apply(workOn([contactChange(contact('a'))], { decide: wanting(wants(1)) })),
    act: async (store) => {
      const write = await leaseOneWrite(store);
      await store.retryWrite({ ...write, reason: 'why', dueAtMs: NOW_MS, outcomeUnknown: false });
    },
  },
  {
    name: 'writes that are held no longer',
    wakes: ['writes'],
    given: async (store) => {
      await store.apply(workOn([contactChange(contact('a'))], { decide: wanting(wants(1)) }));
      await store.holdWrite(await leaseOneWrite(store));
    },
    act: (store) => store.releaseHeldWrites(),
  },
  {
    name: 'a notification that is replayed',
    wakes: ['inbox'],
    given: async (store) => {
      await store.storeNotification(notification('a'));
      const [taken] = await store.leaseNotifications(lease());
      await store.parkNotification({ ...handled(taken), reason: 'why' });
    },
    act: (store) => store.replay('all', NOW_MS),
  },
];

/** Loops hear of work when it is there, so that they need not look for it all the time. */
export function exerciseWakeUps({ engine, storeOf, openAnother }: Bench): void {
  const listen = (store: Store): WorkKind[] => {
    const heard: WorkKind[] = [];
    for (const kind of KINDS) store.onWork(kind, () => heard.push(kind));
    return heard;
  };

  describe('wake-ups', () => {
    for (const { name, wakes, given, act } of CAUSES) {
      it(`come of ${name}`, async () => {
        const store = storeOf();
        await given?.(store);
        const heard = listen(store);
        await act(store);
        expect([...new Set(heard)].toSorted()).toEqual(wakes.toSorted());
      });
    }

    it('come when the work can be had', async () => {
      const store = storeOf();
      const got = new Promise((resolve) => {
        store.onWork('inbox', () => resolve(store.leaseNotifications(lease())));
      });
      await store.storeNotification(notification('a'));
      expect(await got).toHaveLength(1);
    });

    it('do not come of what is there already, nor of what is only looked at', async () => {
      const store = storeOf();
      await store.storeNotification(notification('a'));
      await knowMember(store, 'a');
      const heard = listen(store);
      await store.storeNotification(notification('a'));
      await knowMember(store, 'a');
      await store.compare(workOn([contactChange(contact('b'))]));
      await store.backlog(NOW_MS);
      expect(heard).toEqual([]);
    });

    it('go to every listener, and no longer to one that has been taken away', async () => {
      const store = storeOf();
      const heard: string[] = [];
      const stop = store.onWork('inbox', () => heard.push('first'));
      store.onWork('inbox', () => heard.push('second'));
      await store.storeNotification(notification('a'));
      stop();
      await store.storeNotification(notification('b'));
      expect(heard).toEqual(['first', 'second', 'second']);
    });
  });

  describe.skipIf(!engine.can.wakesAcross)('wake-ups in another process [wakesAcross]', () => {
    for (const { name, wakes, given, act } of CAUSES) {
      it(`come of ${name}`, async () => {
        const [store, other] = [storeOf(), await openAnother()];
        await given?.(store);
        const heard = wakes.map((kind) => new Promise<void>((resolve) => other.onWork(kind, resolve)));
        await act(store);
        expect(await Promise.all(heard)).toHaveLength(wakes.length);
      });
    }
  });

  describe.skipIf(engine.can.wakesAcross)('work that came through another process [no wakesAcross]', () => {
    it('is there for whoever looks for it', async () => {
      const [store, other] = [storeOf(), await openAnother()];
      const gone: CacheChange = { kind: 'contact-deleted', id: 'gone' };
      await knowMember(store, 'a');
      await knowMember(store, 'gone');
      await store.apply(workOn([gone]));
      await store.storeNotification(notification('a'));
      expect(await other.nextNotificationDueAtMs()).toBe(NOW_MS);
      expect(await other.nextWriteDueAtMs()).toBe(NOW_MS);
      expect(await other.nextTransitionAt()).toBe(await store.nextTransitionAt());
      expect((await other.backlog(NOW_MS)).erasureAgeMs).toBe(0);
    });
  });
}
