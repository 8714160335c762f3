import { describe, expect, it } from 'vitest';
import type { Change } from '../../rules/facts.js';
import type { Store } from '../ports/store.js';
import type { Bench } from './bench.js';
import { NOW_AT, NOW_MS, lease, leaseOneWrite, sentAll, touch, wanting, wants, workOn } from './samples.js';
/** Writes that somebody changes back: they go on, at growing distances. */
export function exerciseFighting({ storeOf }: Bench): void {
  describe('a write that somebody changes back', () => {
    const MINUTE_MS = 60_000;
    const HOUR_MS = 60 * MINUTE_MS;
    const ours = wants('Engaged', 'Engagement Status');
    const dated = wants(NOW_AT, 'Engagement Status Date');
    /** Sends everything that is due, after which the contact is found without it again. */
    const sendAndLose = async (store: Store, nowMs: number, ...changes: Change[]): Promise<void> => {
      const completes = sentAll(await leaseOneWrite(store, { nowMs }));
      await store.apply(workOn([], { completes, nowMs, decide: wanting() }));
      await touch(store, 'a', { nowMs, decide: wanting(...changes) });
    };
    const fight = async (store: Store, times: number, ...changes: Change[]): Promise<void> => {
      await touch(store, 'a', { decide: wanting(...changes) });
      for (let round = 0; round < times; round += 1) await sendAndLose(store, NOW_MS, ...changes);
    };

    it('goes at once the first times, and then waits longer each time, at most an hour', async () => {
      const store = storeOf();
      await fight(store, 3, ours, dated);
      let dueAtMs = (await store.nextWriteDueAtMs()) ?? 0;
      const pauses = [dueAtMs - NOW_MS];
      for (let round = 0; round < 9; round += 1) {
        expect(await store.leaseWrites(lease({ nowMs: dueAtMs - 1 }))).toEqual([]);
        await sendAndLose(store, dueAtMs, ours, dated);
        const next = (await store.nextWriteDueAtMs()) ?? 0;
        pauses.push(next - dueAtMs);
        dueAtMs = next;
      }
      expect(pauses.map((pause) => pause / MINUTE_MS)).toEqual([0.5, 1, 2, 4, 8, 16, 32, 60, 60, 60]);
    });

    it('says why it waits, is listed and counted, and is no sign of a queue that does not move', async () => {
      const store = storeOf();
      await fight(store, 3, ours, dated);
      const writes = (await store.findMember('a'))?.writes ?? [];
      expect(writes.slice(0, 2)).toMatchObject([
        {
          attribute: 'Engagement Status Date',
          outcome: 'waiting',
          reason: expect.stringContaining('fought over'),
        },
        { attribute: 'Engagement Status', outcome: 'waiting', reason: expect.stringContaining('3 times') },
      ]);
      expect(await store.foughtOver(10, NOW_MS)).toEqual([
        {
          contactId: 'a',
          memberName: 'Name of a',
          attribute: 'Engagement Status',
          reversals: 3,
          sinceMs: NOW_MS,
          untilMs: NOW_MS + 30_000,
        },
      ]);
      expect(await store.backlog(NOW_MS + 20_000)).toMatchObject({
        attributesFoughtOver: 1,
        oldestWriteAgeMs: null,
      });
    });

    it('holds up no other attribute of the contact', async () => {
      const store = storeOf();
      await fight(store, 3, ours, dated);
      await touch(store, 'a', { decide: wanting(ours, dated, wants(5)) });
      const write = await leaseOneWrite(store);
      expect(write.changes.map(({ attribute }) => attribute)).toEqual(['Last Call']);
      const keep = { ...sentAll(write), sentWriteIds: [], afterwards: 'keep' } as const;
      const decide = wanting(ours, dated, wants(5));
      const kept = await store.apply(workOn([], { completes: keep, decide }));
      expect(kept).toMatchObject({ waiting: [{ attribute: 'Last Call' }] });
      const rest = wanting(ours, dated);
      await store.apply(workOn([], { completes: sentAll(write), decide: rest }));
      expect(await store.nextWriteDueAtMs()).toBe(NOW_MS + 30_000);
      expect(await leaseOneWrite(store, { nowMs: NOW_MS + 30_000 })).toMatchObject({
        attempt: 1,
        outcomeUnknown: false,
        changes: [{ attribute: 'Engagement Status' }, { attribute: 'Engagement Status Date' }],
      });
    });

    it('waits on with the newest wanted value, and is no part of what others are parked for', async () => {
      const store = storeOf();
      await fight(store, 3, ours, dated);
      const newer = wants('At Risk', 'Engagement Status');
      await touch(store, 'a', { decide: wanting(newer, dated) });
      expect(await store.leaseWrites(lease({ nowMs: NOW_MS + 29_999 }))).toEqual([]);
      await touch(store, 'a', { decide: wanting(newer, dated, wants(5)) });
      const write = await leaseOneWrite(store);
      await store.parkWrite({ ...write, reason: 'refused' });
      expect(await store.leaseWrites(lease({ nowMs: NOW_MS + 29_999 }))).toEqual([]);
      expect(await store.parked()).toMatchObject([{ id: 'a', attributes: ['Last Call'], reason: 'refused' }]);
      const fought = await leaseOneWrite(store, { nowMs: NOW_MS + 30_000 });
      expect(fought).toMatchObject({
        attempt: 1,
        changes: [{ attribute: 'Engagement Status Date' }, { after: 'At Risk' }],
      });
      await store.parkWrite({ ...fought, reason: 'refused too' });
      expect(await store.leaseWrites(lease({ nowMs: NOW_MS + HOUR_MS })), 'not again and again').toEqual([]);
      expect(await store.parked()).toMatchObject([
        { id: 'a', attributes: expect.arrayContaining(['Last Call', 'Engagement Status']) },
      ]);
      expect(await store.replay('all', NOW_MS)).toBe(1);
      const again = await leaseOneWrite(store, { nowMs: NOW_MS + HOUR_MS });
      expect(again.changes.map(({ attribute }) => attribute)).toContain('Last Call');
      expect(again.changes).toHaveLength(3);
    });

    it('counts each write once, however often the contact is looked at', async () => {
      const store = storeOf();
      await fight(store, 1, ours, dated);
      for (let look = 0; look < 5; look += 1) {
        await touch(store, 'a', { decide: wanting() });
        await touch(store, 'a', { decide: wanting(ours, dated) });
      }
      expect(await store.nextWriteDueAtMs()).toBe(NOW_MS);
      expect(await store.foughtOver(10, NOW_MS)).toEqual([]);
    });

    it('is forgotten when it has been quiet for an hour', async () => {
      const store = storeOf();
      await fight(store, 3, ours, dated);
      const sentMs = NOW_MS + 30_000;
      const completes = sentAll(await leaseOneWrite(store, { nowMs: sentMs }));
      await store.apply(workOn([], { completes, nowMs: sentMs, decide: wanting() }));
      expect(await store.foughtOver(10, sentMs + HOUR_MS)).toHaveLength(1);
      const later = sentMs + HOUR_MS + 1;
      expect(await store.foughtOver(10, later)).toEqual([]);
      expect(await store.backlog(later)).toMatchObject({ attributesFoughtOver: 0 });
      await touch(store, 'a', { nowMs: later, decide: wanting(ours, dated) });
      expect(await store.nextWriteDueAtMs()).toBe(later);
    });

    it('does not wait for a time that a wrong clock gave', async () => {
      const store = storeOf();
      const ahead = NOW_MS + 365 * 24 * HOUR_MS;
      await touch(store, 'a', { nowMs: ahead, decide: wanting(ours) });
      for (let round = 0; round < 3; round += 1) await sendAndLose(store, ahead, ours);
      await store.fixTimes({ nowMs: NOW_MS, backMs: ahead - NOW_MS });
      expect(await store.nextWriteDueAtMs()).toBe(NOW_MS + 30_000);
      expect(await store.leaseWrites(lease({ nowMs: NOW_MS + 30_000 }))).toHaveLength(1);
    });
  });
}
