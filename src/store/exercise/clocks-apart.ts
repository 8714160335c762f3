import { describe, expect, it } from 'vitest';
import type { Bench } from './bench.js';
import {
  call,
  callChange,
  contact,
  contactChange,
  DAY,
  decideAt,
  handled,
  knowMember,
  lease,
  LEASE_MS,
  leaseOneWrite,
  NOW_AT,
  NOW_MS,
  notification,
  openRun,
  sentAll,
  workOn,
} from './samples.js';

const APART_MS = 5 * 60_000;
/** The clocks of two machines, as they stand at {@link NOW_MS}. */
const AHEAD_MS = NOW_MS + APART_MS;
const BEHIND_MS = NOW_MS - APART_MS;

/** Two processes whose clocks are five minutes apart. */
export function exerciseClocksApart({ engine, storeOf, openAnother }: Bench): void {
  const { ownTime } = engine.can;

  describe('two processes whose clocks are minutes apart', () => {
    it('never both settle the same work', async () => {
      const [right, ahead] = [storeOf(), await openAnother()];
      await right.storeNotification(notification('a', { lane: 'a' }));
      await right.storeNotification(notification('b', { lane: 'a' }));
      const taken = [
        ...(await right.leaseNotifications(lease())),
        ...(await ahead.leaseNotifications(lease({ owner: 'ahead', nowMs: AHEAD_MS }))),
      ];
      const settled = [];
      for (const one of taken)
        settled.push((await right.apply(workOn([], { completes: handled(one) }))).kind);
      expect(settled.filter((kind) => kind === 'applied')).toHaveLength(1);
      expect(settled.at(-1), 'the current lease settles').toBe('applied');
    });

    it('are believed about which snapshot is newer by the times that Intercom gave, not by their own', async () => {
      const [ahead, behind] = [storeOf(), await openAnother()];
      const named = (name: string, updatedAt: number) => [contactChange(contact('a', { name, updatedAt }))];
      await ahead.apply(workOn(named('older', NOW_AT - 60), { nowMs: AHEAD_MS }));
      await behind.apply(workOn(named('newest', NOW_AT - 30), { nowMs: BEHIND_MS }));
      await ahead.apply(workOn(named('old', NOW_AT - 45), { nowMs: AHEAD_MS }));
      expect((await behind.findMember('a'))?.contact.name).toBe('newest');
    });

    it('do not turn a status to and fro', async () => {
      const [ahead, behind] = [storeOf(), await openAnother()];
      await knowMember(ahead, 'a');
      const changesAt = NOW_AT - DAY + 29 * DAY;
      const applyAt = (store: typeof ahead, nowAt: number): Promise<number> =>
        store.applyDueTransitions({ nowAt, limit: 10, decide: decideAt(nowAt) });
      expect(await applyAt(ahead, changesAt)).toBe(1);
      expect(await applyAt(behind, changesAt - 300), 'nothing is left to be changed').toBe(0);
      expect((await behind.findMember('a'))?.decision.status).toBe('Unengaged');
    });
  });

  describe.skipIf(!ownTime)(
    'two processes whose clocks are minutes apart, by the time of the engine [ownTime]',
    () => {
      /** Three processes on one engine, whose clock is the right one. */
      const openThree = async () => {
        let nowMs = NOW_MS;
        const clock = { nowMs: () => nowMs, sleep: async () => {} };
        const [right, ahead, behind] = [
          await openAnother({ clock }),
          await openAnother({ clock }),
          await openAnother({ clock }),
        ];
        const pass = (ms: number): void => {
          nowMs += ms;
        };
        return { right, ahead, behind, pass };
      };
      const byAhead = lease({ owner: 'ahead', nowMs: AHEAD_MS });
      const byBehind = lease({ owner: 'behind', nowMs: BEHIND_MS });

      it('keep a lease for as long as it was given, and no longer', async () => {
        const { right, ahead, behind, pass } = await openThree();
        await right.storeNotification(notification('a'));
        expect(await behind.leaseNotifications(byBehind)).toHaveLength(1);
        expect(await ahead.leaseNotifications(byAhead)).toEqual([]);
        pass(LEASE_MS - 1);
        expect(await ahead.leaseNotifications(byAhead)).toEqual([]);
        pass(1);
        expect(await ahead.leaseNotifications(byAhead)).toHaveLength(1);
        expect(await right.leaseNotifications(lease())).toEqual([]);
        pass(LEASE_MS);
        expect(await behind.leaseNotifications(byBehind)).toHaveLength(1);
      });

      it('keep the lease of a contact for as long as it was given', async () => {
        const { right, ahead, behind, pass } = await openThree();
        await knowMember(right, 'a');
        expect(await behind.leaseWrites(byBehind)).toHaveLength(1);
        expect(await ahead.leaseWrites(byAhead)).toEqual([]);
        pass(LEASE_MS);
        expect(await ahead.leaseWrites(byAhead)).toHaveLength(1);
      });

      it('keep a run for as long as its lease was given', async () => {
        const { ahead, behind, pass } = await openThree();
        await openRun(behind, byBehind);
        const request = { job: 'sweep', params: {}, ...byAhead } as const;
        expect(await ahead.openRun(request)).toMatchObject({ kind: 'busy' });
        pass(LEASE_MS);
        expect(await ahead.openRun(request)).toMatchObject({ kind: 'unfinished' });
      });

      it('get at once what came in through the one that is ahead', async () => {
        const { ahead, behind } = await openThree();
        await ahead.storeNotification(notification('a', { receivedAtMs: AHEAD_MS }));
        expect(await behind.leaseNotifications(byBehind)).toHaveLength(1);
      });

      it('send at once what the one that is ahead has decided', async () => {
        const { ahead, behind } = await openThree();
        await ahead.apply(
          workOn([contactChange(contact('a')), callChange(call('1', 'a'))], { nowMs: AHEAD_MS }),
        );
        expect(await behind.leaseWrites(byBehind)).toHaveLength(1);
      });

      it('put back no times, because no clock has gone back', async () => {
        const { ahead, behind } = await openThree();
        await ahead.apply(workOn([contactChange(contact('a'))], { nowMs: AHEAD_MS }));
        expect(await behind.fixTimes({ nowMs: BEHIND_MS, backMs: 0 })).toBe(0);
      });
    },
  );

  describe.skipIf(ownTime)(
    'two processes whose clocks are minutes apart, each by its own time [no ownTime]',
    () => {
      it('take work from one another early, and the attempt that lost it settles nothing', async () => {
        const [right, ahead] = [storeOf(), await openAnother()];
        await knowMember(right, 'a');
        const early = await leaseOneWrite(right);
        const taken = await leaseOneWrite(ahead, { owner: 'ahead', nowMs: AHEAD_MS });
        expect(taken, 'the request may have gone out').toMatchObject({ outcomeUnknown: true, attempt: 2 });
        expect(await right.holdsWrite(early)).toBe(false);
        expect(await right.apply(workOn([], { completes: sentAll(early) }))).toEqual({ kind: 'lease-lost' });
        expect(await ahead.apply(workOn([], { completes: sentAll(taken) }))).toMatchObject({
          kind: 'applied',
        });
      });

      it('take a run from one another early, which then belongs to the one that is ahead', async () => {
        const [right, ahead] = [storeOf(), await openAnother()];
        const lost = await openRun(right);
        const taken = await openRun(ahead, { owner: 'ahead', nowMs: AHEAD_MS }, 'unfinished');
        const page = { leaseUntilMs: AHEAD_MS, checkpoint: 'late', progress: lost.progress };
        await expect(right.advanceRun({ ...page, runId: lost.id, lease: lost.lease })).rejects.toMatchObject({
          code: 'run_in_progress',
        });
        await ahead.advanceRun({ ...page, runId: taken.id, lease: taken.lease });
        expect(await right.findRun(taken.id)).toMatchObject({ checkpoint: 'late' });
      });

      it('leave to the one that is ahead what came in through it, until the other clock is there', async () => {
        const [right, ahead] = [storeOf(), await openAnother()];
        await ahead.storeNotification(notification('a', { receivedAtMs: AHEAD_MS }));
        expect(await right.leaseNotifications(lease())).toEqual([]);
        expect(await right.nextNotificationDueAtMs()).toBe(AHEAD_MS);
        expect(await ahead.leaseNotifications(lease({ nowMs: AHEAD_MS }))).toHaveLength(1);
      });

      it('put back no times as long as they are no more than two minutes apart', async () => {
        const [right, ahead] = [storeOf(), await openAnother()];
        await ahead.storeNotification(notification('a', { receivedAtMs: NOW_MS + 1000 }));
        const fixAt = (store: typeof ahead, nowMs: number) => store.fixTimes({ nowMs, backMs: 0 });
        await fixAt(ahead, NOW_MS + 120_000);
        expect(await fixAt(right, NOW_MS)).toBe(0);
        await fixAt(ahead, NOW_MS + 120_001);
        expect(await fixAt(right, NOW_MS)).toBeGreaterThan(0);
      });
    },
  );
}
