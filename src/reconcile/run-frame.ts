import { setMaxListeners } from 'node:events';
import { z } from 'zod';
import type { DecideSettings } from '../apply-work.js';
import { persist, reasonOf } from '../backoff.js';
import type { Clock } from '../clock.js';
import { AppError } from '../errors.js';
import type { Breaker } from '../intercom/breaker.js';
import type { CallOptions, IntercomClient } from '../intercom/client.js';
import type { Log } from '../log.js';
import type { FinishRun, JobName, Run, RunPage, RunProgress } from '../store/run-store.js';
import type { Store } from '../store/store.js';

export interface RunDeps {
  readonly store: Store;
  readonly intercom: IntercomClient;
  readonly breaker: Pick<Breaker, 'onClear'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly owner: string;
  readonly settings: DecideSettings;
  /** `MAX_SWEEP_CHANGE_SHARE`, 0 to 1. */
  readonly maxChangeShare: number;
  /** Called after every step, for progress bars. */
  readonly onProgress?: (progress: RunProgress, job: JobName) => void;
}

/** A page with its retries; a crashed owner's run is taken up after this. */
export const RUN_LEASE_MS = 60_000;

/** Search answers lag behind by minutes: what changed since a moment, and this long before it, is asked for again. */
export const INDEX_LAG_SECONDS = 15 * 60;

/**
 * Where a run stands: `after` is the search cursor, or the id, behind which the phase goes on. `tally` counts what the
 * end of the run has to know.
 */
const checkpointShape = z.object({
  phase: z.string(),
  after: z.string().nullable(),
  tally: z.record(z.string(), z.number()),
});
export type Checkpoint = z.infer<typeof checkpointShape>;

export interface Step {
  readonly checkpoint: Checkpoint;
  readonly progress: RunProgress;
}

/** What stays the same during one run. */
export interface Frame {
  readonly deps: RunDeps;
  readonly run: Run;
  /** When the run began, Unix seconds. */
  readonly startedAt: number;
  readonly call: CallOptions;
  readonly signal: AbortSignal;
}

/** The end of a run as its plan sees it. */
export type RunEnd = Pick<FinishRun, 'status' | 'reason' | 'result' | 'sweptUntilAt' | 'completeAt'>;

/** What a job does, phase by phase. */
export interface Plan {
  firstPhase(frame: Frame): string;
  /** Asked once at the beginning and again after a crash. */
  prepare(frame: Frame, step: Step): Promise<void>;
  /** Does one page or one batch, and stores it together with the place to go on from. */
  takeStep(frame: Frame, step: Step): Promise<Step>;
  end(frame: Frame, step: Step): Promise<RunEnd>;
}

/** The phase of a run that has nothing left to do. */
export const DONE = 'done';

/**
 * Carries a run that the caller has leased to its end, from where it stands. After each step the cache and the place to
 * go on from are stored together, so a crash loses nothing and repeats at most one step.
 * @returns the finished run.
 * @throws AppError that can't mend itself (the run is then recorded as failed), or `stopped` when `signal` aborts.
 */
export async function carryOut(deps: RunDeps, run: Run, plan: Plan, signal: AbortSignal): Promise<Run> {
  const { store, clock, log, owner } = deps;
  // Every call in hand listens to it: many listeners are no leak here.
  setMaxListeners(0, signal);
  const startedAt = Number(run.params['startedAt'] ?? Math.floor(run.startedAtMs / 1000));
  const frame: Frame = { deps, run, startedAt, call: { priority: 'sweep', signal }, signal };
  const fields = { run: run.id, job: run.job };
  log.info({ ...fields, resumes: run.checkpoint !== null }, 'run begins');
  let step: Step = {
    checkpoint:
      run.checkpoint === null
        ? { phase: plan.firstPhase(frame), after: null, tally: {} }
        : checkpointShape.parse(JSON.parse(run.checkpoint)),
    progress: run.progress,
  };
  const finish = async (end: RunEnd): Promise<Run> => {
    await store.finishRun({ runId: run.id, owner, nowMs: clock.nowMs(), progress: step.progress, ...end });
    return (await store.findRun(run.id)) ?? run;
  };
  try {
    await plan.prepare(frame, step);
    while (step.checkpoint.phase !== DONE) {
      if (signal.aborted) throw new AppError('stopped', 'later', 'stopped between two steps');
      step = await plan.takeStep(frame, step);
      deps.onProgress?.(step.progress, run.job);
    }
    const ended = await finish(await plan.end(frame, step));
    const { status, reason, result } = ended;
    const ms = clock.nowMs() - run.startedAtMs;
    log.info({ ...fields, status, reason, result, ...ended.progress, ms }, 'run ended');
    return ended;
  } catch (error) {
    // A stop leaves the run open: the next start goes on where this one was.
    if (signal.aborted)
      throw new AppError('stopped', 'later', `the ${run.job} was stopped`, { cause: error });
    log.error({ ...fields, err: error, reason: reasonOf(error) }, 'run failed');
    await finish({ status: 'failed', reason: reasonOf(error) });
    throw error;
  }
}

