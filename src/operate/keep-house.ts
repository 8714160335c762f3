import type { Clock } from '../clock.js';
import type { Log } from '../log.js';
import type { Store } from '../store/store.js';
import type { TimeCheck } from '../time-check.js';
import { createWorkLoop, type WorkLoop } from '../work-loop.js';

export interface KeepHouseDeps {
  readonly store: Pick<Store, 'eraseOldPayloads' | 'scrubPayloads' | 'mendTimes' | 'onWork'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly time: Pick<TimeCheck, 'isTrusted'>;
  /** `PAYLOAD_RETENTION_DAYS`. */
  readonly payloadRetentionDays: number;
}

const DAY_MS = 86_400_000;
const EVERY_MS = 10 * 60_000;
/** Clocks are put right by less than this all the time, and nothing waits for a second. */
const SMALLEST_STEP_MS = 1000;
/** Between two pieces of a long clean-up: what comes in meanwhile is stored without waiting for all of it. */
const PAUSE_MS = 100;

/**
 * Keeps no raw payload longer than it has to be kept, finishes what an erasure began, and puts times right when the
 * clock has gone back. Small pieces, every ten minutes and at the start.
 */
export function createHouseKeeping(deps: KeepHouseDeps): WorkLoop {
  const { store, clock, log } = deps;
  let dueAtMs = 0;
  /** What both clocks showed at the last look. */
  let last: { readonly wallMs: number; readonly monotonicMs: number } | null = null;
  // Before the loop's own listener, which only wakes it.
  store.onWork('erasure', () => {
    dueAtMs = 0;
  });

  const mendTimes = async (nowMs: number, backMs: number): Promise<void> => {
    const mended = await store.mendTimes({ nowMs, backMs });
    if (mended > 0) log.warn({ mended, backMs }, 'the clock has gone back: times were put back');
  };

  /** How far the clock was put back since the last look: only a clock that nobody can set tells that from waiting. */
  const steppedBackMs = (wallMs: number): number => {
    const monotonicMs = clock.monotonicMs();
    const backMs = last === null ? 0 : last.wallMs + (monotonicMs - last.monotonicMs) - wallMs;
    last = { wallMs, monotonicMs };
    return backMs > SMALLEST_STEP_MS ? Math.round(backMs) : 0;
  };

  /** Answers whether there is more to erase. */
  const erase = async (nowMs: number): Promise<boolean> => {
    const scrubbed = await store.scrubPayloads();
    // By a clock that is weeks ahead all of them would seem old.
    const expired = deps.time.isTrusted()
      ? await store.eraseOldPayloads(nowMs - deps.payloadRetentionDays * DAY_MS)
      : 0;
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
      const backMs = steppedBackMs(nowMs);
      // Nobody else may look as long as Intercom has not answered for the first time.
      deps.time.isTrusted();
      if (nowMs < dueAtMs && backMs === 0) return [];
      dueAtMs = nowMs + EVERY_MS;
      await mendTimes(nowMs, backMs);
      if (await erase(nowMs)) dueAtMs = nowMs + PAUSE_MS;
      return [];
    },
    handle: () => Promise.resolve(),
    nextDueAtMs: () => Promise.resolve(dueAtMs),
    onWork: (listener) => store.onWork('erasure', listener),
  });
}
