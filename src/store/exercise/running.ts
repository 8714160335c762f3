import { describe, expect, it, vi } from 'vitest';
import type { HeldRun, RunPage } from '../ports/runs.js';
import type { Store } from '../ports/store.js';
import type { Bench } from './bench.js';
import {
  DAY,
  LEASE_MS,
  NOW_AT,
  NOW_MS,
  contact,
  contactChange,
  decideAt,
  knowMember,
  lease,
  openRun,
  workOn,
} from './samples.js';

/** What happens with time and at length: status changes that fall due, runs of jobs, and what is known of both. */
export function exerciseRunning({ storeOf }: Bench): void {
  describe('transitions', () => {
    const endsAt = NOW_AT - DAY + 29 * DAY;

    it('are known in advance and applied when they are due', async () => {
      const store = storeOf();
      expect(await store.nextTransitionAt()).toBeNull();
      await knowMember(store, 'a');
      expect(await store.nextTransitionAt()).toBe(endsAt);
      const early = { nowAt: endsAt - 1, limit: 10, decide: decideAt(endsAt - 1) };
      expect(await store.applyDueTransitions(early)).toBe(0);
      expect(await store.applyDueTransitions({ nowAt: endsAt, limit: 10, decide: decideAt(endsAt) })).toBe(1);
      expect((await store.findMember('a'))?.decision).toMatchObject({
        status: 'Unengaged',
        nextChange: null,
      });
      expect(await store.nextTransitionAt()).toBeNull();
      const [write] = await store.leaseWrites(lease({ nowMs: endsAt * 1000 }));
      expect(write).toMatchObject({ cause: { kind: 'transition', ref: null }, priority: 'soon' });
    });

    it('are applied a few at a time, oldest first', async () => {
      const store = storeOf();
      for (const id of ['a', 'b', 'c']) await knowMember(store, id);
      const due = { nowAt: endsAt, limit: 2, decide: decideAt(endsAt) };
      expect(await store.applyDueTransitions(due)).toBe(2);
      expect(await store.applyDueTransitions(due)).toBe(1);
      expect(await store.applyDueTransitions(due)).toBe(0);
    });

    it('wake the loop when one lies earlier than before', async () => {
      const store = storeOf();
      const listener = vi.fn<() => void>();
      store.onWork('transitions', listener);
      await knowMember(store, 'a');
      expect(listener).toHaveBeenCalledTimes(1);
      await store.apply(workOn([contactChange(contact('a', { updatedAt: NOW_AT }))]));
      expect(listener).toHaveBeenCalledTimes(1);
    });
  });

  describe('runs', () => {
    const progress = { phase: 'contacts', done: 150, total: 400, contacts: 150, conversations: 0, calls: 1 };
    const request = {
      job: 'backfill',
      owner: 'process-1',
      nowMs: NOW_MS,
      leaseMs: LEASE_MS,
      params: { days: 30 },
    } as const;
    const open = (
      store: Store,
      over: Partial<Parameters<Store['openRun']>[0]> = {},
      kind: 'opened' | 'unfinished' = 'opened',
    ): Promise<HeldRun> => openRun(store, { ...request, ...over }, kind);
    const pageOf = (run: HeldRun, over: Partial<RunPage> = {}): RunPage => ({
      runId: run.id,
      lease: run.lease,
      leaseUntilMs: NOW_MS + 2 * LEASE_MS,
      checkpoint: 'page 2',
      progress,
      ...over,
    });

    it('are unfinished one at a time, and belong to one process', async () => {
      const store = storeOf();
      const run = await open(store);
      expect(run).toMatchObject({
        job: 'backfill',
        status: 'running',
        checkpoint: null,
        params: { days: 30 },
      });
      expect(run.id).toMatch(/^run_\w+$/);
      const other = await store.openRun({ ...request, owner: 'process-2', nowMs: NOW_MS + LEASE_MS - 1 });
      expect(other).toMatchObject({ kind: 'busy', run: { id: run.id } });
      expect(await store.openRun({ ...request, job: 'sweep' })).toMatchObject({ kind: 'busy' });
      const takeOver = { owner: 'process-2', nowMs: NOW_MS + LEASE_MS - 1, leaseMs: LEASE_MS };
      expect(await store.adoptRun(takeOver)).toBeNull();
      expect(await store.adoptRun({ ...takeOver, nowMs: NOW_MS + LEASE_MS })).toMatchObject({ id: run.id });
    });

    it('go on where a crashed process was, with the settings they began with', async () => {
      const store = storeOf();
      const run = await open(store);
      const page = pageOf(run);
      const applied = await store.apply(
        workOn([contactChange(contact('a'))], { completes: { kind: 'page', page } }),
      );
      expect(applied).toMatchObject({ kind: 'applied' });
      const taken = await open(
        store,
        { owner: 'process-2', nowMs: NOW_MS + 2 * LEASE_MS, job: 'sweep', params: { days: 7 } },
        'unfinished',
      );
      expect(taken).toMatchObject({ id: run.id, checkpoint: 'page 2', params: { days: 30 }, progress });

      const late = workOn([contactChange(contact('b'))], { completes: { kind: 'page', page } });
      expect(await store.apply(late)).toEqual({ kind: 'lease-lost' });
      expect(await store.findMember('b')).toBeNull();
      await expect(store.advanceRun(page)).rejects.toMatchObject({ code: 'run_in_progress' });
      const finish = {
        runId: run.id,
        lease: run.lease,
        status: 'done',
        reason: null,
        nowMs: NOW_MS,
        progress,
      } as const;
      await expect(store.finishRun(finish)).rejects.toMatchObject({ code: 'run_in_progress' });
      expect(await store.findRun(run.id)).toMatchObject({ status: 'running' });
    });

    it('belong to one attempt: an expired one carries nothing on, even for the owner of the newer one', async () => {
      const store = storeOf();
      const expired = await open(store);
      const newer = await open(store, { nowMs: NOW_MS + LEASE_MS }, 'unfinished');
      expect(newer.id).toBe(expired.id);
      const renewal = { runId: expired.id, leaseUntilMs: NOW_MS + 5 * LEASE_MS };
      expect(await store.renewRun({ ...renewal, lease: expired.lease })).toBe(false);
      expect(await store.apply(workOn([], { completes: { kind: 'page', page: pageOf(expired) } }))).toEqual({
        kind: 'lease-lost',
      });
      await expect(store.advanceRun(pageOf(expired))).rejects.toMatchObject({ code: 'run_in_progress' });
      expect(await store.renewRun({ ...renewal, lease: newer.lease })).toBe(true);
      const late = { owner: 'process-2', nowMs: NOW_MS + 5 * LEASE_MS - 1, leaseMs: LEASE_MS };
      expect(await store.adoptRun(late)).toBeNull();
      expect(await store.adoptRun({ ...late, nowMs: NOW_MS + 5 * LEASE_MS })).toMatchObject({
        id: newer.id,
        lease: { owner: 'process-2', token: newer.lease.token + 1 },
      });
    });

    it('need not wait for the lease of a process that is known to be dead', async () => {
      const store = storeOf();
      const run = await open(store, { owner: 'dead' });
      expect(await store.releaseDeadLeases((owner) => owner === 'dead')).toBe(1);
      expect((await open(store, {}, 'unfinished')).id).toBe(run.id);
    });

    it('record progress without touching the cache, and how they ended', async () => {
      const store = storeOf();
      const run = await open(store);
      await store.advanceRun(pageOf(run));
      expect(await store.findRun(run.id)).toMatchObject({
        progress,
        checkpoint: 'page 2',
        finishedAtMs: null,
      });
      const failed = { status: 'failed', reason: 'intercom_refused_token: 401' } as const;
      await store.finishRun({ ...failed, runId: run.id, lease: run.lease, nowMs: NOW_MS + 9, progress });
      expect(await store.latestRun('backfill')).toMatchObject({
        ...failed,
        id: run.id,
        finishedAtMs: NOW_MS + 9,
      });
      expect((await store.freshness()).sweptAt, 'a failed run makes nothing fresh').toBeNull();
      const next = await open(store, { nowMs: NOW_MS + 10 });
      expect(next.id).not.toBe(run.id);
      expect((await store.latestRun('backfill'))?.id).toBe(next.id);
      expect(await store.latestRun('reconcile')).toBeNull();
      expect(await store.findRun('run_0')).toBeNull();
    });

    it('tell when the cache was swept and found complete', async () => {
      const store = storeOf();
      const run = await open(store, { job: 'sweep' });
      const done = { runId: run.id, lease: run.lease, status: 'done', reason: null, progress } as const;
      const swept = { sweptUntilAt: NOW_AT, completeAt: NOW_AT + 4 };
      await store.finishRun({ ...done, ...swept, nowMs: NOW_MS + 5999 });
      expect(await store.freshness()).toMatchObject({ sweptAt: NOW_AT + 5, ...swept });
    });

    it('are listed newest first, page by page, and the last one that was done is known', async () => {
      const store = storeOf();
      const ids: string[] = [];
      for (const [at, job] of (['sweep', 'reconcile', 'sweep'] as const).entries()) {
        const run = await open(store, { job, nowMs: NOW_MS + at, params: { dryRun: at === 2 } });
        const done = { runId: run.id, lease: run.lease, status: 'done', reason: null, progress } as const;
        await store.finishRun({ ...done, nowMs: NOW_MS + at });
        ids.unshift(run.id);
      }
      const first = await store.listRuns({ limit: 2, after: null, jobs: [] });
      expect(first).toMatchObject({ total: 3, runs: [{ id: ids[0] }, { id: ids[1] }] });
      const second = await store.listRuns({ limit: 2, after: first.next, jobs: [] });
      expect(second).toMatchObject({ total: 3, next: null, runs: [{ id: ids[2] }] });
      expect(await store.listRuns({ limit: 2, after: null, jobs: ['reconcile'] })).toMatchObject({
        total: 1,
      });
      expect(await store.latestDoneRun(['sweep', 'reconcile']), 'a dry run does nothing').toMatchObject({
        id: ids[1],
      });
      expect(await store.latestDoneRun(['backfill'])).toBeNull();
    });

    it('end after a time with their drift, but for the last one of each job that ended well', async () => {
      const store = storeOf();
      await knowMember(store, 'a');
      const ids: string[] = [];
      for (const [at, job] of (['sweep', 'reconcile', 'sweep', 'sweep', 'reconcile'] as const).entries()) {
        const nowMs = NOW_MS + at * DAY * 1000;
        const run = await open(store, { job, nowMs });
        ids.push(run.id);
        const difference = { attribute: 'Last Call', before: 1, after: 2, contactId: 'a', why: 'x' } as const;
        await store.keepDrift({ page: pageOf(run), differences: [difference] });
        const end = { runId: run.id, lease: run.lease, reason: null, progress, nowMs } as const;
        await store.finishRun({ ...end, status: at === 3 ? 'failed' : 'done' });
      }
      const running = await open(store, { job: 'sweep', nowMs: NOW_MS });
      const before = { sweepsBeforeMs: NOW_MS + 30 * DAY * 1000, othersBeforeMs: NOW_MS + DAY * 1000 };
      while ((await store.pruneRuns(before)).hasMore);
      const listed = async (): Promise<Set<string>> =>
        new Set((await store.listRuns({ limit: 9, after: null, jobs: [] })).runs.map(({ id }) => id));
      expect(await listed()).toEqual(new Set([ids[1], ids[2], ids[4], running.id]));
      const all = { sweepsBeforeMs: NOW_MS + 30 * DAY * 1000, othersBeforeMs: NOW_MS + 30 * DAY * 1000 };
      while ((await store.pruneRuns(all)).hasMore);
      expect(await listed()).toEqual(new Set([ids[2], ids[4], running.id]));
      expect((await store.listDrift({ runId: ids[1] ?? '', limit: 9, after: null })).total).toBe(0);
      expect((await store.listDrift({ runId: ids[4] ?? '', limit: 9, after: null })).total).toBe(1);
    });
  });
}
