import { decideAt, resolveReads } from '../work/apply-work.js';
import { AppError } from '../errors.js';
import type { Loss, Work } from '../store/ports/cache.js';
import { countTotals, endSweep } from './end-sweep.js';
import { readThere } from './read-alone.js';
import { readSome } from './read-found.js';
import {
  asking,
  endOf,
  enterPhase,
  noted,
  pageOf,
  takenOver,
  tallied,
  type Frame,
  type Plan,
  type Step,
} from './run-frame.js';
import { refreshCoaches } from './refresh-coaches.js';
import { attributesOf, isWhole, phaseAfter, phasesOf, sweepSettings } from './sweep-scope.js';

/** Few enough that what comes in meanwhile does not wait for them. */
const MEMBERS_PER_STEP = 50;
/** Writes that have not reached Intercom by then go on without the run. */
const MAX_WRITING_MS = 10 * 60_000;
const LOOK_AT_WRITES_MS = 200;

/**
 * Sweeps and syncs: reads what Intercom holds and keeps what is new beside the cache; compares every member with what
 * the rules want of it, which is the drift; stops there when that would change too many; else takes what was found into
 * the cache and queues the writes.
 */
export const sweepPlan: Plan = {
  firstPhase: (frame) => phasesOf(frame)[0] ?? 'comparing',

  prepare: async (frame) => {
    const { store, intercom } = frame.deps;
    if (frame.run.job === 'sweep') return;
    await refreshCoaches(frame);
    if (isWhole(frame.run.job)) {
      // Its time zone may have changed. The contacts of another workspace would all seem deleted.
      const workspace = await asking(frame, () => intercom.readWorkspace(frame.call));
      const bound = await store.bindWorkspace(workspace);
      if (bound.id !== workspace.id) {
        const message = `the token belongs to the workspace ${workspace.id}, the database to ${bound.id}`;
        throw new AppError('workspace_mismatch', 'never', message);
      }
    }
  },

  takeStep: async (frame, step) => {
    switch (step.checkpoint.phase) {
      case 'comparing':
        return compareSome(frame, step);
      case 'applying':
        return applySome(frame, step);
      case 'writing':
        return awaitWrites(frame, step);
      case 'counting':
        return countTotals(frame, step);
      default:
        return (await readSome(frame, step)) ?? endOf(step);
    }
  },

  end: endSweep,
};

/** Says of a batch of members how they differ from Intercom; behind the last one decides whether to go on. */
async function compareSome(frame: Frame, step: Step): Promise<Step> {
  const { deps, run } = frame;
  const { store, clock, maxChangeShare } = deps;
  const { after, phase } = step.checkpoint;
  if (after === null) await store.detectSilence(clock.nowMs());
  const scope = run.job === 'sweep' ? 'found' : 'all';
  const batch = await store.nextFound({
    runId: run.id,
    scope,
    afterContactId: after,
    limit: MEMBERS_PER_STEP,
  });
  if (batch.lastContactId === null) {
    const { dryRun, force } = sweepSettings(frame);
    const { tally } = step.checkpoint;
    const changed = tally['changedSynced'] ?? 0;
    const of = await store.countSynced();
    const lost = (tally['erased'] ?? 0) + (tally['left'] ?? 0) + (tally['lostConversations'] ?? 0);
    // Those who never were right yet can be wiped, too.
    const { members } = await store.countCached(frame.startedAt);
    const isTooMuch = changed > of * maxChangeShare || lost > members * maxChangeShare;
    if (isTooMuch && !dryRun && !force) return endOf(noted(step, { guarded: 1, members }));
    const next = enterPhase(step, phaseAfter(frame, phase));
    await store.advanceRun(pageOf(frame, next));
    return next;
  }
  const work = workOn(frame, step, batch);
  const compared = await settling(frame, work, (one) => store.compare(one));
  if (compared.kind === 'lease-lost') throw takenOver();
  const { differences, losses } = compared;
  const changed = new Set(differences.map((difference) => difference.contactId));
  const synced = new Set(
    [...differences, ...losses].flatMap((one) => (one.wasSynced ? [one.contactId] : [])),
  );
  const lost = (...kinds: readonly Loss['kind'][]): number =>
    losses.filter(({ kind }) => kinds.includes(kind)).length;
  const next = moveOn(
    tallied(step, {
      compared: batch.contactIds.length,
      changed: changed.size,
      changedSynced: synced.size,
      erased: lost('erased', 'merged'),
      left: lost('left'),
      lostConversations: lost('conversation deleted'),
    }),
    batch,
  );
  await store.keepDrift({ page: pageOf(frame, next), differences });
  return next;
}

