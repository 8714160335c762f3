import { applyWork, decideAt } from '../work/apply-work.js';
import { allMembers, conversationsChangedSince } from '../intercom/search.js';
import type { ContactFacts, ConversationFacts } from '../rules/facts.js';
import type { CacheChange } from '../store/ports/changes.js';
import { refreshCoaches } from './refresh-coaches.js';
import { isThere, readThere } from './read-alone.js';
import { readSearch, type ReadPage, type SearchPhase } from './read-pages.js';
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
    const readConversations = (sinceAt: number, nextPhase: string, isWhole: boolean): Promise<Step> =>
      readSearch(frame, step, {
        search: conversationsChangedSince(sinceAt),
        ask: (search) => deps.intercom.searchConversations(search, call),
        kind: 'conversation',
        nextPhase,
        isWhole,
        keep: keepWith(frame, (conversation: ConversationFacts) => ({
          kind: 'conversation',
          conversation,
          authority: { kind: 'search' },
        })),
      });
    switch (step.checkpoint.phase) {
      case 'contacts':
        return readSearch(frame, step, {
          search: allMembers(),
          ask: (search) => deps.intercom.searchContacts(search, call),
          kind: 'contact',
          nextPhase: 'conversations',
          isWhole: true,
          keep: keepWith(frame, (contact: ContactFacts) => ({
            kind: 'contact',
            contact,
            authority: { kind: 'search' },
          })),
        });
      case 'conversations':
        return readConversations(coverageFromAt(frame), 'changed meanwhile', true);
      case 'changed meanwhile':
        return readConversations(startedAt - INDEX_LAG_SECONDS, 'members', false);
      default:
        return recomputeSome(frame, step);
    }
  },

  end: async ({ startedAt }) => ({ status: 'done', reason: null, sweptUntilAt: startedAt }),
};

function coverageFromAt({ run, startedAt }: Frame): number {
  return startedAt - Number(run.params['days']) * 86_400;
}

/** Takes a page into the cache. Nothing is erased here: what seems to be gone was never known, or a sweep finds it. */
function keepWith<Item>(frame: Frame, learn: (item: Item) => CacheChange): SearchPhase<Item>['keep'] {
  const { deps, run, call } = frame;
  return async ({ items, alone, page }: ReadPage<Item>) => {
    const nowMs = deps.clock.nowMs();
    const work = {
      changes: [...items.map(learn), ...alone.filter(isThere)],
      cause: { kind: 'backfill', ref: run.id },
      nowMs,
      decide: decideAt(deps.settings, nowMs),
      completes: { kind: 'page', page },
      unknownContacts: 'accept',
      recompute: 'later',
    } as const;
    // What changes just now is read by its id: that may fail for a while, as every other call.
    const applied = await asking(frame, () =>
      applyWork(deps, work, call, (subject) => readThere(frame, subject)),
    );
    if (applied.kind === 'lease-lost') throw takenOver();
  };
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
