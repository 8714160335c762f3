import { Cron } from 'croner';
import { reasonOf } from '../backoff.js';
import { AppError } from '../errors.js';
import type { JobName, Run } from '../store/run-store.js';
import { carryRun, runJob } from './run-job.js';
import { RUN_LEASE_MS, type RunDeps } from './run-frame.js';

export interface ScheduleSettings {
  /** `SWEEP_EVERY_MINUTES`; 0 = off. */
  readonly sweepEveryMinutes: number;
  /** `RECONCILE_CRON` in the report time zone; null = off. */
  readonly reconcileCron: string | null;
}

/** Runs what is due: the sweep of every few minutes and the daily reconciliation. Tests drive it by hand. */
export interface Schedule {
  /** Resolves when it has looked for the first time: what was missed while nobody was at work is known then. */
  start(): Promise<void>;
  /** Finishes what a process that is gone has left, then runs what is due now. */
  runDue(): Promise<readonly Run[]>;
  /** When something falls due next, milliseconds; null when both are off. */
  nextDueAtMs(): Promise<number | null>;
  stop(): Promise<void>;
}

/** At least this often it looks whether another process has left something unfinished. */
const LONGEST_SLEEP_MS = 60_000;
/** Between two tries of a run that failed. */
const RETRY_MS = 5 * 60_000;

export function createSchedule(deps: RunDeps, settings: ScheduleSettings): Schedule {
  const { store, clock, log, owner } = deps;
  const stopping = new AbortController();
  const { signal } = stopping;
  const cron =
    settings.reconcileCron === null
      ? null
      : new Cron(settings.reconcileCron, { timezone: deps.settings.timeZone, paused: true });
  let running: Promise<void> | null = null;
  let looked: Promise<void> | null = null;
  /**
   * A failed run is not begun again at once, and neither is one that another process was busy with. By the clock that
   * nobody can set, so that nothing waits for a time to come again.
   */
  const triedAtMs = new Map<JobName, number>();
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
    const dueMs = cron.nextRun(new Date(lastMs === 0 ? nowMs : lastMs))?.getTime() ?? null;
    const pauseMs = restMs('reconcile', RETRY_MS);
    return dueMs === null || pauseMs === 0 ? dueMs : Math.max(dueMs, nowMs + pauseMs);
  };

  const runOne = async (job: 'sweep' | 'reconcile'): Promise<Run[]> => {
    triedAtMs.set(job, clock.monotonicMs());
    const params = { lookbackDays: null, dryRun: false, force: false };
    return [await runJob(deps, { job, params }, signal)];
  };

  const runDue = async (): Promise<readonly Run[]> => {
    const runs: Run[] = [];
    const left = await store.takeUpRun({ owner, nowMs: clock.nowMs(), leaseMs: RUN_LEASE_MS });
    if (left !== null) runs.push(await carryRun(deps, left, signal));
    if (((await reconcileDueAtMs()) ?? Infinity) <= clock.nowMs()) runs.push(...(await runOne('reconcile')));
    if (((await sweepDueAtMs()) ?? Infinity) <= clock.nowMs()) runs.push(...(await runOne('sweep')));
    return runs;
  };

  const nextDueAtMs = async (): Promise<number | null> => {
    const due = [await sweepDueAtMs(), await reconcileDueAtMs()].filter((at) => at !== null);
    return due.length === 0 ? null : Math.min(...due);
  };

  const run = async (haveLooked: () => void): Promise<void> => {
    while (!signal.aborted) {
      try {
        await runDue();
        haveLooked();
        const dueAtMs = await nextDueAtMs();
        const waitMs = (dueAtMs ?? Infinity) - clock.nowMs();
        await clock.sleep(Math.min(LONGEST_SLEEP_MS, Math.max(1000, waitMs)), signal);
      } catch (error) {
        haveLooked();
        if (error instanceof AppError && error.code === 'stopped') return;
        // The run itself has said what failed; it is due again in a while.
        log.warn({ reason: reasonOf(error) }, 'a scheduled run did not end');
        await clock.sleep(RETRY_MS, signal);
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
    stop: async () => {
      stopping.abort();
      await running;
    },
  };
}
