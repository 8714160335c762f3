import { z } from 'zod';
import { applyWork, decideAt, type DecideSettings } from '../apply-work.js';
import { persist, reasonOf } from '../backoff.js';
import { nowAt, type Clock } from '../clock.js';
import { AppError } from '../errors.js';
import type { CallOptions, IntercomClient } from '../intercom/client.js';
import { allMembers, conversationsChangedSince, type SearchPage } from '../intercom/search.js';
import type { Log } from '../log.js';
import type { Run, RunPage, RunProgress } from '../store/run-store.js';
import type { CacheChange, Cause, Store } from '../store/store.js';

export interface BackfillDeps {
  readonly store: Store;
  readonly intercom: IntercomClient;
  readonly clock: Clock;
  readonly log: Log;
  readonly owner: string;
  readonly settings: DecideSettings;
  /** Called after every step, for progress bars. */
  readonly onProgress?: (progress: RunProgress) => void;
}

/** A page with its retries; a crashed owner's run is taken up after this. */
const LEASE_MS = 60_000;
const MEMBERS_PER_STEP = 200;
/** Search answers lag behind by minutes: what changed since the start, and this long before it, is asked for again. */
const INDEX_LAG_SECONDS = 15 * 60;

const PHASES = ['contacts', 'conversations', 'changed meanwhile', 'members', 'done'] as const;
type Phase = (typeof PHASES)[number];

/** Where a run stands: `after` is the search cursor, or the contact id, behind which it goes on. */
const checkpointShape = z.object({ phase: z.enum(PHASES), after: z.string().nullable() });
type Checkpoint = z.infer<typeof checkpointShape>;

interface Step {
  readonly checkpoint: Checkpoint;
  readonly progress: RunProgress;
}

/** What stays the same during one run. */
interface Frame {
  readonly deps: BackfillDeps;
  readonly run: Run;
  readonly startedAt: number;
  readonly coverageFromAt: number;
  readonly cause: Cause;
  readonly call: CallOptions;
  readonly signal: AbortSignal;
}

/**
 * Fills the cache from Intercom: members, then conversations changed within `days`, by search pages of 150 and never
 * one call per contact; then what changed meanwhile; then every member is recomputed. After each page the cache and
 * the place to go on from are stored together, so a crash loses nothing and repeats at most one page.
 * @returns the finished run, or the one that another process is busy with.
 * @throws AppError that can't mend itself (the run is then recorded as failed), or `stopped` when `signal` aborts.
 */
export async function backfill(deps: BackfillDeps, days: number, signal: AbortSignal): Promise<Run> {
  const { store, clock, owner, log } = deps;
  const params = { startedAt: nowAt(clock), days };
  const opened = await store.openRun({
    job: 'backfill',
    owner,
    nowMs: clock.nowMs(),
    leaseMs: LEASE_MS,
    params,
  });
  if (opened.kind === 'busy') return opened.run;
  const { run } = opened;
  log.info({ run: run.id, resumes: run.checkpoint !== null }, 'backfill begins');

  const startedAt = Number(run.params['startedAt']);
  const frame: Frame = {
    deps,
    run,
    startedAt,
    coverageFromAt: startedAt - Number(run.params['days']) * 86_400,
    cause: { kind: 'backfill', ref: run.id },
    call: { priority: 'sweep', signal },
    signal,
  };
  let step: Step = {
    checkpoint:
      run.checkpoint === null ? startOf('contacts') : checkpointShape.parse(JSON.parse(run.checkpoint)),
    progress: run.progress,
  };
  const finish = async (status: 'done' | 'failed', reason: string | null): Promise<Run> => {
    const { progress } = step;
    await store.finishRun({ runId: run.id, owner, status, reason, nowMs: clock.nowMs(), progress });
    return (await store.findRun(run.id)) ?? run;
  };

  try {
    await store.saveCoaches(await asking(frame, step, () => deps.intercom.listAdmins(frame.call)));
    while (step.checkpoint.phase !== 'done') {
      step = await takeStep(frame, step);
      deps.onProgress?.(step.progress);
    }
  } catch (error) {
    // A stop leaves the run open: the next start goes on where this one was.
    if (signal.aborted) throw new AppError('stopped', 'later', 'the backfill was stopped', { cause: error });
    log.error({ run: run.id, err: error, reason: reasonOf(error) }, 'backfill failed');
    await finish('failed', reasonOf(error));
    throw error;
  }
  const done = await finish('done', null);
  log.info({ run: run.id, ...done.progress, ms: clock.nowMs() - run.startedAtMs }, 'backfill done');
  return done;
}

/** How long to wait before asking whether another process has finished the backfill it is busy with. */
const BUSY_PAUSE_MS = 5000;

/**
 * What a start owes the cache: nothing when a backfill is done, else a backfill of `days`. With `days` 0 the cache
 * only knows what happens from now on.
 */
export async function fillCache(
  deps: BackfillDeps,
  days: number,
  signal: AbortSignal,
  onProgress?: (progress: RunProgress) => void,
): Promise<void> {
  const { store, clock } = deps;
  const { coverageFromAt } = await store.freshness();
  if (days === 0) {
    if (coverageFromAt === null) await store.setCoverage(nowAt(clock));
    return;
  }
  const watched = onProgress === undefined ? deps : { ...deps, onProgress };
  while ((await store.latestRun('backfill'))?.status !== 'done') {
    const run = await backfill(watched, days, signal);
    if (run.status === 'running') await clock.sleep(BUSY_PAUSE_MS, signal);
    if (signal.aborted) return;
  }
}

