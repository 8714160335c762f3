import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { Store } from '../ports/store.js';
import type { Bench } from './bench.js';
import { LATER_AT } from './race-tasks.js';
import {
  contact,
  contactChange,
  decideAt,
  handled,
  knowMember,
  lease,
  NOW_MS,
  notification,
  workOn,
} from './samples.js';

/** A process that is killed between begin and commit leaves nothing half done, and holds nothing up. */
export function exerciseLostConnection(bench: Bench): void {
  const { storeOf } = bench;

  describe('a process that dies between begin and commit', () => {
    it('leaves nothing of what it was told, and its work to the next one', async () => {
      const store = storeOf();
      await die(bench, 'apply');
      expect(await store.findMember('doomed-1')).toBeNull();
      expect(await store.leaseWrites(lease())).toEqual([]);
      expect(await store.backlog(NOW_MS)).toMatchObject({ members: 0, notificationsWaiting: 2 });
      expect(await store.storeNotification(notification('a')), 'what was answered is kept').toBe('duplicate');

      expect(await store.leaseNotifications(lease()), 'its leases last').toEqual([]);
      expect(await store.releaseDeadLeases((owner) => owner === 'doomed')).toBe(2);
      const [again] = await store.leaseNotifications(lease());
      const changes = [contactChange(contact('doomed-1'))];
      expect(await store.apply(workOn(changes, { completes: handled(again) }))).toMatchObject({ members: 1 });
    });
  });
}

/** The same in other transactions. Starting the other process takes a second. */
export function exerciseLostConnections(bench: Bench): void {
  const { storeOf } = bench;
  const statusesOf = async (store: Store, ids: readonly string[]) => {
    const statuses = [];
    for (const id of ids) statuses.push((await store.findMember(id))?.decision.status);
    return statuses;
  };
  const ids = ['a', 'b', 'c', 'd'];

  describe('a process that dies between begin and commit of a longer piece of work', () => {
    it('leaves every status as it was, to be changed by the next one', async () => {
      const store = storeOf();
      for (const id of ids) await knowMember(store, id);
      await die(bench, 'transitions');
      expect(await statusesOf(store, ids)).toEqual(ids.map(() => 'Engaged'));
      expect(await store.leaseWrites(lease()), 'no write is leased or lost').toHaveLength(ids.length);
      const request = { nowAt: LATER_AT, limit: 10, decide: decideAt(LATER_AT) };
      expect(await store.applyDueTransitions(request)).toBe(ids.length);
    });

    it('leaves every member undecided, to be decided by the next one', async () => {
      const store = storeOf();
      const changes = ids.map((id) => contactChange(contact(id)));
      await store.apply(workOn(changes, { recompute: 'later' }));
      const before = await store.findMember('a');
      await die(bench, 'recompute');
      expect(await store.findMember('a')).toEqual(before);
      const cause = { kind: 'backfill', ref: null } as const;
      const request = { afterContactId: null, limit: 10, cause, nowMs: NOW_MS, decide: decideAt() };
      expect(await store.recomputeMembers(request)).toEqual({ members: 4, lastContactId: null });
    });
  });
}

/** Lets another process work on this database until it dies in the middle of it. */
async function die({ engine, placeOf }: Bench, task: 'apply' | 'transitions' | 'recompute'): Promise<void> {
  const program = fileURLToPath(new URL('doomed.ts', import.meta.url));
  const words = ['--import', 'tsx', program, engine.module, placeOf(), task];
  const doomed = spawn(process.execPath, words, { stdio: ['ignore', 'inherit', 'inherit'] });
  const signal = await new Promise((resolve) => doomed.once('exit', (_code, how) => resolve(how)));
  expect(signal, 'it died where it should').toBe('SIGKILL');
}
