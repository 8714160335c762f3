import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { runTraffic, trafficOf } from '../src/store/exercise/rate-traffic.js';
import {
  claimCalls,
  describeRate,
  firstWindow,
  noteSettled,
  type RateWindowState,
} from '../src/store/plan/rate-window.js';

import type { ReplicaStore } from '../src/store/ports/replicas.js';

const NOW_MS = 1_790_000_003_000;

/** The plan of the shared window, with nothing under it. */
function createWindow(processes = 1) {
  let nowMs = NOW_MS;
  let state: RateWindowState = firstWindow(nowMs);
  const store: Pick<ReplicaStore, 'claimCalls' | 'noteRate'> = {
    claimCalls: async (request) => {
      const answer = claimCalls(state, nowMs, request, processes);
      state = answer.state;
      return answer.claimed;
    },
    noteRate: async ({ settled }) => {
      state = noteSettled(state, nowMs, settled);
      return describeRate(state, nowMs);
    },
  };
  const pass = (ms: number): void => {
    nowMs += ms;
  };
  return { store, time: { nowMs: () => nowMs, pass } };
}

test('processes that share a window never send more into one of Intercom than fit, whatever overtakes what', async () => {
  await fc.assert(
    fc.asyncProperty(trafficOf({ maxLimit: 20, maxSteps: 120 }), async (traffic) => {
      const { store, time } = createWindow();
      const { counted } = await runTraffic(traffic, [store, store, store], time);
      expect(Math.max(0, ...counted.values())).toBeLessThanOrEqual(traffic.limit);
    }),
    { numRuns: 1000 },
  );
});