/** One search page, or one batch of members: does it, stores it together with the place to go on from. */
async function takeStep(frame: Frame, step: Step): Promise<Step> {
  const { deps, call, startedAt, coverageFromAt } = frame;
  if (frame.signal.aborted) throw new AppError('stopped', 'later', 'stopped between two pages');
  const cursor = step.checkpoint.after;
  const phase = step.checkpoint.phase;
  const conversationsSince = (sinceAt: number): Promise<Step> =>
    keepPage(frame, step, {
      ask: () => deps.intercom.searchConversations({ ...conversationsChangedSince(sinceAt), cursor }, call),
      learn: (conversation) => ({ kind: 'conversation', conversation, authority: { kind: 'search' } }),
    });
  switch (phase) {
    case 'contacts':
      return keepPage(frame, step, {
        ask: () => deps.intercom.searchContacts({ ...allMembers(), cursor }, call),
        learn: (contact) => ({ kind: 'contact', contact, authority: { kind: 'search' } }),
      });
    case 'conversations':
      return conversationsSince(coverageFromAt);
    case 'changed meanwhile':
      return conversationsSince(startedAt - INDEX_LAG_SECONDS);
    case 'members':
      return recomputeSome(frame, step);
    case 'done':
      return step;
  }
}

interface PageKind<Item> {
  readonly ask: () => Promise<SearchPage<Item>>;
  readonly learn: (item: Item) => CacheChange;
}

async function keepPage<Item>(frame: Frame, step: Step, kind: PageKind<Item>): Promise<Step> {
  const { deps } = frame;
  const { phase, after } = step.checkpoint;
  const page = await asking(frame, step, kind.ask);
  const items = page.items.length;
  // An empty page or a cursor that doesn't move would page for ever.
  const isLast = page.nextCursor === null || items === 0 || page.nextCursor === after;
  const done = step.progress.done + items;
  const next: Step = {
    checkpoint: isLast ? startOf(phaseAfter(phase)) : { phase, after: page.nextCursor },
    progress: {
      phase,
      done,
      total: Math.max(page.totalCount, done),
      contacts: step.progress.contacts + (phase === 'contacts' ? items : 0),
      conversations: step.progress.conversations + (phase === 'contacts' ? 0 : items),
      calls: step.progress.calls + 1,
    },
  };
  const nowMs = deps.clock.nowMs();
  const applied = await applyWork(
    deps,
    {
      changes: page.items.map(kind.learn),
      cause: frame.cause,
      nowMs,
      decide: decideAt(deps.settings, nowMs),
      completes: { kind: 'page', page: pageOf(frame, isLast ? enter(next) : next) },
      unknownContacts: 'accept',
      recompute: 'later',
    },
    frame.call,
  );
  if (applied.kind === 'lease-lost') throw takenOver();
  return isLast ? enter(next) : next;
}

async function recomputeSome(frame: Frame, step: Step): Promise<Step> {
  const { deps, cause, coverageFromAt } = frame;
  const nowMs = deps.clock.nowMs();
  // From here on the cache may correct what Intercom holds; a repetition after a crash changes nothing.
  await deps.store.setCoverage(coverageFromAt);
  const { members, lastContactId } = await deps.store.recomputeMembers({
    afterContactId: step.checkpoint.after,
    limit: MEMBERS_PER_STEP,
    cause,
    nowMs,
    decide: decideAt(deps.settings, nowMs),
  });
  const next: Step = {
    checkpoint: lastContactId === null ? startOf('done') : { phase: 'members', after: lastContactId },
    progress: {
      ...step.progress,
      phase: lastContactId === null ? 'done' : 'members',
      done: step.progress.done + members,
      total: step.progress.contacts,
    },
  };
  await deps.store.advanceRun(pageOf(frame, next));
  return next;
}

function startOf(phase: Phase): Checkpoint {
  return { phase, after: null };
}

function phaseAfter(phase: Phase): Phase {
  return PHASES[PHASES.indexOf(phase) + 1] ?? 'done';
}

/** The counts of a phase begin anew with it; those of the whole run go on. */
function enter(step: Step): Step {
  return { ...step, progress: { ...step.progress, phase: step.checkpoint.phase, done: 0, total: null } };
}

function pageOf(frame: Frame, step: Step): RunPage {
  const { deps, run } = frame;
  return {
    runId: run.id,
    owner: deps.owner,
    leaseUntilMs: deps.clock.nowMs() + LEASE_MS,
    checkpoint: JSON.stringify(step.checkpoint),
    progress: step.progress,
  };
}

function takenOver(): AppError {
  return new AppError('run_in_progress', 'never', 'another process took this backfill over');
}

/** Asks until Intercom answers, and keeps the run's lease meanwhile. */
function asking<Result>(frame: Frame, step: Step, ask: () => Promise<Result>): Promise<Result> {
  const { clock, log, store } = frame.deps;
  return persist(ask, {
    clock,
    signal: frame.signal,
    onRetry: async (error, attempt, delayMs) => {
      log.warn(
        { run: frame.run.id, attempt, delayMs, reason: reasonOf(error) },
        'a search page will be asked for again',
      );
      const page = pageOf(frame, step);
      await store.advanceRun({ ...page, leaseUntilMs: page.leaseUntilMs + delayMs });
    },
  });
}
