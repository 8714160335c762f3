import { Cron } from 'croner';
import { reasonOf } from '../work/backoff.js';
import { nowAt } from '../clock.js';
import { AppError } from '../errors.js';
import type { JobName, Run } from '../store/ports/runs.js';
import { carryRun, runJob } from './run-job.js';
import { RUN_LEASE_MS, type RunDeps } from './run-frame.js';

export interface ScheduleSettings {
  /** `BACKFILL_DAYS`: reach of the first backfill; 0 = none. */
  readonly backfillDays: number;
  /** `SWEEP_EVERY_MINUTES`; 0 = off. */
  readonly sweepEveryMinutes: number;
  /** `RECONCILE_CRON` in the report time zone; null = off. */
  readonly reconcileCron: string | null;
}

/**
 * Runs what is due: the first backfill, the daily reconciliation, the sweep of every few minutes. Each fails alone: it
 * is tried again after a while, and the others go on. Tests drive it by hand.
 */
export interface Schedule {
  /** Resolves when it has looked for the first time: what was missed while nobody was at work is known then. */
  start(): Promise<void>;
  /** Finishes what a process that is gone has left, then runs what is due now. A run that fails is among them. */
  runDue(): Promise<readonly Run[]>;
  /** When something falls due next, milliseconds; null when all are off. */
  nextDueAtMs(): Promise<number | null>;
  /** Resolves once the first backfill is done, or none is wanted; rejects with `stopped`. */
  readonly filled: Promise<void>;
  stop(): Promise<void>;
}

/** At least this often it looks whether another process has left something unfinished. */
const MAX_SLEEP_MS = 60_000;
/** Between two tries of a night that failed: 5, 10, 20 … minutes, up to an hour. */
const RETRY_MS = 5 * 60_000;
const MAX_RETRY_MS = 3_600_000;
/** Between two tries of the first backfill: 1, 2, 4 … minutes, up to an hour. A start tries at once. */
const BACKFILL_RETRY_MS = 60_000;

