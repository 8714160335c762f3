import type { Clock } from '../clock.js';
import type { Log } from '../log.js';
import type { Store } from '../store/store.js';
import { createWorkLoop, type WorkLoop } from '../work-loop.js';

export interface KeepHouseDeps {
  readonly store: Pick<Store, 'eraseOldPayloads' | 'scrubPayloads' | 'mendTimes' | 'onWork'>;
  readonly clock: Clock;
  readonly log: Log;
  /** `PAYLOAD_RETENTION_DAYS`. */
  readonly payloadRetentionDays: number;
}

const DAY_MS = 86_400_000;
const EVERY_MS = 10 * 60_000;
/** Between two pieces of a long clean-up: what comes in meanwhile is stored without waiting for all of it. */
const PAUSE_MS = 100;

/**
 * Keeps no raw payload longer than it has to be kept, finishes what an erasure began, and puts times right when the
 * clock has gone back. Small pieces, every ten minutes and at the start.
 */
export function createHouseKeeping(deps: KeepHouseDeps): WorkLoop {
  const { store, clock, log } = deps;
  let dueAtMs = 0;
  let latestMs = 0;
  // Before the loop's own listener, which only wakes it.
  store.onWork('erasure', () => {
    dueAtMs = 0;
  });

  const mendTimes = async (nowMs: number): Promise<void> => {
    const mended = await store.mendTimes({ nowMs, latestMs });
    if (mended > 0)
      log.warn({ mended, backMs: latestMs - nowMs }, 'the clock has gone back: times were put back');
    latestMs = nowMs;
  };

  /** Answers whether there is more to erase. */
  const erase = async (nowMs: number): Promise<boolean> => {
    const scrubbed = await store.scrubPayloads();
    const expired = await store.eraseOldPayloads(nowMs - deps.payloadRetentionDays * DAY_MS);
    if (expired + scrubbed.erased > 0) {
      log.info({ expired, scrubbed: scrubbed.erased }, 'payloads were erased');
    }
    return expired > 0 || scrubbed.hasMore;
  };

  return createWorkLoop<never>({
    loop: 'keep-house',
    clock,
    log,
    concurrency: 1,
    take: async () => {
      const nowMs = clock.nowMs();
      const hasGoneBack = nowMs < latestMs;
      if (nowMs < dueAtMs && !hasGoneBack) {
        latestMs = nowMs;
        return [];
      }
      dueAtMs = nowMs + EVERY_MS;
      await mendTimes(nowMs);
      if (await erase(nowMs)) dueAtMs = nowMs + PAUSE_MS;
      return [];
    },
    handle: () => Promise.resolve(),
    nextDueAtMs: () => Promise.resolve(dueAtMs),
    onWork: (listener) => store.onWork('erasure', listener),
  });
}
