import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ClaimedCalls, ClaimRequest, SettledCalls, ToldRate } from '../ports/replicas.js';
import type { Store } from '../ports/store.js';
import type { Bench } from './bench.js';
import { runTraffic, trafficOf } from './rate-traffic.js';
import { DAY, NOW_MS } from './samples.js';

const WINDOW_MS = 10_000;
const APART_MS = 5 * 60_000;

function claim(store: Store, over: Partial<ClaimRequest> = {}): Promise<ClaimedCalls> {
  return store.claimCalls({ nowMs: NOW_MS, priority: 'soon', wanted: 20, settled: [], ...over });
}

function settled({ window, pauses }: ClaimedCalls, over: Partial<SettledCalls> = {}): SettledCalls {
  const counts = { told: 0, untold: 0, unsent: 0, hasPassed: false, pauseMs: null, report: null };
  return { window, pauses, ...counts, ...over };
}

function told(over: Partial<ToldRate> = {}): ToldRate {
  return { limit: 100, remaining: 99, reset: 1_790_000_007, endsInMs: 7000, ...over };
}

/** A window of which an answer has told. */
async function know(store: Store, report: ToldRate = told()): Promise<void> {
  const first = await claim(store);
  await store.noteRate({ nowMs: NOW_MS, settled: [settled(first, { told: 1, hasPassed: true, report })] });
}

/** All that is given out at this moment. */
async function claimAll(store: Store, over: Partial<ClaimRequest> = {}): Promise<number> {
  let sum = 0;
  for (let granted = 1; granted > 0; sum += granted) ({ granted } = await claim(store, over));
  return sum;
}

