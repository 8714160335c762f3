import type { HeldLease } from './leases.js';

/** Work that takes longer than one transaction: backfill, sweeps and syncs, each run by one process at a time. */
export interface RunStore {
  /**
   * Starts a run, because at most one is unfinished at a time, whatever its job and whichever process has it.
   * `busy`: a live process is at work on another one. `unfinished`: the owner of another one is gone; it now belongs to
   * the caller, who carries it to its end with the settings that it began with, and then asks again.
   */
  openRun(request: OpenRun): Promise<OpenedRun>;
  /** How many different entries the phase of the unfinished run has been shown; see {@link RunPage.counted}. */
  countEntries(phase: string): Promise<number>;
  /** Takes over the unfinished run whose owner is gone; null when there is none, or when a live process has it. */
  adoptRun(request: Omit<OpenRun, 'job' | 'params'>): Promise<HeldRun | null>;
  /** Prolongs the lease of an unfinished run. False when it is lost. */
  renewRun(held: Pick<RunPage, 'runId' | 'lease' | 'leaseUntilMs'>): Promise<boolean>;
  /** Prolongs the lease and records progress without touching the cache. Rejects `run_in_progress` if the lease is lost. */
  advanceRun(page: RunPage): Promise<void>;
  finishRun(finish: FinishRun): Promise<void>;
  /** The newest run of `job`, finished or not. */
  latestRun(job: JobName): Promise<Run | null>;
  findRun(id: string): Promise<Run | null>;
  /** The newest run of one of `jobs` that ended with `done`, dry runs left out. */
  latestDoneRun(jobs: readonly JobName[]): Promise<Run | null>;
  /** Newest first, those behind the place `after` (from {@link RunList.next}). */
  listRuns(request: {
    readonly limit: number;
    readonly after: string | null;
    readonly jobs: readonly JobName[];
  }): Promise<RunList>;
}

export type OpenedRun =
  | { readonly kind: 'opened' | 'unfinished'; readonly run: HeldRun }
  | { readonly kind: 'busy'; readonly run: Run };

/** A run that belongs to the caller. */
export interface HeldRun extends Run {
  readonly lease: HeldLease;
}

export interface RunList {
  readonly runs: readonly Run[];
  /** How many there are without the limit. */
  readonly total: number;
  /** Null on the last page. */
  readonly next: string | null;
}

export const JOB_NAMES = [
  'backfill',
  'sweep',
  'reconcile',
  'session-sync',
  'engagement-sync',
  'referral-sync',
] as const;
export type JobName = (typeof JOB_NAMES)[number];

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
  /** `guarded`: it stopped before writing, because it would have changed too many members. */
  readonly status: 'running' | 'done' | 'failed' | 'guarded';
  readonly params: OpenRun['params'];
  readonly startedAtMs: number;
  readonly finishedAtMs: number | null;
  /** Where to go on; null at the very start. Opaque to the store. */
  readonly checkpoint: string | null;
  readonly progress: RunProgress;
  /** For a run that failed or was guarded. */
  readonly reason: string | null;
  /** Null while it runs, and for backfills. */
  readonly result: RunResult | null;
}

/** What a sweep or a sync found and did. */
export interface RunResult {
  /** Members that were compared with what Intercom holds. */
  readonly compared: number;
  /** Members that differ, whether they were written (or only would be, in a dry run). */
  readonly changed: number;
  /** Members of this run whose writes have failed so far and are tried again, and those that are parked. */
  readonly failed: number;
  readonly parked: number;
  /** Of the members that had been right before, how many would change; `of` how many there are. */
  readonly guard: { readonly changed: number; readonly of: number };
  /** Members who are gone or merged: erased from the cache, or they would be. Absent in runs of older versions. */
  readonly erased?: number;
  /** Members who are archived, or leads now. */
  readonly left?: number;
  /** Members who lose conversations that are gone. */
  readonly lostConversations?: number;
  /** The source's totals beside the cache's, where both were counted. */
  readonly totals: {
    readonly contacts: { readonly intercom: number; readonly cache: number };
    readonly conversations: { readonly intercom: number; readonly cache: number };
  } | null;
}

export interface RunProgress {
  readonly phase: string;
  /** Objects done and expected over all in this phase; `total` is null while unknown. */
  readonly done: number;
  readonly total: number | null;
  readonly contacts: number;
  readonly conversations: number;
  readonly calls: number;
  /** Objects that could not be read and are parked, each once; absent in runs of older versions. */
  readonly parked?: number;
}

export interface RunPage {
  readonly runId: string;
  readonly lease: HeldLease;
  readonly leaseUntilMs: number;
  readonly checkpoint: string | null;
  readonly progress: RunProgress;
  /** Entries of a search that a phase has been shown, to be remembered until the run's end. */
  readonly counted?: { readonly phase: string; readonly entries: readonly string[] };
  /** A phase that begins again: what it has been shown is forgotten. */
  readonly uncounted?: string;
}

export interface FinishRun {
  readonly runId: string;
  readonly lease: HeldLease;
  readonly status: 'done' | 'failed' | 'guarded';
  readonly reason: string | null;
  readonly nowMs: number;
  readonly progress: RunProgress;
  readonly result?: RunResult;
  /** Everything that changed in Intercom before this instant (Unix seconds) is in the cache; absent in a dry run. */
  readonly sweptUntilAt?: number;
  /** When the source's totals were found to agree with the cache's, Unix seconds; absent when they were not. */
  readonly completeAt?: number;
}