/** The place of `step`, to be stored together with what was learned there. Prolongs the run's lease. */
export function pageOf({ deps, run }: Frame, step: Step): RunPage {
  return {
    runId: run.id,
    owner: deps.owner,
    leaseUntilMs: deps.clock.nowMs() + RUN_LEASE_MS,
    checkpoint: JSON.stringify(step.checkpoint),
    progress: step.progress,
  };
}

/** The beginning of `phase`: its counts begin anew, those of the whole run go on. */
export function enterPhase(step: Step, phase: string): Step {
  return {
    checkpoint: { ...step.checkpoint, phase, after: null },
    progress: { ...step.progress, phase, done: 0, total: null },
  };
}

/** Nothing is left to do; the counts of the last phase stay. */
export function endOf(step: Step): Step {
  return {
    checkpoint: { ...step.checkpoint, phase: DONE, after: null },
    progress: { ...step.progress, phase: DONE },
  };
}

/** Adds to the counts that the end of the run has to know. */
export function tallied(step: Step, counts: Readonly<Record<string, number>>): Step {
  const tally = { ...step.checkpoint.tally };
  for (const [name, count] of Object.entries(counts)) tally[name] = (tally[name] ?? 0) + count;
  return { ...step, checkpoint: { ...step.checkpoint, tally } };
}

export function takenOver(): AppError {
  return new AppError('run_in_progress', 'never', 'another process took this run over');
}

/** Of the calls of one run that are repeated at the same time: one renews the lease and writes a line for all. */
interface Repeating {
  renewedAtMs: number;
  saidAtMs: number;
}

const repeating = new WeakMap<Frame, Repeating>();
/** Far below the lease, pauses of `persist` included. */
const RENEW_EVERY_MS = 15_000;
const SAY_EVERY_MS = 60_000;

/** Asks until Intercom answers, and keeps the run's lease meanwhile. */
export function asking<Result>(frame: Frame, step: Step, ask: () => Promise<Result>): Promise<Result> {
  const { breaker, clock, log, store } = frame.deps;
  return persist(ask, {
    clock,
    signal: frame.signal,
    onClear: breaker.onClear,
    onRetry: async (error, attempt, delayMs) => {
      const known = repeating.get(frame) ?? { renewedAtMs: -Infinity, saidAtMs: -Infinity };
      repeating.set(frame, known);
      const nowMs = clock.nowMs();
      // Of an outage the breaker says so once for all that wait.
      const isNews = error.blame !== 'outage' && Math.abs(nowMs - known.saidAtMs) >= SAY_EVERY_MS;
      if (isNews) known.saidAtMs = nowMs;
      const line = { run: frame.run.id, attempt, delayMs, reason: reasonOf(error) };
      log[isNews ? 'warn' : 'debug'](line, 'Intercom is asked again');
      if (delayMs <= RENEW_EVERY_MS && Math.abs(nowMs - known.renewedAtMs) < RENEW_EVERY_MS) return;
      known.renewedAtMs = nowMs;
      const page = pageOf(frame, step);
      await store.advanceRun({ ...page, leaseUntilMs: page.leaseUntilMs + delayMs });
    },
  });
}
