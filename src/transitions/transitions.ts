import { decideAt, type DecideSettings } from '../work/apply-work.js';
import type { Clock } from '../clock.js';
import type { Log } from '../log.js';
import type { Metrics } from '../watch/metrics.js';
import type { Store } from '../store/ports/store.js';
import type { TimeCheck } from '../watch/time-check.js';
import { createWorkLoop, type WorkLoop } from '../work/work-loop.js';

export interface TransitionDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly settings: DecideSettings;
  readonly time: TimeCheck;
}

/** Members per transaction: a midnight with thousands of changes must not hold up a webhook. */
const BATCH = 50;

/**
 * Statuses change with no event at all: each member's next change is stored and indexed, and this loop sleeps until
 * the earliest one. Recomputing is one transaction without calls, so it needs no lease.
 */
export function createTransitions(deps: TransitionDeps): WorkLoop {
  const { store, clock } = deps;

  const applyDue = async (): Promise<number> => {
    const nowMs = clock.nowMs();
    const members = await store.applyDueTransitions({
      nowAt: Math.floor(nowMs / 1000),
      limit: BATCH,
      decide: decideAt(deps.settings, nowMs),
    });
    if (members > 0) {
      deps.metrics.transitions.inc(members);
      deps.log.info({ members, ms: clock.nowMs() - nowMs }, 'statuses changed with time');
    }
    return members;
  };

  return createWorkLoop<number>({
    loop: 'transitions',
    clock,
    log: deps.log,
    concurrency: 1,
    take: async (_limit, signal) => {
      await deps.time.confirm(signal);
      // By a wrong date statuses would be written that nobody has earned; they are due as soon as it is right.
      if (!deps.time.isTrusted()) return [];
      const members = await applyDue();
      return members === 0 ? [] : [members];
    },
    handle: () => Promise.resolve(),
    nextDueAtMs: async () => {
      const dueAt = await store.nextTransitionAt();
      return dueAt === null ? null : dueAt * 1000;
    },
    onWork: (listener) => store.onWork('transitions', listener),
  });
}
