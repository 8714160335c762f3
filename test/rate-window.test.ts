import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { runTraffic, trafficOf } from '../src/store/exercise/rate-traffic.js';
import { createSharedWindow } from './support/shared-window.js';

test('processes that share a window never send more into one of Intercom than fit, whatever overtakes what', async () => {
  await fc.assert(
    fc.asyncProperty(trafficOf({ maxLimit: 20, maxSteps: 120 }), async (traffic) => {
      let nowMs = 1_790_000_003_000;
      const time = {
        nowMs: () => nowMs,
        pass: (ms: number): void => {
          nowMs += ms;
        },
      };
      const store = createSharedWindow(time.nowMs);
      const { counted } = await runTraffic(traffic, [store, store, store], time);
      expect(Math.max(0, ...counted.values())).toBeLessThanOrEqual(traffic.limit);
    }),
    { numRuns: 1000 },
  );
});
