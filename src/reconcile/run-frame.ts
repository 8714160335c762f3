import { setMaxListeners } from 'node:events';
import { z } from 'zod';
import type { DecideSettings } from '../work/apply-work.js';
import { persist, reasonOf } from '../work/backoff.js';
import type { Clock } from '../clock.js';
import { AppError } from '../errors.js';
import type { Breaker } from '../intercom/breaker.js';
import type { IntercomClient } from '../intercom/client.js';
import type { CallOptions } from '../intercom/send-call.js';
import type { Log } from '../log.js';
import { createLeaseKeeper, LEASE_MS } from '../work/lease-keeper.js';
import type { FinishRun, HeldRun, JobName, Run, RunPage, RunProgress } from '../store/ports/runs.js';
import type { Store } from '../store/ports/store.js';

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

/** A crashed owner's run is taken up after this; a living one renews its lease, however long a page takes. */
export const RUN_LEASE_MS = LEASE_MS;

/** Pages of 150 take longer in large workspaces than any other call may. */
const SEARCH_TIMEOUT_MS = 45_000;

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
  /** How far the search of the phase is. */
  search: z
    .object({
      stage: z.enum(['pages', 'check', 'late pages', 'last check']),
      /** When its first page was asked for, Unix seconds. */
      beganAt: z.number(),
      /** The most that Intercom has counted; null as long as it has not said. */
      total: z.number().nullable(),
      /** How many entries have come, the same one twice counted twice. */
      entries: z.number(),
    })
    .optional(),
  /** How many entries are asked for at once, for how many pages that went well, and after how many it grows. */
  paging: z.object({ perPage: z.number(), good: z.number(), growAfter: z.number() }).optional(),
});
export type Checkpoint = z.infer<typeof checkpointShape>;

export interface Step {
  readonly checkpoint: Checkpoint;
  readonly progress: RunProgress;
}