export function createSchedule(deps: RunDeps, settings: ScheduleSettings): Schedule {
  const { store, clock, log, owner } = deps;
  const stopping = new AbortController();
  const { signal } = stopping;
  const cron =
    settings.reconcileCron === null
      ? null
      : new Cron(settings.reconcileCron, { timezone: deps.settings.timeZone, paused: true });
  /** Where nothing has run yet, nights count from here. */
  let sinceMs = clock.nowMs();
  let running: Promise<void> | null = null;
  let looked: Promise<void> | null = null;
  /**
   * A failed run is not begun again at once, and neither is one that another process was busy with. By the clock that
   * nobody can set, so that nothing waits for a time to come again.
   */
  const triedAtMs = new Map<JobName, number>();
  /** `restsUntilMs`: by the clock that nobody can set, too. */
  let backfill: { readonly failures: number; readonly restsUntilMs: number } | 'done' = {
    failures: 0,
    restsUntilMs: clock.monotonicMs(),
  };
  let nightsFailed = 0;
  const filling = Promise.withResolvers<void>();
  // Nobody need be waiting for it.
  filling.promise.catch(() => undefined);

  const backfillDueAtMs = async (): Promise<number | null> => {
    if (backfill === 'done') return null;
    const { backfillDays } = settings;
    if (backfillDays > 0 && (await store.latestDoneRun(['backfill'])) === null)
      return clock.nowMs() + Math.max(0, backfill.restsUntilMs - clock.monotonicMs());
    // Without a backfill the cache only knows what happens from now on.
    if (backfillDays === 0 && (await store.freshness()).coverageFromAt === null)
      await store.setCoverage(nowAt(clock));
    backfill = 'done';
    filling.resolve();
    return null;
  };
  const restMs = (job: JobName, pauseMs: number): number =>
    Math.max(0, (triedAtMs.get(job) ?? Number.NEGATIVE_INFINITY) + pauseMs - clock.monotonicMs());
  /** A start that lies ahead is from before the clock went back, and tells nothing. */
  const startOf = (run: Run | null): number =>
    run === null || run.startedAtMs > clock.nowMs() ? 0 : run.startedAtMs;

  const sweepDueAtMs = async (): Promise<number | null> => {
    if (settings.sweepEveryMinutes === 0) return null;
    const everyMs = settings.sweepEveryMinutes * 60_000;
    const last = await store.latestDoneRun(['sweep', 'reconcile', 'backfill']);
    const nowMs = clock.nowMs();
    return Math.max(startOf(last) === 0 ? nowMs : startOf(last) + everyMs, nowMs + restMs('sweep', everyMs));
  };

  /** The first time after the last whole run; one that was missed while the service was down lies in the past. */
  const reconcileDueAtMs = async (): Promise<number | null> => {
    if (cron === null) return null;
    const last = await store.latestDoneRun(['reconcile', 'backfill']);
    // A sweep that was stopped by the guard has been at work too: the next night looks again.
    const latest = await store.latestRun('reconcile');
    const guardedMs = latest?.status === 'guarded' ? startOf(latest) : 0;
    const lastMs = Math.max(startOf(last), guardedMs);
    const nowMs = clock.nowMs();
    // The clock may have been ahead then: counted from each look anew, a night would always lie ahead.
    sinceMs = Math.min(sinceMs, nowMs);
    const fromMs = lastMs === 0 ? sinceMs : lastMs;
    const dueMs = cron.nextRun(new Date(fromMs))?.getTime() ?? null;
    const pauseMs = restMs('reconcile', growing(RETRY_MS, nightsFailed));
    return dueMs === null || pauseMs === 0 ? dueMs : Math.max(dueMs, nowMs + pauseMs);
  };

  /** Whatever is wrong with one run is its own affair: it says so, and the others go on. */
  const alone = async (what: string, work: () => Promise<Run | null>): Promise<Run[]> => {
    try {
      const run = await work();
      return run === null ? [] : [run];
    } catch (error) {
      if (signal.aborted) throw error;
      log.warn({ run: what, reason: reasonOf(error) }, 'a scheduled run did not end');
      return [];
    }
  };

  const isDue = async (dueAtMs: () => Promise<number | null>): Promise<boolean> =>
    ((await dueAtMs()) ?? Infinity) <= clock.nowMs();

  /** The run that has failed is answered, too. */
  const carryAlone = async (job: JobName, work: () => Promise<Run>): Promise<Run | null> => {
    const before = (await store.latestRun(job))?.id;
    const [run] = await alone(job, work);
    if (run !== undefined) return run;
    const failed = await store.latestRun(job);
    return failed === null || failed.id === before || failed.status !== 'failed' ? null : failed;
  };

  const finishLeft = async (): Promise<Run | null> => {
    const left = await store.adoptRun({ owner, nowMs: clock.nowMs(), leaseMs: RUN_LEASE_MS });
    return left === null ? null : carryRun(deps, left, signal);
  };

  const fill = async (): Promise<Run | null> => {
    if (backfill === 'done' || !(await isDue(backfillDueAtMs))) return null;
    const params = { days: settings.backfillDays };
    const run = await carryAlone('backfill', () => runJob(deps, { job: 'backfill', params }, signal));
    const isBusy = run?.status === 'running';
    const failures = isBusy ? backfill.failures : backfill.failures + 1;
    const delayMs = isBusy ? MAX_SLEEP_MS : growing(BACKFILL_RETRY_MS, failures);
    backfill = { failures, restsUntilMs: clock.monotonicMs() + delayMs };
    await backfillDueAtMs();
    return run;
  };

  const runOne = async (
    job: 'sweep' | 'reconcile',
    dueAtMs: () => Promise<number | null>,
  ): Promise<Run | null> => {
    if (!(await isDue(dueAtMs))) return null;
    triedAtMs.set(job, clock.monotonicMs());
    const params = { lookbackDays: null, dryRun: false, force: false };
    const run = await carryAlone(job, () => runJob(deps, { job, params }, signal));
    if (job === 'reconcile') nightsFailed = run === null || run.status === 'failed' ? nightsFailed + 1 : 0;
    return run;
  };

  const runDue = async (): Promise<readonly Run[]> => [
    ...(await alone('left unfinished', finishLeft)),
    ...(await alone('backfill', fill)),
    ...(await alone('reconcile', () => runOne('reconcile', reconcileDueAtMs))),
    ...(await alone('sweep', () => runOne('sweep', sweepDueAtMs))),
  ];

  const nextDueAtMs = async (): Promise<number | null> => {
    const due = [await backfillDueAtMs(), await sweepDueAtMs(), await reconcileDueAtMs()];
    const known = due.filter((at) => at !== null);
    return known.length === 0 ? null : Math.min(...known);
  };

  const run = async (haveLooked: () => void): Promise<void> => {
    while (!signal.aborted) {
      try {
        await runDue();
        haveLooked();
        const dueAtMs = await nextDueAtMs();
        const waitMs = (dueAtMs ?? Infinity) - clock.nowMs();
        await clock.sleep(Math.min(MAX_SLEEP_MS, Math.max(1000, waitMs)), signal);
      } catch (error) {
        haveLooked();
        if (signal.aborted) return;
        log.warn({ reason: reasonOf(error) }, 'what is due could not be found out');
        await clock.sleep(MAX_SLEEP_MS, signal);
      }
    }
  };

  return {
    start: () =>
      (looked ??= new Promise((resolve) => {
        running = run(resolve).finally(resolve);
      })),
    runDue,
    nextDueAtMs,
    filled: filling.promise,
    stop: async () => {
      stopping.abort();
      filling.reject(new AppError('stopped', 'later', 'stopped before the first backfill was done'));
      await running;
    },
  };
}

function growing(firstMs: number, failures: number): number {
  return Math.min(MAX_RETRY_MS, firstMs * 2 ** Math.min(Math.max(0, failures - 1), 10));
}
