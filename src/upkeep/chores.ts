import { delayAfterMs, reasonOf } from '../work/backoff.js';
import type { Clock } from '../clock.js';
import type { Log } from '../log.js';
import { createWorkLoop, type WorkLoop } from '../work/work-loop.js';
import type { ChoreCounts } from '../watch/metrics/chore-gauges.js';

/** Something that nobody asks for and that has to be done from time to time, a small piece at a time. */
export interface Chore<Name extends string> {
  readonly name: Name;
  readonly everyMs: number;
  /** `again`: there are further pieces. */
  readonly run: (nowMs: number) => Promise<'done' | 'again'>;
}

export interface ChoresOptions<Name extends string> {
  readonly chores: readonly Chore<Name>[];
  readonly clock: Clock;
  readonly log: Log;
  readonly counts: ChoreCounts<Name>;
  /** Calls `listener` when one of `wakes` has something to do. */
  readonly onWork: (listener: () => void) => () => void;
  readonly wakes: readonly Name[];
  /** Told of every look at what is due. */
  readonly onLook?: () => void;
}

/** Between two pieces: what comes in meanwhile is stored without waiting for all of it. */
const PAUSE_MS = 25;

interface Plan<Name extends string> {
  readonly chore: Chore<Name>;
  dueAtMs: number;
  failures: number;
}

/**
 * One loop for all chores. Each has a time of its own, and fails alone: it is tried again after a growing delay, counted
 * and named in the log, and the others go on.
 */
export function createChores<Name extends string>(options: ChoresOptions<Name>): WorkLoop {
  const { clock, log, counts } = options;
  const plans: readonly Plan<Name>[] = options.chores.map((chore) => ({ chore, dueAtMs: 0, failures: 0 }));
  let latestMs = 0;
  // Before the loop's own listener, which only wakes it.
  options.onWork(() => {
    for (const plan of plans)
      if (options.wakes.includes(plan.chore.name) && plan.failures === 0) plan.dueAtMs = 0;
  });

  const runOne = async (plan: Plan<Name>, nowMs: number): Promise<void> => {
    const { name, everyMs, run } = plan.chore;
    plan.dueAtMs = nowMs + everyMs;
    try {
      if ((await run(nowMs)) === 'again') plan.dueAtMs = nowMs + PAUSE_MS;
      plan.failures = 0;
      counts.succeeded(name, nowMs);
    } catch (error) {
      plan.failures += 1;
      plan.dueAtMs = nowMs + delayAfterMs(plan.failures);
      counts.failed(name, plan.failures);
      log.error(
        { chore: name, failures: plan.failures, err: error, reason: reasonOf(error) },
        'a chore failed',
      );
    }
  };

  return createWorkLoop<never>({
    loop: 'housekeeping',
    clock,
    log,
    concurrency: 1,
    take: async () => {
      const nowMs = clock.nowMs();
      options.onLook?.();
      // After the clock has gone back, what was planned by the old time would wait for it.
      if (nowMs < latestMs) for (const plan of plans) plan.dueAtMs = 0;
      latestMs = nowMs;
      for (const plan of plans) if (plan.dueAtMs <= nowMs) await runOne(plan, nowMs);
      return [];
    },
    handle: () => Promise.resolve(),
    nextDueAtMs: () => Promise.resolve(Math.min(...plans.map(({ dueAtMs }) => dueAtMs))),
    onWork: options.onWork,
  });
}