/** What stays the same during one run. */
export interface Frame {
  readonly deps: RunDeps;
  readonly run: HeldRun;
  /** When the run began, Unix seconds. */
  readonly startedAt: number;
  readonly call: CallOptions;
  readonly signal: AbortSignal;
  /** Objects that this process has parked or found parked during the run, `kind:id`. */
  readonly parkedHere: Set<string>;
  /** How many objects have been given up because no answer came for them. */
  readonly unanswered: { count: number };
  /** When it was last said that Intercom is asked again, by the clock that nobody can set. */
  readonly asked: { saidAtMs: number };
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
 * @throws AppError that can't fix itself (the run is then recorded as failed), `run_in_progress` when another attempt
 * has it by now, or `stopped` when `stopping` aborts.
 */
export async function carryOut(deps: RunDeps, run: HeldRun, plan: Plan, stopping: AbortSignal): Promise<Run> {
  const { store, clock, log } = deps;
  const { lease } = run;
  const keeper = createLeaseKeeper<HeldRun>({
    clock,
    log,
    leaseMs: RUN_LEASE_MS,
    renew: async (runs, leaseUntilMs) =>
      (await store.renewRun({ runId: run.id, lease, leaseUntilMs })) ? [] : runs,
  });
  const hand = keeper.hold(run, clock.nowMs() + RUN_LEASE_MS);
  const signal = AbortSignal.any([stopping, hand.signal]);
  // Every call in hand listens to it: many listeners are no leak here.
  setMaxListeners(0, signal);
  const startedAt = Number(run.params['startedAt'] ?? Math.floor(run.startedAtMs / 1000));
  const call: CallOptions = { priority: 'sweep', signal, searchTimeoutMs: SEARCH_TIMEOUT_MS };
  const frame: Frame = {
    deps,
    run,
    startedAt,
    call,
    signal,
    parkedHere: new Set(),
    unanswered: { count: 0 },
    asked: { saidAtMs: Number.NEGATIVE_INFINITY },
  };
  const fields = { run: run.id, job: run.job };
  log.info({ ...fields, resumes: run.checkpoint !== null }, 'run begins');
  let step: Step = { checkpoint: { phase: '', after: null, tally: {} }, progress: run.progress };
  const startedMonotonicMs = clock.monotonicMs();
  const finish = async (end: RunEnd): Promise<Run> => {
    const nowMs = clock.nowMs();
    // A run that began by a clock that was ahead must not claim to know a time that has yet to come.
    const latestStartAt = Math.floor((nowMs - (clock.monotonicMs() - startedMonotonicMs)) / 1000);
    const swept =
      end.sweptUntilAt === undefined ? {} : { sweptUntilAt: Math.min(end.sweptUntilAt, latestStartAt) };
    const { progress } = step;
    await store.finishRun({ runId: run.id, lease, nowMs, progress, ...end, ...swept });
    return (await store.findRun(run.id)) ?? run;
  };
  try {
    // Inside, so that a place that can't be read ends the run instead of staying in the way of all others.
    step = {
      ...step,
      checkpoint: readCheckpoint(run) ?? { ...step.checkpoint, phase: plan.firstPhase(frame) },
    };
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
    // Whoever has the run now says how it ends.
    if (hand.signal.aborted || isTakenOver(error)) {
      log.warn({ ...fields, reason: reasonOf(error) }, 'another attempt has taken the run over');
      throw isTakenOver(error) ? error : takenOver();
    }
    // A stop leaves the run open: the next start goes on where this one was.
    if (signal.aborted)
      throw new AppError('stopped', 'later', `the ${run.job} was stopped`, { cause: error });
    log.error({ ...fields, err: error, reason: reasonOf(error) }, 'run failed');
    await finish({ status: 'failed', reason: reasonOf(error) }).catch((unfinished: unknown) => {
      log.warn({ ...fields, reason: reasonOf(unfinished) }, 'the failure could not be recorded');
    });
    throw error;
  } finally {
    hand.release();
    keeper.stop();
  }
}

function readCheckpoint(run: Run): Checkpoint | null {
  return run.checkpoint === null ? null : checkpointShape.parse(JSON.parse(run.checkpoint));
}

/** The place of `step`, to be stored together with what was learned there. Prolongs the run's lease. */
export function pageOf({ deps, run }: Frame, step: Step): RunPage {
  return {
    runId: run.id,
    lease: run.lease,
    leaseUntilMs: deps.clock.nowMs() + RUN_LEASE_MS,
    checkpoint: JSON.stringify(step.checkpoint),
    progress: step.progress,
  };
}

/** The beginning of `phase`: its counts begin anew, those of the whole run go on. */
export function enterPhase(step: Step, phase: string): Step {
  return {
    checkpoint: withoutSearch({ ...step.checkpoint, phase, after: null }),
    progress: { ...step.progress, phase, done: 0, total: null },
  };
}

function withoutSearch({ search: _search, ...checkpoint }: Checkpoint): Checkpoint {
  return checkpoint;
}

/** Nothing is left to do; the counts of the last phase stay. */
export function endOf(step: Step): Step {
  return {
    checkpoint: withoutSearch({ ...step.checkpoint, phase: DONE, after: null }),
    progress: { ...step.progress, phase: DONE },
  };
}

/** Adds to the counts that the end of the run has to know. */
export function tallied(step: Step, counts: Readonly<Record<string, number>>): Step {
  const tally = { ...step.checkpoint.tally };
  for (const [name, count] of Object.entries(counts)) tally[name] = (tally[name] ?? 0) + count;
  return { ...step, checkpoint: { ...step.checkpoint, tally } };
}

/** Says what is counted already, however often it is said. */
export function noted(step: Step, counts: Readonly<Record<string, number>>): Step {
  return { ...step, checkpoint: { ...step.checkpoint, tally: { ...step.checkpoint.tally, ...counts } } };
}

export function isTakenOver(error: unknown): boolean {
  return error instanceof AppError && error.code === 'run_in_progress';
}

export function takenOver(): AppError {
  return new AppError('run_in_progress', 'never', 'another process took this run over');
}

const SAY_EVERY_MS = 60_000;

/**
 * Asks until Intercom answers. Of the calls of one run that are repeated at the same time one writes a line for all.
 * @param onFailure told of every failure before the wait; what it throws ends the asking
 */
export function asking<Result>(
  frame: Frame,
  ask: () => Promise<Result>,
  onFailure?: (error: AppError, attempt: number) => Promise<void>,
): Promise<Result> {
  const { breaker, clock, log } = frame.deps;
  return persist(ask, {
    clock,
    signal: frame.signal,
    onClear: breaker.onClear,
    onRetry: async (error, attempt, delayMs) => {
      await onFailure?.(error, attempt);
      const nowMs = clock.monotonicMs();
      // Of an outage the breaker says so once for all that wait.
      const isNews = error.blame !== 'outage' && nowMs - frame.asked.saidAtMs >= SAY_EVERY_MS;
      if (isNews) frame.asked.saidAtMs = nowMs;
      const line = { run: frame.run.id, attempt, delayMs, reason: reasonOf(error) };
      log[isNews ? 'warn' : 'debug'](line, 'Intercom is asked again');
    },
  });
}

/** After so many failures one behind the other it is asked whether it is Intercom that fails, or this one question. */
export const DOUBTFUL_ATTEMPTS = 6;
/** The same while other calls of that kind fail too: a quarter of an hour or so. */
const HELD_BACK_ATTEMPTS = 240;
/** The same for a search, of which no other call tells whether it is its address that fails: as long. */
export const SEARCH_ATTEMPTS = 90;

/**
 * Ends an asking that will not get better: when Intercom answers other questions, but not this one.
 * @param attempt null: it is found out at once
 * @param doubtfulAttempts after how many failures one behind the other it is asked
 * @throws the failure itself
 */
export async function giveUpWhereHopeless(
  frame: Frame,
  error: AppError,
  attempt: number | null,
  doubtfulAttempts = DOUBTFUL_ATTEMPTS,
): Promise<void> {
  if (error.code === 'intercom_rate_limited') return;
  // While calls of one address are held back, others are answered: for a while that says nothing about this question.
  const patience = error.blame === 'outage' ? HELD_BACK_ATTEMPTS : doubtfulAttempts;
  if ((attempt ?? (error.blame === 'outage' ? 1 : 0)) % patience !== 0) return;
  try {
    await frame.deps.intercom.readClock(frame.call);
  } catch {
    return;
  }
  throw error;
}
