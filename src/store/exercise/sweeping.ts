import { describe, expect, it } from 'vitest';
import type { HeldRun, Run, RunPage } from '../ports/runs.js';
import type { CacheChange } from '../ports/changes.js';
import type { Store } from '../ports/store.js';
import type { Subject } from '../ports/subject.js';
import type { Bench } from './bench.js';
import {
  afterWrite,
  call,
  callChange,
  contact,
  contactChange,
  handled,
  DAY,
  decideAt,
  knowMember,
  lease,
  leaseOneWrite,
  NOW_AT,
  NOW_MS,
  notification,
  openRun,
  sentAll,
  workOn,
} from './samples.js';

/** What a run finds is kept beside the cache, told, and taken in only when the run says so. */
export function exerciseSweeping({ storeOf }: Bench): void {
  const open = (store: Store): Promise<HeldRun> => openRun(store);
  const pageOf = (run: HeldRun): RunPage => ({
    runId: run.id,
    lease: run.lease,
    leaseUntilMs: NOW_MS + 60_000,
    checkpoint: 'page 2',
    progress: { phase: 'contacts', done: 1, total: 2, contacts: 1, conversations: 0, calls: 1 },
  });
  const keep = (store: Store, run: HeldRun, changes: readonly CacheChange[], seen: readonly Subject[] = []) =>
    store.keepFound({ page: pageOf(run), changes, seen, nowMs: NOW_MS });
  const all = (store: Store, run: Run, scope: 'found' | 'all' = 'found') =>
    store.nextFound({ runId: run.id, scope, afterContactId: null, limit: 10 });
  /** A member whose attributes are in Intercom as they should be. */
  const knowSynced = async (store: Store, id: string): Promise<void> => {
    await knowMember(store, id);
    const write = await leaseOneWrite(store);
    const held = contactChange(afterWrite(id, write), NOW_MS);
    await store.apply(workOn([held], { completes: sentAll(write) }));
  };
  const later = call('call-of-a', 'a', { updatedAt: NOW_AT + 5, lastCloseAt: NOW_AT });

  describe('what a run finds', () => {
    it('is kept beside the cache, with the place to go on from, and only where it is new', async () => {
      const store = storeOf();
      await knowSynced(store, 'a');
      const run = await open(store);
      await keep(store, run, [callChange(call('call-of-a', 'a')), callChange(later)]);
      expect(await all(store, run)).toEqual({
        contactIds: ['a'],
        changes: [callChange(later)],
        lastContactId: 'a',
      });
      expect((await store.findMember('a'))?.conversations[0]?.lastCloseAt).toBe(NOW_AT - DAY);
      expect(await store.findRun(run.id)).toMatchObject({ checkpoint: 'page 2' });
      const older = callChange(call('call-of-a', 'a', { updatedAt: NOW_AT + 4, lastCloseAt: NOW_AT - 9 }));
      await keep(store, run, [older]);
      expect((await all(store, run)).changes, 'the newer one stays').toEqual([callChange(later)]);
    });

    it('is found under whoever has it and whoever had it, and under nobody', async () => {
      const store = storeOf();
      await knowSynced(store, 'a');
      await knowSynced(store, 'b');
      const run = await open(store);
      const moved = callChange(call('call-of-a', 'b', { updatedAt: NOW_AT + 5 }));
      const ofNobody = callChange({ ...call('lonely', 'x'), contactId: null });
      await keep(store, run, [moved, ofNobody]);
      const found = await all(store, run);
      expect(found.contactIds).toEqual(['a', 'b']);
      expect(found.changes).toEqual([moved, ofNobody]);
      const page = { runId: run.id, scope: 'all', limit: 1 } as const;
      const first = await store.nextFound({ ...page, afterContactId: null });
      const second = await store.nextFound({ ...page, afterContactId: first.lastContactId });
      expect([...first.contactIds, ...second.contactIds]).toEqual(['a']);
    });

    it('belongs to the run that holds its lease, and is forgotten at its end', async () => {
      const store = storeOf();
      await knowSynced(store, 'a');
      const run = await open(store);
      await keep(store, run, [callChange(later)]);
      for (const held of [
        { owner: 'process-2', token: run.lease.token },
        { owner: 'process-1', token: run.lease.token - 1 },
      ]) {
        const foreign = { ...pageOf(run), lease: held };
        await expect(
          store.keepFound({ page: foreign, changes: [], seen: [], nowMs: NOW_MS }),
        ).rejects.toMatchObject({ code: 'run_in_progress' });
      }
      const end = { runId: run.id, lease: run.lease, status: 'done', reason: null } as const;
      await store.finishRun({ ...end, nowMs: NOW_MS, progress: pageOf(run).progress });
      expect(await all(store, run)).toEqual({ contactIds: [], changes: [], lastContactId: null });
    });

    it('is compared without changing anything, and then applied', async () => {
      const store = storeOf();
      await store.setCoverage(0);
      await knowSynced(store, 'a');
      expect(await store.countSynced()).toBe(1);
      const run = await open(store);
      await keep(store, run, [callChange(later)]);
      const { changes, contactIds } = await all(store, run);
      const cause = { kind: 'sweep', ref: run.id } as const;
      const work = workOn(changes, { members: contactIds, cause, unknownContacts: 'accept' });
      const before = await store.findMember('a');
      const compared = await store.compare(work);
      expect(compared).toMatchObject({
        kind: 'compared',
        members: 1,
        differences: [
          { contactId: 'a', attribute: 'Last Call', before: NOW_AT - DAY, after: NOW_AT, wasSynced: true },
        ],
      });
      expect(await store.findMember('a')).toEqual(before);
      expect(await store.leaseWrites(lease())).toEqual([]);

      await store.apply(work);
      expect(await store.countWritesOf(run.id)).toMatchObject({ waiting: 1, failing: 0, sent: 0 });
      expect(await store.compare(work), 'what is on its way is no difference').toMatchObject({
        differences: [],
      });
      const write = await leaseOneWrite(store);
      expect(write).toMatchObject({ cause, priority: 'sweep', changes: [{ after: NOW_AT }] });
      await store.retryWrite({
        contactId: 'a',
        lease: write.lease,
        reason: 'intercom_unavailable: 503',
        dueAtMs: NOW_MS + 1000,
        outcomeUnknown: false,
      });
      expect(await store.countWritesOf(run.id)).toMatchObject({ waiting: 1, failing: 1 });
      const again = await leaseOneWrite(store, { nowMs: NOW_MS + 1000 });
      const held = contactChange(afterWrite('a', again, { updatedAt: NOW_AT + 9 }), NOW_MS + 1000);
      await store.apply(workOn([held], { completes: sentAll(again) }));
      expect(await store.countWritesOf(run.id)).toMatchObject({ waiting: 0, sent: 1 });
    });

    it('is brought in step only in the attributes that were asked for', async () => {
      const store = storeOf();
      await store.apply(workOn([contactChange(contact('a'))]));
      const only = new Set(['Last Call'] as const);
      const found = callChange(call('call-of-a', 'a'));
      await store.apply(workOn([found], { members: ['a'], only, unknownContacts: 'accept' }));
      const write = await leaseOneWrite(store);
      expect(write.changes.map(({ attribute }) => attribute)).toEqual(['Last Call']);
    });
  });

  describe('drift', () => {
    it('is listed by pages, names members by User ID, and outlives the run but not the contact', async () => {
      const store = storeOf();
      await knowSynced(store, 'a');
      await store.apply(workOn([contactChange(contact('b', { externalId: 'M-2' }))]));
      const run = await open(store);
      const difference = { attribute: 'Last Call', before: null, after: NOW_AT, why: 'a call' } as const;
      await store.keepDrift({
        page: pageOf(run),
        differences: [
          { ...difference, contactId: 'a' },
          { ...difference, contactId: 'b' },
        ],
      });
      const end = { runId: run.id, lease: run.lease, status: 'guarded', reason: 'too many' } as const;
      await store.finishRun({ ...end, nowMs: NOW_MS, progress: pageOf(run).progress });
      const first = await store.listDrift({ runId: run.id, limit: 1, after: null });
      expect(first).toMatchObject({ total: 2, differences: [{ ...difference, contactId: 'a' }] });
      const second = await store.listDrift({ runId: run.id, limit: 1, after: first.next });
      expect(second).toMatchObject({ next: null, differences: [{ contactId: 'b', memberId: 'M-2' }] });
      await store.apply(workOn([{ kind: 'contact-deleted', id: 'b' }]));
      expect(await store.listDrift({ runId: run.id, limit: 9, after: null })).toMatchObject({ total: 1 });
    });
  });

  describe('what a run has not seen', () => {
    it('is told a few at a time: members, and conversations that changed within the window', async () => {
      const store = storeOf();
      for (const id of ['a', 'b']) await knowSynced(store, id);
      const run = await open(store);
      await keep(store, run, [], [{ kind: 'contact', id: 'a' }]);
      const unseen: Subject[] = [];
      const look = async (fromAt: number): Promise<void> => {
        unseen.length = 0;
        let after: Subject | null = null;
        for (;;) {
          const changed = { fromAt, untilAt: NOW_AT + DAY };
          const looked: Awaited<ReturnType<Store['listUnseen']>> = await store.listUnseen({
            changed,
            after,
            limit: 1,
          });
          unseen.push(...looked.subjects);
          if (looked.last === null) return;
          after = looked.last;
        }
      };
      await look(0);
      expect(unseen).toEqual([
        { kind: 'contact', id: 'b' },
        { kind: 'conversation', id: 'call-of-a' },
        { kind: 'conversation', id: 'call-of-b' },
      ]);
      await look(NOW_AT + 1);
      expect(unseen).toEqual([{ kind: 'contact', id: 'b' }]);
      expect(await store.countCached(0)).toEqual({ members: 2, conversations: 2 });
      expect(await store.countCached(NOW_AT + DAY)).toEqual({ members: 2, conversations: 0 });
    });
  });

  describe('silence of webhooks', () => {
    const HOUR_MS = 3_600_000;
    const LAST_MS = NOW_MS - 16 * HOUR_MS;
    const silentSince = async (store: Store): Promise<number | null> =>
      (await store.freshness()).silentSinceAt;
    /** Two on each of the five days before now, eight hours apart: pauses of 16 hours are usual. */
    const storeFiveDays = async (
      store: Store,
      over: Parameters<typeof notification>[1] = {},
    ): Promise<void> => {
      for (let day = 5; day >= 1; day -= 1) {
        for (const hour of [0, 8]) {
          const receivedAtMs = NOW_MS - day * 24 * HOUR_MS + hour * HOUR_MS;
          await store.storeNotification(notification(`${day} ${hour}`, { ...over, receivedAtMs }));
        }
      }
    };
    /** What is said of them 20 and 25 hours after the last of those. */
    const afterUsualPause = async (store: Store): Promise<(number | null)[]> => {
      const said: (number | null)[] = [];
      for (const hours of [20, 25]) {
        await store.detectSilence(LAST_MS + hours * HOUR_MS);
        said.push(await silentSince(store));
      }
      return said;
    };

    it('is noticed when a run finds what they should have told, and ends with the next one', async () => {
      const store = storeOf();
      await knowSynced(store, 'a');
      await store.storeNotification(notification('one', { receivedAtMs: NOW_MS }));
      const run = await open(store);
      await store.detectSilence(NOW_MS + 5 * HOUR_MS);
      expect(await silentSince(store), 'nothing was found').toBeNull();
      await keep(store, run, [callChange(later)]);
      await store.detectSilence(NOW_MS + 60_000);
      expect(await silentSince(store), 'too early to say').toBeNull();
      await store.detectSilence(NOW_MS + HOUR_MS);
      expect(await silentSince(store)).toBe(NOW_AT);
      await store.storeNotification(notification('two', { receivedAtMs: NOW_MS + HOUR_MS }));
      const [, two] = await store.leaseNotifications(lease({ nowMs: NOW_MS + HOUR_MS }));
      await store.apply(workOn([], { completes: handled(two, 'ignored') }));
      expect(await silentSince(store)).toBeNull();
    });

    it('is judged by what came in even when none of it is left', async () => {
      const store = storeOf();
      await knowSynced(store, 'a');
      await storeFiveDays(store, { subject: null });
      for (const one of await store.leaseNotifications(lease())) {
        await store.apply(workOn([], { completes: handled(one, 'ignored') }));
      }
      await store.eraseOldPayloads(NOW_MS);
      const before = { settledBeforeMs: NOW_MS + 1, parkedBeforeMs: 0 };
      expect(await store.pruneInbox(before)).toEqual({ erased: 10, hasMore: false });
      const run = await open(store);
      await keep(store, run, [callChange(later)]);
      expect(await afterUsualPause(store)).toEqual([null, LAST_MS / 1000]);
    });

    it('is what is longer than usual: a pause of every night is none', async () => {
      const store = storeOf();
      await knowSynced(store, 'a');
      await storeFiveDays(store);
      const run = await open(store);
      await keep(store, run, [callChange(later)]);
      expect(await afterUsualPause(store)).toEqual([null, LAST_MS / 1000]);
    });
  });

  it('decides on members that a sweep names although nothing became known of them', async () => {
    const store = storeOf();
    await knowSynced(store, 'a');
    const nowAt = NOW_AT + 40 * DAY;
    const work = workOn([], { members: ['a'], decide: decideAt(nowAt), nowMs: nowAt * 1000 });
    await store.apply(work);
    expect((await store.findMember('a'))?.decision.status).toBe('Unengaged');
  });
}
