import { addDaysOn, dateOf, startOfDayAt } from '../rules/calendar.js';
import type { JobName } from '../store/ports/runs.js';
import type { MaintainedAttribute } from '../rules/vocabulary.js';
import { DONE, INDEX_LAG_SECONDS, type Frame } from './run-frame.js';

/** How far back a whole sweep looks when it is not told. */
export const DEFAULT_LOOKBACK_DAYS = 365;

/** How a job is asked for; kept with the run, so that a resumed one goes on with the settings it began with. */
export interface SweepSettings {
  /** Null: as far as the cache reaches, at most a year. */
  readonly lookbackDays: number | null;
  /** Compare and list the differences, and change nothing: neither the cache nor Intercom. */
  readonly dryRun: boolean;
  /** Write however many members it concerns. */
  readonly force: boolean;
}

export function sweepSettings({ run }: Frame): SweepSettings {
  const { lookbackDays } = run.params;
  return {
    lookbackDays: typeof lookbackDays === 'number' ? lookbackDays : null,
    dryRun: run.params['dryRun'] === true,
    force: run.params['force'] === true,
  };
}

/** Reads again what could not be read. */
export const PARKED = 'parked';

/**
 * What a job reads and does, in this order. `contacts` and `conversations` read the whole window page by page; `closed`
 * and `changed` only what happened lately. `unseen` asks by id for what should have come up and has not.
 */
const READING: Readonly<Record<Exclude<JobName, 'backfill'>, readonly string[]>> = {
  sweep: [PARKED, 'closed', 'changed', 'changed contacts'],
  reconcile: [PARKED, 'contacts', 'conversations', 'closed', 'changed', 'changed contacts', 'unseen'],
  'session-sync': ['contacts', 'conversations', 'closed', 'changed', 'changed contacts'],
  'engagement-sync': ['contacts', 'conversations', 'closed', 'changed', 'changed contacts'],
  'referral-sync': ['contacts', 'changed contacts'],
};

/** Only after `changed contacts`, where Intercom has not answered in the order asked for. */
export const CONTACTS_BY_DAY = 'changed contacts by day';

export function phasesOf(frame: Frame): readonly string[] {
  const { job } = frame.run;
  const reading = job === 'backfill' ? [] : READING[job];
  if (sweepSettings(frame).dryRun) return [...reading, 'comparing', DONE];
  // What the sweep of every few minutes writes need not be waited for: the next one looks again.
  const waiting = job === 'sweep' ? [] : ['writing'];
  const counting = isWhole(job) || job === 'sweep' ? ['counting'] : [];
  return [...reading, 'comparing', 'applying', ...waiting, ...counting, DONE];
}

export function phaseAfter(frame: Frame, phase: string): string {
  const phases = phasesOf(frame);
  const place = phases.indexOf(phase === CONTACTS_BY_DAY ? 'changed contacts' : phase);
  return phases[place + 1] ?? DONE;
}

/** True for the job that looks at everything there is, and so finds what is there no more. */
export function isWhole(job: JobName): boolean {
  return job === 'reconcile';
}

/** Which attributes the job is about; undefined: all of them. */
export function attributesOf(job: JobName): ReadonlySet<MaintainedAttribute> | undefined {
  switch (job) {
    case 'session-sync':
      return new Set(['Last Coaching Session', 'First Session Date', 'Last Call']);
    case 'engagement-sync':
      return new Set(['Engagement Status', 'Engagement Status Date']);
    case 'referral-sync':
      return new Set(['Eligible Programs']);
    case 'backfill':
    case 'reconcile':
    case 'sweep':
      return undefined;
  }
}

/** From where on (Unix seconds) the conversations of the window have changed. */
export async function windowFromAt(frame: Frame): Promise<number> {
  const { startedAt, deps } = frame;
  const { lookbackDays } = sweepSettings(frame);
  const { timeZone } = deps.settings;
  // The day exactly so many days ago belongs to it.
  const firstOn = addDaysOn(dateOf(startedAt, timeZone), -(lookbackDays ?? DEFAULT_LOOKBACK_DAYS));
  const fromAt = startOfDayAt(firstOn, timeZone);
  if (lookbackDays !== null) return fromAt;
  const { coverageFromAt } = await deps.store.freshness();
  return Math.max(coverageFromAt ?? 0, fromAt);
}

/** From where on changes may be unknown to the cache: since the last sweep's beginning, and the lag of the index. */
export async function changedFromAt(frame: Frame): Promise<number> {
  if (frame.run.job !== 'sweep') return frame.startedAt - INDEX_LAG_SECONDS;
  return (await sweptUntilAt(frame)) - INDEX_LAG_SECONDS;
}

/** `closed` is asked for because `updated_at` does not move with every change. */
export async function closedFromAt(frame: Frame): Promise<number> {
  return (await sweptUntilAt(frame)) - INDEX_LAG_SECONDS;
}

async function sweptUntilAt({ deps: { store }, startedAt }: Frame): Promise<number> {
  const { sweptUntilAt: until, coverageFromAt } = await store.freshness();
  if (until !== null || coverageFromAt !== null) return until ?? coverageFromAt ?? 0;
  // The first backfill has not come to its end, and begins again: only what it can't have seen is of interest.
  const last = (await store.latestDoneRun(['sweep'])) ?? (await store.latestRun('backfill'));
  return last === null ? startedAt : Math.floor(last.startedAtMs / 1000);
}
