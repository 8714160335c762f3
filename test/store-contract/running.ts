import { describe, expect, it, vi } from 'vitest';
import type { Run, RunPage } from '../../src/store/run-store.js';
import type { Store } from '../../src/store/store.js';
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
  workOn,
} from './samples.js';

/** What happens with time and at length: status changes that fall due, runs of jobs, and what is known of both. */
export function describeRunning(storeOf: () => Store): void {
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
    const open = async (store: Store, over: Partial<Parameters<Store['openRun']>[0]> = {}): Promise<Run> => {
      const opened = await store.openRun({ ...request, ...over });
      expect(opened.kind).toBe('opened');
      return opened.run;
    };
    const pageOf = (run: Run, over: Partial<RunPage> = {}): RunPage => ({
      runId: run.id,
      owner: 'process-1',
      leaseUntilMs: NOW_MS + 2 * LEASE_MS,
      checkpoint: 'page 2',
      progress,
      ...over,
    });

    it('belong to one process at a time', async () => {
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
      expect(await open(store, { job: 'sweep' }), 'another job is another matter').toMatchObject({
        job: 'sweep',
      });
    });

    it('go on where a crashed process was, with the settings they began with', async () => {
      const store = storeOf();
      const run = await open(store);
      const page = pageOf(run);
      const applied = await store.apply(
        workOn([contactChange(contact('a'))], { completes: { kind: 'page', page } }),
      );
      expect(applied).toMatchObject({ kind: 'applied' });
      const taken = await open(store, {
        owner: 'process-2',
        nowMs: NOW_MS + 2 * LEASE_MS,
        params: { days: 7 },
      });
      expect(taken).toMatchObject({ id: run.id, checkpoint: 'page 2', params: { days: 30 }, progress });

      const late = workOn([contactChange(contact('b'))], { completes: { kind: 'page', page } });
      expect(await store.apply(late)).toEqual({ kind: 'lease-lost' });
      expect(await store.findMember('b')).toBeNull();
      await expect(store.advanceRun(page)).rejects.toMatchObject({ code: 'run_in_progress' });
      const finish = {
        runId: run.id,
        owner: 'process-1',
        status: 'done',
        reason: null,
        nowMs: NOW_MS,
        progress,
      } as const;
      await expect(store.finishRun(finish)).rejects.toMatchObject({ code: 'run_in_progress' });
      expect(await store.findRun(run.id)).toMatchObject({ status: 'running' });
    });

    it('need not wait for the lease of a process that is known to be dead', async () => {
      const store = storeOf();
      const run = await open(store, { owner: 'dead' });
      expect(await store.releaseDeadLeases((owner) => owner === 'dead')).toBe(1);
      expect((await open(store)).id).toBe(run.id);
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
      await store.finishRun({ ...failed, runId: run.id, owner: 'process-1', nowMs: NOW_MS + 9, progress });
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
      const done = { runId: run.id, owner: 'process-1', status: 'done', reason: null, progress } as const;
      await store.finishRun({ ...done, nowMs: NOW_MS + 5999, completeAt: NOW_AT + 4 });
      expect(await store.freshness()).toMatchObject({ sweptAt: NOW_AT + 5, completeAt: NOW_AT + 4 });
    });
  });
}
