import { applyWork, decideAt } from '../apply-work.js';
import { allMembers, conversationsChangedSince } from '../intercom/search.js';
import type { CacheChange } from '../store/store.js';
import { readPage, type PageRequest } from './read-pages.js';
import { refreshCoaches } from './refresh-coaches.js';
import {
  asking,
  endOf,
  INDEX_LAG_SECONDS,
  pageOf,
  takenOver,
  type Frame,
  type Plan,
  type Step,
} from './run-frame.js';

const MEMBERS_PER_STEP = 200;

/**
 * Fills the cache from Intercom: members, then conversations changed within the run's `days`, by search pages of 150 and
 * never one call per contact; then what changed meanwhile; then every member is recomputed.
 */
export const backfillPlan: Plan = {
  firstPhase: () => 'contacts',

  prepare: refreshCoaches,

  takeStep: (frame, step) => {
    const { deps, call, startedAt } = frame;
    const cursor = step.checkpoint.after;
    const keepConversations = (sinceAt: number, nextPhase: string): Promise<Step> =>
      keepPage(
        frame,
        step,
        {
          ask: () =>
            deps.intercom.searchConversations({ ...conversationsChangedSince(sinceAt), cursor }, call),
          counts: 'conversations',
          nextPhase,
        },
        (conversation) => ({ kind: 'conversation', conversation, authority: { kind: 'search' } }),
      );
    switch (step.checkpoint.phase) {
      case 'contacts':
        return keepPage(
          frame,
          step,
          {
            ask: () => deps.intercom.searchContacts({ ...allMembers(), cursor }, call),
            counts: 'contacts',
            nextPhase: 'conversations',
          },
          (contact) => ({ kind: 'contact', contact, authority: { kind: 'search' } }),
        );
      case 'conversations':
        return keepConversations(coverageFromAt(frame), 'changed meanwhile');
      case 'changed meanwhile':
        return keepConversations(startedAt - INDEX_LAG_SECONDS, 'members');
      default:
        return recomputeSome(frame, step);
    }
  },

  end: async ({ startedAt }) => ({ status: 'done', reason: null, sweptUntilAt: startedAt }),
};

function coverageFromAt({ run, startedAt }: Frame): number {
  return startedAt - Number(run.params['days']) * 86_400;
}

async function keepPage<Item>(
  frame: Frame,
  step: Step,
  request: PageRequest<Item>,
  learn: (item: Item) => CacheChange,
): Promise<Step> {
  const { deps, run, call } = frame;
  const { page, next } = await readPage(frame, step, request);
  const nowMs = deps.clock.nowMs();
  const work = {
    changes: page.items.map(learn),
    cause: { kind: 'backfill', ref: run.id },
    nowMs,
    decide: decideAt(deps.settings, nowMs),
    completes: { kind: 'page', page: pageOf(frame, next) },
    unknownContacts: 'accept',
    recompute: 'later',
  } as const;
  // What changes just now is read by its id: that may fail for a while, as every other call.
  const applied = await asking(frame, step, () => applyWork(deps, work, call));
  if (applied.kind === 'lease-lost') throw takenOver();
  return next;
}

async function recomputeSome(frame: Frame, step: Step): Promise<Step> {
  const { deps, run } = frame;
  const nowMs = deps.clock.nowMs();
  // From here on the cache may correct what Intercom holds; a repetition after a crash changes nothing.
  await deps.store.setCoverage(coverageFromAt(frame));
  const { members, lastContactId } = await deps.store.recomputeMembers({
    afterContactId: step.checkpoint.after,
    limit: MEMBERS_PER_STEP,
    cause: { kind: 'backfill', ref: run.id },
    nowMs,
    decide: decideAt(deps.settings, nowMs),
  });
  const counted: Step = {
    checkpoint: { ...step.checkpoint, after: lastContactId },
    progress: {
      ...step.progress,
      phase: 'members',
      done: step.progress.done + members,
      total: step.progress.contacts,
    },
  };
  const next = lastContactId === null ? endOf(counted) : counted;
  await deps.store.advanceRun(pageOf(frame, next));
  return next;
}