/** Intercom's rate limit, shared by all processes on one database. */
export function exerciseSharingRate({ engine, storeOf, openAnother, placeOf, race }: Bench): void {
  const { ownTime } = engine.can;

  describe('calls to Intercom', () => {
    it('are two at once over all processes while nothing is known about the limit', async () => {
      const [one, other] = [storeOf(), await openAnother()];
      const first = await claim(one);
      expect(first).toMatchObject({ granted: 1, limit: null, remaining: null });
      expect(await claim(other)).toMatchObject({ granted: 1 });
      expect(await claim(one)).toMatchObject({ granted: 0, retryInMs: 250 });
      const report = told({ limit: 100, remaining: 98 });
      const answer = await claim(other, { settled: [settled(first, { told: 1, hasPassed: true, report })] });
      expect(answer).toMatchObject({ granted: 20, limit: 100, remaining: 77, endsInMs: 7000 });
    });

    it('are given out in blocks: a quarter of what is left for each process, at least 1 and at most 20', async () => {
      const store = storeOf();
      await know(store, told({ limit: 100, remaining: 90 }));
      expect(await claim(store)).toMatchObject({ granted: 20, remaining: 70 });
      expect(await claim(store, { wanted: 3 })).toMatchObject({ granted: 3 });
      for (const owner of ['a', 'b', 'c', 'd']) {
        await store.beat({ owner, role: 'service', nowMs: NOW_MS, aliveForMs: 10_000 });
      }
      expect(await claim(store)).toMatchObject({ granted: 4 });
      expect(await claimAll(store)).toBe(63);
    });

    it('leave a tenth of each window to what events have caused', async () => {
      const store = storeOf();
      await know(store);
      expect(await claimAll(store, { priority: 'sweep' })).toBe(89);
      expect(await claim(store, { priority: 'sweep' })).toMatchObject({ granted: 0, remaining: 10 });
      expect(await claimAll(store)).toBe(10);
      expect(await claim(store)).toMatchObject({ granted: 0, retryInMs: 1000, remaining: 0 });
    });

    it('that two processes claim at the same moment are as many as fit', async () => {
      await know(storeOf(), told({ limit: 1000, remaining: 999, endsInMs: 9000 }));
      const answers = await race({ task: 'claimCalls', rounds: 20, places: [placeOf()] });
      const sum = answers.flat().reduce<number>((all, granted) => all + Number(granted), 0);
      const left = await claimAll(storeOf());
      expect(sum + left).toBe(999);
      expect(answers.every((pair) => pair.every((granted) => Number(granted) > 0))).toBe(true);
    });
  });

  describe.skipIf(ownTime)('calls to Intercom, as time passes [no ownTime]', () => {
    it('end with their window, and count in the next one until it is known what became of them', async () => {
      const store = storeOf();
      await know(store);
      const block = await claim(store);
      expect(await claimAll(store)).toBe(79);
      const next = { nowMs: NOW_MS + 7000 };
      expect(await claimAll(store, next), 'they may still be under way').toBe(1);
      await store.noteRate({ ...next, settled: [settled(block, { unsent: block.granted })] });
      expect(await claimAll(store, next)).toBe(20);
      expect(await claimAll(store, { nowMs: NOW_MS + 7000 + 2 * WINDOW_MS })).toBe(100);
    });

    it('that no answer told about are counted in their window and in the next one', async () => {
      const store = storeOf();
      await know(store);
      const block = await claim(store);
      await store.noteRate({ nowMs: NOW_MS, settled: [settled(block, { untold: 20 })] });
      expect(await claimAll(store)).toBe(79);
      const next = { nowMs: NOW_MS + 7000 };
      expect(await claim(store, { ...next, wanted: 1 })).toMatchObject({ limit: 100, remaining: 0 });
    });

    it('wait for all processes while Intercom wants none, and then one asks before all go again', async () => {
      const [one, other] = [storeOf(), await openAnother()];
      await know(one);
      const block = await claim(one);
      const refused = settled(block, { told: 1, pauseMs: 9000, report: told({ remaining: 0 }) });
      expect(await one.noteRate({ nowMs: NOW_MS, settled: [refused] })).toMatchObject({ pausedForMs: 9000 });
      expect(await claim(other)).toMatchObject({ granted: 0, pausedForMs: 9000, retryInMs: 9000 });
      const later = { nowMs: NOW_MS + 9000 };
      const late = settled(block, { told: 1, hasPassed: true });
      await one.noteRate({ ...later, settled: [late] });
      const asking = await claim(other, later);
      expect(asking, 'an answer to a call from before the pause says nothing').toMatchObject({ granted: 1 });
      expect(await claim(one, later)).toMatchObject({ granted: 0, retryInMs: 250 });
      await other.noteRate({ ...later, settled: [settled(asking, { told: 1, hasPassed: true })] });
      expect((await claim(one, later)).granted).toBeGreaterThan(1);
    });

    it('are asked for anew by another process when the one that asks ends', async () => {
      const store = storeOf();
      await know(store);
      const block = await claim(store);
      await store.noteRate({ nowMs: NOW_MS, settled: [settled(block, { told: 1, pauseMs: 1000 })] });
      const later = NOW_MS + 1000;
      expect(await claim(store, { nowMs: later })).toMatchObject({ granted: 1 });
      expect(await claim(store, { nowMs: later + WINDOW_MS - 1 })).toMatchObject({ granted: 0 });
      expect(await claim(store, { nowMs: later + WINDOW_MS })).toMatchObject({ granted: 1 });
    });

    it('do not wait for a time that comes again when the clock has gone back', async () => {
      const store = storeOf();
      await know(store);
      const block = await claim(store);
      await claimAll(store);
      await store.noteRate({ nowMs: NOW_MS, settled: [settled(block, { told: 1, pauseMs: 60_000 })] });
      const before = NOW_MS - 1000 * DAY;
      await claim(store, { nowMs: before });
      expect(await claim(store, { nowMs: before + 60_000 })).toMatchObject({ granted: 1 });
    });

    it('are two at once again when nobody has asked for an hour', async () => {
      const store = storeOf();
      await know(store);
      expect(await claim(store, { nowMs: NOW_MS + 3_700_000 })).toMatchObject({ granted: 1, limit: null });
    });
  });

  describe.skipIf(!ownTime)('calls of processes whose clocks are minutes apart [ownTime]', () => {
    it('never exceed what fits into a window of Intercom, whatever overtakes what', async () => {
      let nowMs = NOW_MS;
      const clock = { nowMs: () => nowMs, sleep: async () => {} };
      const pass = (ms: number): void => {
        nowMs += ms;
      };
      const stores = [
        await openAnother({ clock }),
        await openAnother({ clock }),
        await openAnother({ clock }),
      ];
      await fc.assert(
        fc.asyncProperty(trafficOf({ maxLimit: 20, maxSteps: 25 }), async (traffic) => {
          pass(DAY * 1000);
          const skewsMs = [0, APART_MS, -APART_MS];
          const { counted } = await runTraffic(traffic, stores, { nowMs: () => nowMs, pass }, skewsMs);
          expect(Math.max(0, ...counted.values())).toBeLessThanOrEqual(traffic.limit);
        }),
        { numRuns: 20 },
      );
    });
  });

  describe.skipIf(ownTime)('calls of processes that share a clock [no ownTime]', () => {
    it('never exceed what fits into a window of Intercom, whatever overtakes what', async () => {
      let nowMs = NOW_MS;
      const pass = (ms: number): void => {
        nowMs += ms;
      };
      const stores = [storeOf(), await openAnother(), await openAnother()];
      await fc.assert(
        fc.asyncProperty(trafficOf({ maxLimit: 20, maxSteps: 25 }), async (traffic) => {
          pass(DAY * 1000);
          const { counted } = await runTraffic(traffic, stores, { nowMs: () => nowMs, pass });
          expect(Math.max(0, ...counted.values())).toBeLessThanOrEqual(traffic.limit);
        }),
        { numRuns: 20 },
      );
    });
  });
}