/** Takes what was found about a batch of members into the cache, and queues what has to be written. */
async function applySome(frame: Frame, step: Step): Promise<Step> {
  const { deps, run } = frame;
  const { after, phase } = step.checkpoint;
  const limit = MEMBERS_PER_STEP;
  const batch = await deps.store.nextFound({ runId: run.id, scope: 'found', afterContactId: after, limit });
  const isLast = batch.lastContactId === null;
  const next = isLast ? enterPhase(step, phaseAfter(frame, phase)) : moveOn(step, batch);
  const work = {
    ...workOn(frame, step, batch),
    completes: { kind: 'page', page: pageOf(frame, next) },
  } as const;
  const applied = await settling(frame, work, (one) => deps.store.apply(one));
  if (applied.kind === 'lease-lost') throw takenOver();
  return next;
}

/** What was found is read by id where nothing else settles it; that may fail for a while, as every other call. */
function settling<Answer extends { readonly kind: string }>(
  frame: Frame,
  work: Work,
  attempt: Parameters<typeof resolveReads<Answer>>[2],
): Promise<Answer> {
  return asking(frame, () =>
    // What is gone is believed only as it was found, where the guard counts it.
    resolveReads(frame.deps, work, attempt, frame.call, (subject) => readThere(frame, subject)),
  );
}

interface Batch {
  readonly contactIds: readonly string[];
  readonly changes: Work['changes'];
  readonly lastContactId: string | null;
}

function workOn(frame: Frame, step: Step, batch: Batch): Work {
  const { deps, run } = frame;
  const nowMs = deps.clock.nowMs();
  const only = attributesOf(run.job);
  return {
    changes: batch.changes,
    members: batch.contactIds,
    ...(only === undefined ? {} : { only }),
    cause: { kind: only === undefined ? 'sweep' : 'sync', ref: run.id },
    nowMs,
    decide: decideAt(deps.settings, nowMs),
    completes: { kind: 'page', page: pageOf(frame, step) },
    unknownContacts: 'accept',
    recompute: 'now',
  };
}

function moveOn(step: Step, batch: Batch): Step {
  return {
    checkpoint: { ...step.checkpoint, after: batch.lastContactId },
    progress: {
      ...step.progress,
      phase: step.checkpoint.phase,
      done: step.progress.done + batch.contactIds.length,
    },
  };
}

/** Until every write of the run has been tried: what fails for now goes on without it. */
async function awaitWrites(frame: Frame, step: Step): Promise<Step> {
  const { store, clock } = frame.deps;
  const nowMs = clock.nowMs();
  const sinceMs = step.checkpoint.tally['writingSinceMs'] ?? nowMs;
  const begun =
    step.checkpoint.tally['writingSinceMs'] === undefined ? tallied(step, { writingSinceMs: nowMs }) : step;
  const writes = await store.countWritesOf(frame.run.id);
  const waiting = writes.waiting - writes.failing;
  const total = writes.waiting + writes.held + writes.parked + writes.sent;
  const done = total - waiting;
  const shown = { ...begun, progress: { ...begun.progress, phase: 'writing', done, total } };
  const isOver = waiting === 0 || nowMs - sinceMs >= MAX_WRITING_MS;
  const next = isOver ? enterPhase(shown, phaseAfter(frame, 'writing')) : shown;
  await store.advanceRun(pageOf(frame, next));
  if (!isOver) await clock.sleep(LOOK_AT_WRITES_MS, frame.signal);
  return next;
}
