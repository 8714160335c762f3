import { describe, expect, it } from 'vitest';
import type { Bench } from './bench.js';
import {
  call,
  callChange,
  contact,
  contactChange,
  handled,
  knowMember,
  lease,
  LEASE_MS,
  NOW_AT,
  NOW_MS,
  notification,
  workOn,
} from './samples.js';

/** Ids that differ only by case are different ids; in order of bytes. */
const IDS = ['AB', 'Ab', 'aB', 'ab'];

export function exerciseMixedCaseIds({ storeOf, openReports }: Bench): void {
  describe('ids that differ only by case', () => {
    it('belong to contacts of their own, by either id', async () => {
      const store = storeOf();
      for (const id of IDS) await knowMember(store, id);
      for (const id of IDS) {
        expect((await store.findMember(id))?.contact.name).toBe(`Name of ${id}`);
        expect((await store.findMember(`user-${id}`))?.contact.id).toBe(id);
        expect((await store.findMember(id))?.conversations.map((one) => one.id)).toEqual([`call-of-${id}`]);
      }
      expect(await store.findMember('USER-ab')).toBeNull();
      expect(await store.countCached(0)).toEqual({ members: 4, conversations: 4 });
    });

    it('belong to conversations, notifications, lanes and logins of their own', async () => {
      const store = storeOf();
      for (const id of IDS) expect(await store.storeNotification(notification(id))).toBe('stored');
      expect(await store.leaseNotifications(lease())).toHaveLength(4);
      await store.apply(workOn([contactChange(contact('x')), ...IDS.map((id) => callChange(call(id, 'x')))]));
      await store.apply(workOn([{ kind: 'conversation-deleted', id: 'aB' }]));
      const left = (await store.findMember('x'))?.conversations.map(({ id }) => id);
      expect(left?.toSorted()).toEqual(['AB', 'Ab', 'ab']);
      await store.endLogin({ id: 'aB', expiresAt: NOW_AT + 9, nowAt: NOW_AT });
      expect(await store.isLoginEnded({ id: 'ab', expiresAt: NOW_AT + 9 })).toBe(false);
      expect(await store.isLoginEnded({ id: 'aB', expiresAt: NOW_AT + 9 })).toBe(true);
    });

    it('are leased, parked and erased apart', async () => {
      const store = storeOf();
      for (const id of IDS) await knowMember(store, id);
      const writes = await store.leaseWrites(lease());
      expect(writes.map(({ contactId }) => contactId).toSorted()).toEqual(IDS);
      const mine = writes.find(({ contactId }) => contactId === 'aB');
      if (mine === undefined) throw new Error('it was leased');
      expect(await store.parkWrite({ ...mine, contactId: 'ab', reason: 'why' })).toBe('lease-lost');
      expect(await store.parkWrite({ ...mine, reason: 'why' })).toBe('settled');
      expect((await store.parked()).map(({ id }) => id)).toEqual(['aB']);
      await store.apply(workOn([{ kind: 'contact-deleted', id: 'Ab' }]));
      const there = [];
      for (const id of IDS) there.push((await store.findMember(id)) !== null);
      expect(there).toEqual([true, false, true, true]);
    });

    it('are no owner of one another’s leases', async () => {
      const store = storeOf();
      await store.storeNotification(notification('a'));
      const [taken] = await store.leaseNotifications(lease({ owner: 'Process' }));
      const { id, lease: held } = handled(taken);
      const other = { id, lease: { ...held, owner: 'process' } };
      expect(await store.renewNotifications([other], NOW_MS + LEASE_MS)).toEqual([id]);
      expect(await store.releaseDeadLeases((owner) => owner === 'process')).toBe(0);
      expect(await store.releaseDeadLeases((owner) => owner === 'Process')).toBe(1);
    });

    it('are listed in the order of their bytes', async () => {
      const store = storeOf();
      const reports = await openReports();
      for (const id of IDS.toReversed()) await knowMember(store, id);
      const caseload = { fromAt: 0, coaches: [], employers: [], channels: [] };
      const page = { limit: 10, after: null };
      const members = await reports.caseload.page(caseload, page);
      expect(members.rows.map(({ contactId }) => contactId)).toEqual(IDS);
      const window = { fromAt: 0, toAt: null };
      const sessions = await reports.sessions.page({ ...caseload, window }, page);
      expect(sessions.rows.map(({ contactId }) => contactId)).toEqual(IDS);
      const first = await reports.caseload.page(caseload, { limit: 2, after: null });
      const second = await reports.caseload.page(caseload, { limit: 2, after: first.next });
      expect(second.rows.map(({ contactId }) => contactId)).toEqual(IDS.slice(2));
    });
  });
}
