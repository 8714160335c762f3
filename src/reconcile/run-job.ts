import { reasonOf } from '../work/backoff.js';
import { nowAt } from '../clock.js';
import type { HeldRun, OpenedRun, OpenRun, Run, JobName } from '../store/ports/runs.js';
import { backfillPlan } from './backfill.js';
import { carryOut, RUN_LEASE_MS, type RunDeps } from './run-frame.js';
import { sweepPlan } from './sweep-plan.js';

export interface RunRequest {
  readonly job: JobName;
  readonly params: OpenRun['params'];
}

/** Asks for the one place that a run can have. What is `opened` or `unfinished` has to be carried to its end. */
export function openJob({ store, clock, owner }: RunDeps, { job, params }: RunRequest): Promise<OpenedRun> {
  const lease = { owner, nowMs: clock.nowMs(), leaseMs: RUN_LEASE_MS };
  return store.openRun({ job, params: { ...params, startedAt: nowAt(clock) }, ...lease });
}

/** Carries a run to its end that this process has leased, whatever its job is. */
export function carryRun(deps: RunDeps, run: HeldRun, signal: AbortSignal): Promise<Run> {
  return carryOut(deps, run, run.job === 'backfill' ? backfillPlan : sweepPlan, signal);
}

/** How many unfinished runs are carried to their end before one's own; there is never more than one at a time. */
const MAX_LEFT = 5;

/**
 * Runs a job to its end, behind an unfinished run of a process that is gone, however that one ends.
 * @returns the finished run, or the one that another process is busy with (its status is `running`).
 * @throws AppError as {@link carryOut} does.
 */
export async function runJob(deps: RunDeps, request: RunRequest, signal: AbortSignal): Promise<Run> {
  for (let left = 0; ; left += 1) {
    const { kind, run } = await openJob(deps, request);
    if (kind === 'busy') return run;
    if (kind === 'opened' || isAskedFor(run, request) || left >= MAX_LEFT) return carryRun(deps, run, signal);
    try {
      await carryRun(deps, run, signal);
    } catch (error) {
      if (signal.aborted) throw error;
      deps.log.warn(
        { run: run.id, job: run.job, reason: reasonOf(error) },
        'a run left unfinished has failed',
      );
    }
  }
}

function isAskedFor(run: Run, { job, params }: RunRequest): boolean {
  return run.job === job && Object.entries(params).every(([name, value]) => run.params[name] === value);
}
