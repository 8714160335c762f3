import { describe, expect, it } from 'vitest';
import type { LeasedWrite } from '../ports/outbox.js';
import type { Store } from '../ports/store.js';
import type { Bench } from './bench.js';
import {
  NOW_MS,
  knowMember,
  lease,
  leaseOneWrite,
  sentAll,
  outcomesOf,
  touch,
  wanting,
  wants,
  workOn,
} from './samples.js';
/** Writes that wait for Intercom, are refused by it, or are held back. */
export function exerciseRefusing({ storeOf }: Bench): void {
  describe('a contact that is being retried', () => {
    it('is tried at once for a new value, and its count goes on', async () => {
      const store = storeOf();
      await touch(store, 'a', { decide: wanting(wants(1)) });
      const failure = { reason: 'intercom_unavailable: 503', outcomeUnknown: false };
      const first = await leaseOneWrite(store);
      await store.retryWrite({ ...first, ...failure, dueAtMs: NOW_MS + 1000 });
      await touch(store, 'a', { decide: wanting(wants(2)) });
      const second = await leaseOneWrite(store);
      expect(second).toMatchObject({ attempt: 2, changes: [{ after: 2 }] });
      await store.retryWrite({ ...second, ...failure, dueAtMs: NOW_MS });
      const third = await leaseOneWrite(store);
      await store.retryWrite({ ...third, ...failure, dueAtMs: NOW_MS + 9000 });
      await touch(store, 'a', { decide: wanting(wants(3)) });
      expect(await store.nextWriteDueAtMs(), 'after some failures it waits').toBe(NOW_MS + 9000);
    });

    it('is not let in at once when an attempt has settled nothing', async () => {
      const store = storeOf();
      await touch(store, 'a', { decide: wanting(wants(1)) });
      const nothing = { ...sentAll(await leaseOneWrite(store)), sentWriteIds: [] };
      await store.apply(workOn([], { completes: nothing, decide: wanting(wants(1)) }));
      expect(await store.nextWriteDueAtMs()).toBeGreaterThan(NOW_MS + 10_000);
    });
  });

  describe('a write that waited for Intercom', () => {
    it('counts no attempt, and stays unknown where it was', async () => {
      const store = storeOf();
      await knowMember(store, 'a');
      for (let time = 0; time < 3; time += 1) {
        const write = await leaseOneWrite(store);
        expect(write).toMatchObject({ attempt: 1, outcomeUnknown: time > 0 });
        const failure = { reason: 'down', dueAtMs: NOW_MS, outcomeUnknown: true };
        await store.retryWrite({ ...write, ...failure, waitsForIntercom: true });
      }
      expect((await store.findMember('a'))?.writes[0]).toMatchObject({ attempts: 0, reason: 'down' });
    });
  });

  describe('a single change that Intercom refuses', () => {
    const parkFirst = async (store: Store): Promise<LeasedWrite> => {
      await knowMember(store, 'a');
      const write = await leaseOneWrite(store);
      const { contactId, lease: held, changes } = write;
      const refused = [{ writeId: changes[0]?.writeId ?? 0, reason: 'no such attribute' }];
      const older = { ...held, token: held.token - 1 };
      expect(await store.parkChanges({ contactId, lease: older, changes: refused })).toBe('lease-lost');
      expect(await store.parked(), 'of another attempt').toEqual([]);
      expect(await store.parkChanges({ contactId, lease: held, changes: refused })).toBe('settled');
      return write;
    };

    it('is parked alone, and the others go on', async () => {
      const store = storeOf();
      const write = await parkFirst(store);
      await store.retryWrite({ ...write, reason: 'later', dueAtMs: NOW_MS, outcomeUnknown: false });
      expect(await outcomesOf(store, 'a')).toEqual([
        'Last Call: parked',
        'Engagement Status: waiting',
        'Engagement Status Date: waiting',
      ]);
      expect(await store.parked()).toEqual([
        {
          kind: 'write',
          id: 'a',
          topic: null,
          attributes: ['Last Call'],
          reason: 'no such attribute',
          attempts: 1,
          sinceMs: NOW_MS,
        },
      ]);
      expect(await store.backlog(NOW_MS)).toMatchObject({ writesParked: 1, writesWaiting: 1 });
      const rest = await leaseOneWrite(store);
      expect(rest.changes.map(({ attribute }) => attribute)).toEqual([
        'Engagement Status',
        'Engagement Status Date',
      ]);
      await store.parkWrite({ ...rest, reason: 'refused too' });
      expect(await store.parked(), 'one item for each contact').toMatchObject([
        { id: 'a', attributes: ['Last Call', 'Engagement Status', 'Engagement Status Date'] },
      ]);
      expect((await store.parked())[0]?.reason).toBe('refused too; no such attribute');
      expect(await store.backlog(NOW_MS)).toMatchObject({ writesParked: 1, writesWaiting: 0 });
      expect(await store.replay('all', NOW_MS)).toBe(1);
      expect((await leaseOneWrite(store)).changes).toHaveLength(3);
    });

    it('leaves nothing to be sent where nothing else waits, until it is replayed', async () => {
      const store = storeOf();
      await touch(store, 'a', { decide: wanting(wants(1)) });
      const write = await leaseOneWrite(store);
      const [change] = write.changes;
      const changes = [{ writeId: change?.writeId ?? 0, reason: 'refused' }];
      await store.parkChanges({ ...write, changes });
      const settled = { ...sentAll(write), sentWriteIds: [] };
      await store.apply(workOn([], { decide: wanting(wants(1)), completes: settled }));
      expect(await store.nextWriteDueAtMs()).toBeNull();
      await touch(store, 'a', { decide: wanting(wants(1)) });
      expect(await store.leaseWrites(lease()), 'the same decision does not wake it').toEqual([]);
      expect(await store.replay({ writes: ['b'] }, NOW_MS)).toBe(0);
      expect(await store.replay({ writes: ['a'] }, NOW_MS)).toBe(1);
      const again = await leaseOneWrite(store);
      expect(again).toMatchObject({ attempt: 1, changes: [{ after: 1, isReplayed: true }] });
      await store.retryWrite({ ...again, reason: '', dueAtMs: NOW_MS, outcomeUnknown: false });
      expect((await leaseOneWrite(store)).changes).toMatchObject([{ isReplayed: false }]);
    });

    it('gives way to another value, which is tried', async () => {
      const store = storeOf();
      await touch(store, 'a', { decide: wanting(wants(1)) });
      const write = await leaseOneWrite(store);
      const changes = [{ writeId: write.changes[0]?.writeId ?? 0, reason: 'refused' }];
      await store.parkChanges({ ...write, changes });
      const settled = { ...sentAll(write), sentWriteIds: [] };
      await store.apply(workOn([], { decide: wanting(wants(2)), completes: settled }));
      expect(await store.parked()).toEqual([]);
      expect((await leaseOneWrite(store)).changes).toMatchObject([{ after: 2, isReplayed: false }]);
      expect(await outcomesOf(store, 'a')).toEqual(['Last Call: superseded', 'Last Call: waiting']);
    });
  });

  describe('a write that is held', () => {
    it('waits until all are released', async () => {
      const store = storeOf();
      await knowMember(store, 'a');
      await store.holdWrite(await leaseOneWrite(store));
      await touch(store, 'a');
      expect(await store.leaseWrites(lease())).toEqual([]);
      expect((await outcomesOf(store, 'a'))[0]).toBe('Last Call: held');
      expect(await store.releaseHeldWrites()).toBe(1);
      expect(await leaseOneWrite(store)).toMatchObject({ contactId: 'a' });
    });
  });
}
