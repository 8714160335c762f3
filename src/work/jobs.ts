import type { JobName, Run } from '../store/ports/runs.js';

/** The jobs that can be asked for. */
export const REQUESTABLE_JOBS = [
  'session-sync',
  'engagement-sync',
  'referral-sync',
  'reconcile',
] as const satisfies readonly JobName[];
export type RequestableJob = (typeof REQUESTABLE_JOBS)[number];

export interface JobRequest {
  readonly job: RequestableJob;
  /** Null: as far as the cache reaches. */
  readonly lookbackDays: number | null;
  readonly dryRun: boolean;
  readonly force: boolean;
}

export type StartedJob =
  | { readonly kind: 'started'; readonly run: Run; readonly ended: Promise<Run> }
  /** Another run is at work, or has to be finished first. */
  | { readonly kind: 'busy'; readonly run: Run };

/** What starts jobs for people and programs that ask for them. */
export interface Jobs {
  start(request: JobRequest): Promise<StartedJob>;
}
