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
 * Keeps no raw payload longer than it has to be kept, finishes what an erasure began, and frees work that a wrong clock
 * has put off. Small pieces, every ten minutes and at the start.
 */
export function createHouseKeeping(deps: KeepHouseDeps): WorkLoop {
  const { store, clock, log } = deps;
  let dueAtMs = 0;
  // Before the loop's own listener, which only wakes it.
  store.onWork('erasure', () => {
    dueAtMs = 0;
  });

  const keepHouse = async (): Promise<boolean> => {
    const nowMs = clock.nowMs();
    const mended = await store.mendTimes(nowMs);
    if (mended > 0) log.warn({ mended }, 'the clock was far ahead: work that waited for it is due now');
    const scrubbed = await store.scrubPayloads();
    const expired = await store.eraseOldPayloads(nowMs - deps.payloadRetentionDays * DAY_MS);
    const erased = scrubbed.erased + expired;
    if (erased > 0) log.info({ expired, scrubbed: scrubbed.erased }, 'payloads were erased');
    return expired > 0 || scrubbed.hasMore;
  };

  return createWorkLoop<never>({
    loop: 'keep-house',
    clock,
    log,
    concurrency: 1,
    take: async () => {
      const waitMs = dueAtMs - clock.nowMs();
      // More than it ever waits: the clock has gone back.
      if (waitMs > 0 && waitMs <= EVERY_MS) return [];
      dueAtMs = clock.nowMs() + EVERY_MS;
      if (await keepHouse()) dueAtMs = clock.nowMs() + PAUSE_MS;
      return [];
    },
    handle: () => Promise.resolve(),
    nextDueAtMs: () => Promise.resolve(dueAtMs),
    onWork: (listener) => store.onWork('erasure', listener),
  });
}
