import type { Clock } from '../clock.js';
import type { Log } from '../log.js';
import type { Store } from '../store/ports/store.js';
import type { TimeCheck } from '../watch/time-check.js';
import type { WorkLoop } from '../work/work-loop.js';
import { createChores, type Chore } from './chores.js';
import type { ChoreName } from '../watch/metrics/chore-gauges.js';
import type { Metrics } from '../watch/metrics.js';

export interface KeepHouseDeps {
  readonly store: Pick<
    Store,
    | 'eraseOldPayloads'
    | 'finishErasures'
    | 'scrubPayloads'
    | 'pruneInbox'
    | 'pruneRuns'
    | 'keepWebhookCounts'
    | 'forgetWrongTokens'
    | 'fixTimes'
    | 'onWork'
  >;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Pick<Metrics, 'chores'>;
  readonly time: Pick<TimeCheck, 'isTrusted'>;
  /** `PAYLOAD_RETENTION_DAYS`. */
  readonly payloadRetentionDays: number;
}

interface Cleared {
  readonly erased: number;
  readonly hasMore: boolean;
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

/** Clocks are put right by less than this all the time, and nothing waits for a second. */
const MIN_STEP_MS = 1000;

/**
 * Keeps nothing longer than it has to be kept, finishes what an erasure began, and puts times right when the clock has
 * gone back. Each is a chore of its own; the order is that of one round.
 */
export function createHousekeeping(deps: KeepHouseDeps): WorkLoop {
  const { store, clock, log } = deps;
  /** What both clocks showed at the last look. */
  let last: { readonly wallMs: number; readonly monotonicMs: number } | null = null;

  /** How far the clock was put back since the last look: only a clock that nobody can set tells that from waiting. */
  const steppedBackMs = (wallMs: number): number => {
    const monotonicMs = clock.monotonicMs();
    const backMs = last === null ? 0 : last.wallMs + (monotonicMs - last.monotonicMs) - wallMs;
    last = { wallMs, monotonicMs };
    return backMs > MIN_STEP_MS ? Math.round(backMs) : 0;
  };

  const fixTimes: Chore<ChoreName> = {
    name: 'clock',
    everyMs: 10 * MINUTE_MS,
    run: async (nowMs) => {
      const backMs = steppedBackMs(nowMs);
      const fixed = await store.fixTimes({ nowMs, backMs });
      if (fixed > 0) log.warn({ fixed, backMs }, 'the clock has gone back: times were put back');
      return 'done';
    },
  };

  /** A chore that erases or deletes in pieces. */
  const clearing = (
    name: ChoreName,
    everyMs: number,
    message: string,
    clear: (nowMs: number) => Promise<Cleared>,
  ): Chore<ChoreName> => ({
    name,
    everyMs,
    run: async (nowMs) => {
      const { erased, hasMore } = await clear(nowMs);
      if (erased > 0) log.info({ chore: name, erased }, message);
      return hasMore ? 'again' : 'done';
    },
  });

  /** What goes by age: by a clock that is weeks ahead everything would seem old. */
  const byAge =
    (clear: (nowMs: number) => Promise<Cleared>) =>
    (nowMs: number): Promise<Cleared> =>
      deps.time.isTrusted() ? clear(nowMs) : Promise.resolve({ erased: 0, hasMore: false });

  const { payloadRetentionDays } = deps;
  const chores: readonly Chore<ChoreName>[] = [
    fixTimes,
    clearing('erasures', 5000, 'payloads were erased', (nowMs) => store.finishErasures(nowMs)),
    clearing('scrub', 10 * MINUTE_MS, 'payloads were erased', (nowMs) => store.scrubPayloads(nowMs)),
    clearing(
      'payloads',
      10 * MINUTE_MS,
      'payloads were erased',
      byAge(async (nowMs) => {
        const erased = await store.eraseOldPayloads(nowMs - payloadRetentionDays * DAY_MS);
        return { erased, hasMore: erased > 0 };
      }),
    ),
    clearing(
      'inbox',
      HOUR_MS,
      'old notifications were deleted',
      byAge((nowMs) =>
        store.pruneInbox({
          settledBeforeMs: nowMs - INBOX_DAYS * DAY_MS,
          parkedBeforeMs: nowMs - PARKED_DAYS * DAY_MS,
        }),
      ),
    ),
    clearing(
      'runs',
      HOUR_MS,
      'old runs were deleted',
      byAge((nowMs) =>
        store.pruneRuns({
          sweepsBeforeMs: nowMs - SWEEPS_DAYS * DAY_MS,
          othersBeforeMs: nowMs - RUNS_DAYS * DAY_MS,
        }),
      ),
    ),
    {
      name: 'counts',
      everyMs: MINUTE_MS,
      run: async (nowMs) => {
        const keptMs = deps.time.isTrusted() ? nowMs - WEBHOOK_COUNTS_DAYS * DAY_MS : 0;
        await store.keepWebhookCounts(keptMs);
        await store.forgetWrongTokens(nowMs);
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
    // Nobody else may look as long as Intercom has not answered for the first time.
    onLook: () => void deps.time.isTrusted(),
    wakes: ['erasures', 'scrub'],
  });
}
