import { randomBytes } from 'node:crypto';
import { AppError } from '../errors.js';
import type { HeldRun, JobName, OpenRun, Run } from './ports/runs.js';
import type { Row } from './tables/describe-table.js';
import type { runs } from './tables/work-tables.js';

export type RunRow = Row<typeof runs>;

const AT_THE_START = {
  phase: 'starting',
  done: 0,
  total: null,
  contacts: 0,
  conversations: 0,
  calls: 0,
} as const;
/** Jobs that bring the cache up to date as a whole. */
const SWEEPING: ReadonlySet<JobName> = new Set<JobName>(['backfill', 'sweep', 'reconcile']);

/** A run that has just begun, held by whoever has asked for it. */
export function newRunRow({ job, params, owner, nowMs, leaseMs }: OpenRun): RunRow {
  return {
    id: `run_${randomBytes(8).toString('hex')}`,
    job,
    params,
    status: 'running',
    leaseOwner: owner,
    leaseUntilMs: nowMs + leaseMs,
    leaseToken: 1,
    startedAtMs: nowMs,
    finishedAtMs: null,
    checkpoint: null,
    progress: AT_THE_START,
    reason: null,
    result: null,
  };
}

/** The row with the next lease; null while a live process has it. */
export function takenOver(
  row: RunRow,
  { owner, nowMs, leaseMs }: Pick<OpenRun, 'owner' | 'nowMs' | 'leaseMs'>,
): RunRow | null {
  if (row.leaseOwner !== null && (row.leaseUntilMs ?? 0) > nowMs) return null;
  return { ...row, leaseOwner: owner, leaseUntilMs: nowMs + leaseMs, leaseToken: row.leaseToken + 1 };
}

export function toRun(row: RunRow): Run {
  const { leaseOwner: _owner, leaseUntilMs: _until, leaseToken: _token, ...run } = row;
  return run;
}

/** The run as whoever holds its current lease has it. */
export function toHeldRun(row: RunRow): HeldRun {
  return { ...toRun(row), lease: { owner: row.leaseOwner ?? '', token: row.leaseToken } };
}

/** Whether the end of such a run makes the whole cache fresh. */
export function isSweeping(job: JobName | undefined): boolean {
  return job !== undefined && SWEEPING.has(job);
}

export function runLost(runId: string): AppError {
  return new AppError(
    'run_in_progress',
    'never',
    `run ${runId} is over, or another process has taken it over`,
  );
}
