import { nowAt } from '../clock.js';
import type { HeldRun, OpenedRun, OpenRun, Run, JobName } from '../store/run-store.js';
import { backfillPlan } from './backfill.js';
import { carryOut, RUN_LEASE_MS, type RunDeps } from './run-frame.js';
import { sweepPlan } from './sweep-plan.js';

export interface JobRequest {
  readonly job: JobName;
  readonly params: OpenRun['params'];
}

/** Asks for the one place that a run can have. What is `opened` or `unfinished` has to be carried to its end. */
export function openJob({ store, clock, owner }: RunDeps, { job, params }: JobRequest): Promise<OpenedRun> {
  const lease = { owner, nowMs: clock.nowMs(), leaseMs: RUN_LEASE_MS };
  return store.openRun({ job, params: { ...params, startedAt: nowAt(clock) }, ...lease });
}

/** Carries a run to its end that this process has leased, whatever its job is. */
export function carryRun(deps: RunDeps, run: HeldRun, signal: AbortSignal): Promise<Run> {
  return carryOut(deps, run, run.job === 'backfill' ? backfillPlan : sweepPlan, signal);
}

/**
 * Runs a job to its end, behind an unfinished run of a process that is gone.
 * @returns the finished run, or the one that another process is busy with (its status is `running`).
 * @throws AppError as {@link carryOut} does.
 */
export async function runJob(deps: RunDeps, request: JobRequest, signal: AbortSignal): Promise<Run> {
  for (;;) {
    const { kind, run } = await openJob(deps, request);
    if (kind === 'busy') return run;
    const ended = await carryRun(deps, run, signal);
    if (kind === 'opened' || isAskedFor(run, request)) return ended;
  }
}

function isAskedFor(run: Run, { job, params }: JobRequest): boolean {
  return run.job === job && Object.entries(params).every(([name, value]) => run.params[name] === value);
}

/** How long to wait before asking whether another process has finished what it is busy with. */
const BUSY_PAUSE_MS = 5000;

/**
 * What a start owes the cache: nothing when a backfill is done, else a backfill of `days`. With `days` 0 the cache
 * only knows what happens from now on.
 */
export async function fillCache(deps: RunDeps, days: number, signal: AbortSignal): Promise<void> {
  const { store, clock } = deps;
  const { coverageFromAt } = await store.freshness();
  if (days === 0) {
    if (coverageFromAt === null) await store.setCoverage(nowAt(clock));
    return;
  }
  while ((await store.latestDoneRun(['backfill'])) === null) {
    const run = await runJob(deps, { job: 'backfill', params: { days } }, signal);
    if (run.status === 'running') await clock.sleep(BUSY_PAUSE_MS, signal);
    if (signal.aborted) return;
  }
}
