/** Work that takes longer than one transaction: backfill, sweeps and syncs, each run by one process at a time. */
export interface RunStore {
  /**
   * Starts a run of `job`, or takes up the unfinished one whose lease is free (its owner crashed).
   * `busy`: another live process has it.
   */
  openRun(
    request: OpenRun,
  ): Promise<{ readonly kind: 'opened'; readonly run: Run } | { readonly kind: 'busy'; readonly run: Run }>;
  /** Prolongs the lease and records progress without touching the cache. Rejects `run_in_progress` if the lease is lost. */
  advanceRun(page: RunPage): Promise<void>;
  finishRun(finish: FinishRun): Promise<void>;
  /** The newest run of `job`, finished or not. */
  latestRun(job: JobName): Promise<Run | null>;
  findRun(id: string): Promise<Run | null>;
}

export type JobName =
  'backfill' | 'reconcile' | 'sweep' | 'session-sync' | 'engagement-sync' | 'referral-sync';

export interface OpenRun {
  readonly job: JobName;
  readonly owner: string;
  readonly nowMs: number;
  readonly leaseMs: number;
  /** Kept with the run, so that a resumed one goes on with the settings it began with. */
  readonly params: Readonly<Record<string, string | number | boolean | null>>;
}

export interface Run {
  readonly id: string;
  readonly job: JobName;
  readonly status: 'running' | 'done' | 'failed';
  readonly params: OpenRun['params'];
  readonly startedAtMs: number;
  readonly finishedAtMs: number | null;
  /** Where to go on; null at the very start. Opaque to the store. */
  readonly checkpoint: string | null;
  readonly progress: RunProgress;
  /** For a failed run. */
  readonly reason: string | null;
}

export interface RunProgress {
  readonly phase: string;
  /** Objects done and expected over all in this phase; `total` is null while unknown. */
  readonly done: number;
  readonly total: number | null;
  readonly contacts: number;
  readonly conversations: number;
  readonly calls: number;
}

export interface RunPage {
  readonly runId: string;
  readonly owner: string;
  readonly leaseUntilMs: number;
  readonly checkpoint: string | null;
  readonly progress: RunProgress;
}

export interface FinishRun {
  readonly runId: string;
  readonly owner: string;
  readonly status: 'done' | 'failed';
  readonly reason: string | null;
  readonly nowMs: number;
  readonly progress: RunProgress;
  /** When the source's totals were found to agree with the cache's, Unix seconds; absent when they were not. */
  readonly completeAt?: number;
}
