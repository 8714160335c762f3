import type { Clock } from '../clock.js';
import type { Log } from '../log.js';
import type { Store } from '../store/store.js';
import type { WorkLoop } from '../work-loop.js';
import { createChores, type Chore } from './chores.js';
import type { ChoreName } from './metrics/chore-gauges.js';
import type { Metrics } from './metrics.js';

export interface KeepHouseDeps {
  readonly store: Pick<
    Store,
    | 'eraseOldPayloads'
    | 'finishErasures'
    | 'scrubPayloads'
    | 'pruneInbox'
    | 'pruneRuns'
    | 'keepWebhookCounts'
    | 'mendTimes'
    | 'onWork'
  >;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Pick<Metrics, 'chores'>;
  /** `PAYLOAD_RETENTION_DAYS`. */
  readonly payloadRetentionDays: number;
}

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** Settled entries of the inbox, and with them the certainty that nothing is stored twice (at least 30 days). */
const INBOX_DAYS = 45;
/** Work that nobody has replayed: sweeps have long put right what it was about. */
const PARKED_DAYS = 180;
/** There is a sweep every few minutes; what it wrote stays in the audit for ever. */
const SWEEPS_DAYS = 30;
const RUNS_DAYS = 400;
const WEBHOOK_COUNTS_DAYS = 400;

/**
 * Keeps nothing longer than it has to be kept, finishes what an erasure began, and puts times right when the clock has
 * gone back. Each is a chore of its own; the order is that of one round.
 */
export function createHouseKeeping(deps: KeepHouseDeps): WorkLoop {
  const { store, clock, log } = deps;
  let latestMs = 0;

  const mendTimes: Chore<ChoreName> = {
    name: 'clock',
    everyMs: 10 * MINUTE_MS,
    run: async (nowMs) => {
      const mended = await store.mendTimes({ nowMs, latestMs });
      if (mended > 0)
        log.warn({ mended, backMs: latestMs - nowMs }, 'the clock has gone back: times were put back');
      latestMs = nowMs;
      return 'done';
    },
  };

  /** A chore that erases or deletes in pieces. */
  const clearing = (
    name: ChoreName,
    everyMs: number,
    message: string,
    clear: (nowMs: number) => Promise<{ readonly erased: number; readonly hasMore: boolean }>,
  ): Chore<ChoreName> => ({
    name,
    everyMs,
    run: async (nowMs) => {
      const { erased, hasMore } = await clear(nowMs);
      if (erased > 0) log.info({ chore: name, erased }, message);
      return hasMore ? 'again' : 'done';
    },
  });

  const { payloadRetentionDays } = deps;
  const chores: readonly Chore<ChoreName>[] = [
    mendTimes,
    clearing('erasures', 5000, 'payloads were erased', (nowMs) => store.finishErasures(nowMs)),
    clearing('scrub', 10 * MINUTE_MS, 'payloads were erased', (nowMs) => store.scrubPayloads(nowMs)),
    clearing('payloads', 10 * MINUTE_MS, 'payloads were erased', async (nowMs) => {
      const erased = await store.eraseOldPayloads(nowMs - payloadRetentionDays * DAY_MS);
      return { erased, hasMore: erased > 0 };
    }),
    clearing('inbox', HOUR_MS, 'old notifications were deleted', (nowMs) =>
      store.pruneInbox({
        settledBeforeMs: nowMs - INBOX_DAYS * DAY_MS,
        parkedBeforeMs: nowMs - PARKED_DAYS * DAY_MS,
      }),
    ),
    clearing('runs', HOUR_MS, 'old runs were deleted', (nowMs) =>
      store.pruneRuns({
        sweepsBeforeMs: nowMs - SWEEPS_DAYS * DAY_MS,
        othersBeforeMs: nowMs - RUNS_DAYS * DAY_MS,
      }),
    ),
    {
      name: 'counts',
      everyMs: MINUTE_MS,
      run: async (nowMs) => {
        await store.keepWebhookCounts(nowMs - WEBHOOK_COUNTS_DAYS * DAY_MS);
        return 'done';
      },
    },
  ];

  return createChores({
    chores,
    clock,
    log,
    counts: deps.metrics.chores,
    onWork: (listener) => store.onWork('erasure', listener),
    wakes: ['erasures', 'scrub'],
  });
}
