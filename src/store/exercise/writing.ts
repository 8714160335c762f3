import { describe, expect, it, vi } from 'vitest';
import type { Work } from '../ports/cache.js';
import type { WriteRecord } from '../ports/queries.js';
import type { Bench } from './bench.js';
import {
  DAY,
  LEASE_MS,
  NOW_AT,
  NOW_MS,
  afterWrite,
  call,
  callChange,
  contact,
  contactChange,
  decideAt,
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
/** Waiting writes: in step with the newest decision, one request per contact, settled once. */
export function exerciseWriting({ storeOf }: Bench): void {
  describe('writes that wait', () => {
    it('are given out once per contact, with everything that waits and why', async () => {
      const store = storeOf();
      await knowMember(store, 'a');
      expect(await store.nextWriteDueAtMs()).toBe(NOW_MS);
      const write = await leaseOneWrite(store);
      expect(write).toMatchObject({
        contactId: 'a',
        priority: 'soon',
        cause: { kind: 'notification', ref: 'notif_1' },
        attempt: 1,
        outcomeUnknown: false,
        queuedAtMs: NOW_MS,
      });
      expect(write.changes.map(({ attribute, after }) => [attribute, after])).toEqual([
        ['Last Call', NOW_AT - DAY],
        ['Engagement Status', 'Engaged'],
        ['Engagement Status Date', NOW_AT],
      ]);
      expect(await store.leaseWrites(lease({ owner: 'process-2' }))).toEqual([]);
      expect(await store.nextWriteDueAtMs()).toBe(NOW_MS + LEASE_MS);
    });

    it('stay as they are, with cause and date, while they are still wanted', async () => {
      const store = storeOf();
      await knowMember(store, 'a');
      const hourLater = { nowMs: NOW_MS + 3_600_000, decide: decideAt(NOW_AT + 3600) };
      const applied = await touch(store, 'a', { ...hourLater, cause: { kind: 'sweep', ref: 'run_1' } });
      expect(applied).toMatchObject({ members: 1, queued: [] });
      const write = await leaseOneWrite(store, { nowMs: NOW_MS + 3_600_000 });
      expect(write).toMatchObject({ priority: 'soon', cause: { kind: 'notification' }, queuedAtMs: NOW_MS });
      expect(write.changes.find((change) => change.attribute === 'Engagement Status Date')?.after).toBe(
        NOW_AT,
      );
    });

    it('learn what Intercom holds meanwhile', async () => {
      const store = storeOf();
      await touch(store, 'a', { decide: wanting(wants(5)) });
      await touch(store, 'a', { decide: wanting({ ...wants(5), before: 3 }) });
      expect((await leaseOneWrite(store)).changes).toMatchObject([{ before: 3, after: 5 }]);
    });

    it('give way to the newest wanted value', async () => {
      const store = storeOf();
      await touch(store, 'a', { decide: wanting(wants(1), wants('Engaged', 'Engagement Status')) });
      const newer = await touch(store, 'a', {
        decide: wanting(wants(2), wants('Engaged', 'Engagement Status')),
      });
      expect(newer).toMatchObject({ queued: [{ attribute: 'Last Call', after: 2 }] });
      expect((await leaseOneWrite(store)).changes.map((change) => change.after)).toEqual(['Engaged', 2]);
      expect(await outcomesOf(store, 'a')).toEqual([
        'Last Call: superseded',
        'Engagement Status: waiting',
        'Last Call: waiting',
      ]);
    });

    it('are gone when nothing has to change any more', async () => {
      const store = storeOf();
      await touch(store, 'a', { decide: wanting(wants(1)) });
      await touch(store, 'a', { decide: wanting() });
      expect(await store.leaseWrites(lease())).toEqual([]);
      expect(await store.nextWriteDueAtMs()).toBeNull();
      expect(await store.backlog(NOW_MS)).toMatchObject({ writesWaiting: 0, oldestWriteAgeMs: null });
    });

    it('go soon before sweep, then oldest first', async () => {
      const store = storeOf();
      const queue = (
        id: string,
        kind: 'sweep' | 'backfill' | 'sync' | 'settle' | 'notification',
        nowMs: number,
      ) => touch(store, id, { cause: { kind, ref: null }, nowMs, decide: wanting(wants(nowMs)) });
      await queue('old sweep', 'sweep', NOW_MS - 900);
      await queue('backfill', 'backfill', NOW_MS - 800);
      await queue('event', 'notification', NOW_MS - 100);
      await queue('settled', 'settle', NOW_MS - 200);
      await queue('sync', 'sync', NOW_MS - 950);
      await queue('sync', 'notification', NOW_MS - 50);
      const first = await store.leaseWrites(lease({ limit: 4 }));
      expect(first.map((write) => `${write.contactId} ${write.priority}`)).toEqual([
        'settled soon',
        'event soon',
        'sync soon',
        'old sweep sweep',
      ]);
      expect(await store.leaseWrites(lease({ limit: 4 }))).toMatchObject([{ contactId: 'backfill' }]);
    });

    it('wake the loop when they are new', async () => {
      const store = storeOf();
      const listener = vi.fn<() => void>();
      store.onWork('writes', listener);
      await touch(store, 'a', { decide: wanting(wants(1)) });
      expect(listener).toHaveBeenCalledTimes(1);
      await touch(store, 'a', { decide: wanting(wants(1)) });
      expect(listener).toHaveBeenCalledTimes(1);
    });
  });

  describe('a write that was sent', () => {
    it('is settled together with what Intercom answered, and nothing waits any more', async () => {
      const store = storeOf();
      await knowMember(store, 'a');
      const write = await leaseOneWrite(store);
      const answer = contactChange(afterWrite('a', write), NOW_MS);
      const completed = {
        completes: sentAll(write),
        cause: { kind: 'write-back', ref: null },
        nowMs: NOW_MS + 200,
      } as const;
      const applied = await store.apply(workOn([answer], completed));
      expect(applied).toEqual({ kind: 'applied', members: 1, queued: [], waiting: [] });
      const sent = (await store.findMember('a'))?.writes ?? [];
      expect(sent).toHaveLength(3);
      for (const record of sent) {
        expect(record).toMatchObject({
          outcome: 'sent',
          attempts: 1,
          settledAtMs: NOW_MS + 200,
          reason: null,
        });
      }
      expect(await store.nextWriteDueAtMs()).toBeNull();
      expect(await store.apply(workOn([answer], completed)), 'once').toEqual({ kind: 'lease-lost' });
    });

    it('leaves what was decided meanwhile waiting, due at once', async () => {
      const store = storeOf();
      await knowMember(store, 'a');
      const write = await leaseOneWrite(store);
      const newer = NOW_AT - 60;
      await store.apply(workOn([callChange(call('2', 'a', { lastCloseAt: newer, updatedAt: newer }))]));
      expect(await store.leaseWrites(lease()), 'one request at a time').toEqual([]);
      await store.apply(
        workOn([contactChange(afterWrite('a', write), NOW_MS)], { completes: sentAll(write) }),
      );
      const next = await leaseOneWrite(store);
      expect(next).toMatchObject({
        attempt: 1,
        changes: [{ attribute: 'Last Call', before: NOW_AT - DAY, after: newer }],
      });
      const records: WriteRecord[] = [...((await store.findMember('a'))?.writes ?? [])];
      const lastCalls = records
        .filter((record) => record.attribute === 'Last Call')
        .map((record) => record.outcome);
      expect(lastCalls, 'the superseded one was sent all the same').toEqual(['waiting', 'sent']);
    });

    it('teaches the rules in which form Intercom keeps a value, and which First Session Date is ours', async () => {
      const store = storeOf();
      const asked: unknown[] = [];
      const decide: Work['decide'] = (facts) => {
        asked.push([facts.ownFirstSessionAt, facts.keptForms]);
        return wanting(...(asked.length === 1 ? [wants(77, 'First Session Date'), wants(5)] : []))(facts);
      };
      await touch(store, 'a', { decide });
      const write = await leaseOneWrite(store);
      const keptForms = [{ attribute: 'Last Call', sent: 5, kept: 0 }] as const;
      await store.apply(workOn([], { decide, completes: { ...sentAll(write), keptForms } }));
      await touch(store, 'a', { decide });
      expect(asked).toEqual([
        [null, []],
        [77, keptForms],
        [77, keptForms],
      ]);
    });

    it('can be preceded by a read under the same lease', async () => {
      const store = storeOf();
      await knowMember(store, 'a');
      const write = await leaseOneWrite(store);
      const read = contactChange(
        contact('a', { updatedAt: NOW_AT, attributes: { 'Engagement Status': 'Engaged' } }),
        NOW_MS,
      );
      const keep = { ...sentAll(write), sentWriteIds: [], afterwards: 'keep' } as const;
      const applied = await store.apply(workOn([read], { completes: keep }));
      const waiting = applied.kind === 'applied' ? applied.waiting : [];
      expect(waiting).toEqual([{ ...write.changes[0] }]);
      expect(await store.leaseWrites(lease()), 'the lease is kept').toEqual([]);
      const done = { ...sentAll(write), sentWriteIds: waiting.map((change) => change.writeId) };
      expect(await store.apply(workOn([], { decide: wanting(), completes: done }))).toMatchObject({
        kind: 'applied',
      });
      expect(await store.nextWriteDueAtMs()).toBeNull();
    });
  });

  describe('a write that failed', () => {
    it('comes again when it is due, and says so when it may have reached Intercom', async () => {
      const store = storeOf();
      await knowMember(store, 'a');
      const { contactId, lease: first } = await leaseOneWrite(store);
      const failure = { contactId, lease: first, reason: 'intercom_timeout: no answer in time' };
      const foreign = { owner: 'process-2', token: first.token };
      const due = { dueAtMs: NOW_MS, outcomeUnknown: true };
      expect(await store.retryWrite({ ...failure, lease: foreign, ...due })).toBe('lease-lost');
      await store.retryWrite({ ...failure, dueAtMs: NOW_MS + 5000, outcomeUnknown: true });
      expect(await store.leaseWrites(lease({ nowMs: NOW_MS + 4999 }))).toEqual([]);
      const again = await leaseOneWrite(store, { nowMs: NOW_MS + 5000 });
      expect(again).toMatchObject({ attempt: 2, outcomeUnknown: true });
      const second = { ...failure, lease: again.lease, outcomeUnknown: false };
      await store.retryWrite({ ...second, dueAtMs: NOW_MS + 9000 });
      const third = await leaseOneWrite(store, { nowMs: NOW_MS + 9000 });
      expect(third.outcomeUnknown, 'until it has been settled').toBe(true);
      expect((await store.findMember('a'))?.writes[0]).toMatchObject({ attempts: 3, reason: failure.reason });
    });

    it('settles nothing once its lease has gone to a newer attempt, even one of the same owner', async () => {
      const store = storeOf();
      await knowMember(store, 'a');
      const expired = await leaseOneWrite(store);
      expect(await store.holdsWrite(expired)).toBe(true);
      const newer = await leaseOneWrite(store, { nowMs: NOW_MS + LEASE_MS });
      expect(newer).toMatchObject({ outcomeUnknown: true, lease: { owner: expired.lease.owner } });
      expect(await store.holdsWrite(expired)).toBe(false);
      const failure = { contactId: 'a', lease: expired.lease, reason: 'late' };
      expect(await store.apply(workOn([], { completes: sentAll(expired) }))).toEqual({ kind: 'lease-lost' });
      expect(await store.retryWrite({ ...failure, dueAtMs: NOW_MS, outcomeUnknown: false })).toBe(
        'lease-lost',
      );
      expect(await store.parkWrite(failure)).toBe('lease-lost');
      expect(await store.holdWrite(failure)).toBe('lease-lost');
      expect(await store.renewWrites([expired], NOW_MS + 9 * LEASE_MS)).toEqual(['a']);
      expect(await store.renewWrites([newer], NOW_MS + 3 * LEASE_MS)).toEqual([]);
      expect(await store.leaseWrites(lease({ nowMs: NOW_MS + 3 * LEASE_MS - 1 }))).toEqual([]);
      const held = contactChange(afterWrite('a', newer), NOW_MS + LEASE_MS);
      expect(await store.apply(workOn([held], { completes: sentAll(newer) }))).toMatchObject({
        kind: 'applied',
      });
    });

    it('settles nothing of a contact whose row has gone and come again since', async () => {
      const store = storeOf();
      await touch(store, 'a', { decide: wanting(wants(1)) });
      const expired = await leaseOneWrite(store);
      await touch(store, 'a', { decide: wanting(), nowMs: NOW_MS + LEASE_MS });
      expect(await store.nextWriteDueAtMs()).toBeNull();
      await touch(store, 'a', { decide: wanting(wants(2)), nowMs: NOW_MS + LEASE_MS });
      const newer = await leaseOneWrite(store, { nowMs: NOW_MS + LEASE_MS });
      expect(await store.apply(workOn([], { completes: sentAll(expired) }))).toEqual({ kind: 'lease-lost' });
      expect(await store.holdsWrite(newer)).toBe(true);
    });

    it('may have reached Intercom when its process died', async () => {
      const store = storeOf();
      await knowMember(store, 'a');
      await leaseOneWrite(store, { owner: 'dead' });
      expect(await store.releaseDeadLeases((owner) => owner === 'dead')).toBe(1);
      expect(await leaseOneWrite(store)).toMatchObject({ attempt: 2, outcomeUnknown: true });
      const expired = await leaseOneWrite(store, { nowMs: NOW_MS + LEASE_MS });
      expect(expired).toMatchObject({ attempt: 3, outcomeUnknown: true });
    });

    it('parks with its reason until it is replayed', async () => {
      const store = storeOf();
      await knowMember(store, 'a');
      const leased = await leaseOneWrite(store);
      await store.parkWrite({
        contactId: 'a',
        lease: leased.lease,
        reason: 'intercom_refused_request: no such attribute',
      });
      await touch(store, 'a');
      expect(await store.leaseWrites(lease()), 'the same decision does not wake it').toEqual([]);
      expect(await outcomesOf(store, 'a')).toEqual([
        'Last Call: parked',
        'Engagement Status: parked',
        'Engagement Status Date: parked',
      ]);
      expect(await store.parked()).toEqual([
        {
          kind: 'write',
          id: 'a',
          topic: null,
          attributes: ['Last Call', 'Engagement Status', 'Engagement Status Date'],
          reason: 'intercom_refused_request: no such attribute',
          attempts: 1,
          sinceMs: NOW_MS,
        },
      ]);
      expect(await store.backlog(NOW_MS)).toMatchObject({
        writesParked: 1,
        writesWaiting: 0,
        oldestWriteAgeMs: null,
      });
      expect(await store.replay({ writes: ['a'] }, NOW_MS)).toBe(1);
      expect(await leaseOneWrite(store)).toMatchObject({ attempt: 1 });
    });

    it('is tried anew when a new value is wanted, even one that came while it was under way', async () => {
      const store = storeOf();
      await touch(store, 'a', { decide: wanting(wants(1)) });
      const first = await leaseOneWrite(store);
      await touch(store, 'a', { decide: wanting(wants(2)) });
      await store.parkWrite({ contactId: 'a', lease: first.lease, reason: 'refused' });
      const second = await leaseOneWrite(store);
      expect(second).toMatchObject({ attempt: 1, changes: [{ after: 2 }] });
      await store.parkWrite({ contactId: 'a', lease: second.lease, reason: 'refused' });
      expect(await store.leaseWrites(lease())).toEqual([]);
      await touch(store, 'a', { decide: wanting(wants(3)) });
      expect(await leaseOneWrite(store)).toMatchObject({ attempt: 1, changes: [{ after: 3 }] });
    });
  });
}
