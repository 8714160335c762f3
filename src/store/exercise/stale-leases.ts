import { describe, expect, it } from 'vitest';
import type { HeldLease } from '../ports/leases.js';
import type { Store } from '../ports/store.js';
import type { Bench } from './bench.js';
import {
  contact,
  contactChange,
  handled,
  knowMember,
  lease,
  LEASE_MS,
  leaseOneWrite,
  NOW_MS,
  notification,
  openRun,
  sentAll,
  workOn,
} from './samples.js';

/** What settles with a lease, and what it answers when the lease is not the current one. */
interface Settling {
  readonly name: string;
  readonly settle: (store: Store, lease: HeldLease) => Promise<unknown>;
  readonly refused: unknown;
}

const LATER_MS = NOW_MS + LEASE_MS;
const REASON = 'by an attempt that is over';

/** An attempt whose lease is not the current one settles nothing, whoever it belongs to. */
export function exerciseStaleLeases({ storeOf, openAnother }: Bench): void {
  const news = [contactChange(contact('news'))];

  const ofNotification = (id: number): Settling[] => [
    {
      name: 'apply',
      settle: (store, held) =>
        store.apply(
          workOn(news, { completes: { kind: 'notification', id, lease: held, outcome: 'applied' } }),
        ),
      refused: { kind: 'lease-lost' },
    },
    {
      name: 'compare',
      settle: (store, held) =>
        store.compare(
          workOn(news, { completes: { kind: 'notification', id, lease: held, outcome: 'applied' } }),
        ),
      refused: { kind: 'lease-lost' },
    },
    {
      name: 'retryNotification',
      settle: (store, held) => store.retryNotification({ id, lease: held, reason: REASON, dueAtMs: NOW_MS }),
      refused: 'lease-lost',
    },
    {
      name: 'parkNotification',
      settle: (store, held) => store.parkNotification({ id, lease: held, reason: REASON }),
      refused: 'lease-lost',
    },
    {
      name: 'renewNotifications',
      settle: (store, held) => store.renewNotifications([{ id, lease: held }], LATER_MS * 2),
      refused: [id],
    },
  ];

  const ofWrite = (contactId: string, writeId: number): Settling[] => [
    ...(['release', 'keep'] as const).map((afterwards) => ({
      name: `apply and ${afterwards}`,
      settle: (store: Store, held: HeldLease) =>
        store.apply(
          workOn(news, {
            completes: {
              kind: 'write',
              contactId,
              lease: held,
              sentWriteIds: [writeId],
              keptForms: [],
              afterwards,
            },
          }),
        ),
      refused: { kind: 'lease-lost' },
    })),
    {
      name: 'retryWrite',
      settle: (store, held) =>
        store.retryWrite({
          contactId,
          lease: held,
          reason: REASON,
          dueAtMs: LATER_MS * 2,
          outcomeUnknown: true,
        }),
      refused: 'lease-lost',
    },
    {
      name: 'parkWrite',
      settle: (store, held) => store.parkWrite({ contactId, lease: held, reason: REASON }),
      refused: 'lease-lost',
    },
    {
      name: 'parkChanges',
      settle: (store, held) =>
        store.parkChanges({ contactId, lease: held, changes: [{ writeId, reason: REASON }] }),
      refused: 'lease-lost',
    },
    {
      name: 'holdWrite',
      settle: (store, held) => store.holdWrite({ contactId, lease: held }),
      refused: 'lease-lost',
    },
    {
      name: 'renewWrites',
      settle: (store, held) => store.renewWrites([{ contactId, lease: held }], LATER_MS * 2),
      refused: [contactId],
    },
    {
      name: 'holdsWrite',
      settle: (store, held) => store.holdsWrite({ contactId, lease: held }),
      refused: false,
    },
  ];

  const ofRun = (runId: string): Settling[] => {
    const progress = { phase: 'contacts', done: 9, total: 9, contacts: 9, conversations: 9, calls: 9 };
    const pageBy = (held: HeldLease) => ({
      runId,
      lease: held,
      leaseUntilMs: LATER_MS * 2,
      checkpoint: REASON,
      progress,
    });
    const difference = {
      contactId: 'a',
      attribute: 'Last Call',
      before: null,
      after: 1,
      why: REASON,
    } as const;
    const refused = 'run_in_progress';
    const codeOf = (work: Promise<unknown>): Promise<unknown> =>
      work.catch((error: { readonly code: string }) => error.code);
    return [
      { name: 'advanceRun', settle: (store, held) => codeOf(store.advanceRun(pageBy(held))), refused },
      {
        name: 'keepFound',
        settle: (store, held) =>
          codeOf(store.keepFound({ page: pageBy(held), changes: news, seen: [], nowMs: NOW_MS })),
        refused,
      },
      {
        name: 'keepDrift',
        settle: (store, held) => codeOf(store.keepDrift({ page: pageBy(held), differences: [difference] })),
        refused,
      },
      {
        name: 'finishRun',
        settle: (store, held) =>
          codeOf(store.finishRun({ ...pageBy(held), status: 'failed', reason: REASON, nowMs: NOW_MS })),
        refused,
      },
      {
        name: 'renewRun',
        settle: (store, held) => store.renewRun(pageBy(held)),
        refused: false,
      },
      {
        name: 'apply of a page',
        settle: (store, held) =>
          store.apply(workOn(news, { completes: { kind: 'page', page: pageBy(held) } })),
        refused: { kind: 'lease-lost' },
      },
    ];
  };

  /** Tries each of them with each lease, and finds that nothing has changed. */
  const expectRefused = async (
    store: Store,
    settlings: readonly Settling[],
    leases: readonly HeldLease[],
    stateOf: () => Promise<unknown>,
  ): Promise<void> => {
    const before = await stateOf();
    for (const { name, settle, refused } of settlings) {
      for (const held of leases) {
        expect(await settle(store, held), `${name} by ${held.owner}, ${held.token}`).toEqual(refused);
      }
    }
    expect(await stateOf()).toEqual(before);
    expect(await store.findMember('news')).toBeNull();
  };

  /** Those of others, and those of the same owner that are older or were never given. */
  const othersThan = ({ owner, token }: HeldLease): HeldLease[] => [
    { owner, token: token - 1 },
    { owner, token: token + 1 },
    { owner, token: 0 },
    { owner: `${owner} `, token },
    { owner: owner.toUpperCase(), token },
    { owner: 'nobody', token },
  ];

  describe('a lease that is not the current one', () => {
    it('settles no notification, even for the owner of the current one', async () => {
      const store = storeOf();
      const other = await openAnother();
      await store.storeNotification(notification('a'));
      const [expired] = await store.leaseNotifications(lease());
      const [current] = await other.leaseNotifications(lease({ nowMs: LATER_MS }));
      const { id, lease: held } = handled(current);
      const stateOf = async () => [
        await store.parked(),
        await store.recentNotifications(10, LATER_MS),
        await store.nextNotificationDueAtMs(),
      ];
      const settlings = ofNotification(id);
      await expectRefused(store, settlings, [handled(expired).lease, ...othersThan(held)], stateOf);
      await expectRefused(other, settlings, [handled(expired).lease], stateOf);
      await other.apply(workOn([], { completes: handled(current) }));
      await expectRefused(store, settlings, [held, ...othersThan(held)], stateOf);
    });

    it('settles no write, even for the owner of the current one', async () => {
      const store = storeOf();
      const other = await openAnother();
      await knowMember(store, 'a');
      const expired = await leaseOneWrite(store);
      const current = await leaseOneWrite(other, { nowMs: LATER_MS });
      const stateOf = async () => [
        await store.findMember('a'),
        await store.parked(),
        await store.nextWriteDueAtMs(),
        await store.holdsWrite(current),
      ];
      const settlings = ofWrite('a', current.changes[0]?.writeId ?? 0);
      await expectRefused(store, settlings, [expired.lease, ...othersThan(current.lease)], stateOf);
      await expectRefused(other, settlings, [expired.lease], stateOf);
      await other.apply(workOn([], { completes: sentAll(current), nowMs: LATER_MS }));
      await expectRefused(store, settlings, [current.lease], stateOf);
    });

    it('settles no part of a run, even for the owner of the current one', async () => {
      const store = storeOf();
      const other = await openAnother();
      const expired = await openRun(store);
      const current = await openRun(other, { nowMs: LATER_MS }, 'unfinished');
      expect(current.id).toBe(expired.id);
      const stateOf = async () => [
        await store.findRun(current.id),
        await store.listDrift({ runId: current.id, limit: 9, after: null }),
        await store.adoptRun(lease({ nowMs: LATER_MS + LEASE_MS - 1 })),
      ];
      const settlings = ofRun(current.id);
      await expectRefused(store, settlings, [expired.lease, ...othersThan(current.lease)], stateOf);
      await expectRefused(other, settlings, [expired.lease], stateOf);
      const end = { status: 'done', reason: null, nowMs: LATER_MS, progress: current.progress } as const;
      await other.finishRun({ runId: current.id, lease: current.lease, ...end });
      await expectRefused(store, settlings, [current.lease], stateOf);
    });

    it('is not among those that are renewed, and the others are', async () => {
      const store = storeOf();
      for (const key of ['a', 'b', 'c']) await store.storeNotification(notification(key));
      const leased = await store.leaseNotifications(lease());
      const [a, b, c] = leased.map((one) => handled(one));
      if (a === undefined || b === undefined || c === undefined) throw new Error('three were stored');
      const stale = { ...b, lease: { ...b.lease, token: b.lease.token + 1 } };
      expect(await store.renewNotifications([a, stale, c], LATER_MS * 2)).toEqual([b.id]);
      const free = await store.leaseNotifications(lease({ owner: 'process-2', nowMs: LATER_MS }));
      expect(free.map(({ id }) => id)).toEqual([b.id]);
    });
  });
}
