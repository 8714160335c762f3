import { MAX_READS_AT_ONCE } from '../work/apply-work.js';
import { mapAtMost } from '../work/at-most.js';
import {
  allMembers,
  conversationsChangedSince,
  conversationsClosedSince,
  membersByChange,
  membersUpdatedSince,
  type Search,
  type SearchPage,
} from '../intercom/search.js';
import type { ContactFacts, ConversationFacts } from '../rules/facts.js';
import type { Authority, CacheChange } from '../store/ports/changes.js';
import type { Subject } from '../store/ports/subject.js';
import { readAlone, withParked } from './read-alone.js';
import { readSearch, type SearchPhase } from './read-pages.js';
import { enterPhase, INDEX_LAG_SECONDS, pageOf, tallied, type Frame, type Step } from './run-frame.js';
import {
  changedFromAt,
  closedFromAt,
  CONTACTS_BY_DAY,
  PARKED,
  phaseAfter,
  windowFromAt,
} from './sweep-scope.js';

/** Reads one page or batch of what Intercom holds, and keeps what the cache does not know. Null: not a reading phase. */
export async function readSome(frame: Frame, step: Step): Promise<Step | null> {
  const { phase } = step.checkpoint;
  switch (phase) {
    case PARKED:
      return readParked(frame, step);
    case 'contacts':
      return readContacts(frame, step, allMembers());
    case 'conversations':
      return readConversations(frame, step, conversationsChangedSince(await windowFromAt(frame)));
    case 'closed':
      return readClosed(frame, step, await closedFromAt(frame));
    case 'changed':
      return readConversations(frame, step, conversationsChangedSince(await changedFromAt(frame)));
    case 'changed contacts':
      return readChangedContacts(frame, step, await changedFromAt(frame));
    case CONTACTS_BY_DAY:
      return readContacts(frame, step, membersUpdatedSince(await changedFromAt(frame)));
    case 'unseen':
      return readUnseen(frame, step);
    default:
      return null;
  }
}

function readClosed(frame: Frame, step: Step, fromAt: number): Promise<Step> {
  const isOne = ({ lastCloseAt }: ConversationFacts): boolean =>
    lastCloseAt !== null && lastCloseAt >= fromAt;
  return readConversations(frame, step, conversationsClosedSince(fromAt), isOne);
}

function readContacts(frame: Frame, step: Step, search: Search): Promise<Step> {
  return readSearch(frame, step, {
    ...contactPhase(frame),
    search,
    nextPhase: phaseAfter(frame, step.checkpoint.phase),
    isWhole: step.checkpoint.phase === 'contacts',
  });
}

async function readConversations(
  frame: Frame,
  step: Step,
  search: Search,
  matches: (conversation: ConversationFacts) => boolean = () => true,
): Promise<Step> {
  const { phase } = step.checkpoint;
  return readSearch(frame, step, {
    search,
    ask: (one) => frame.deps.intercom.searchConversations(one, frame.call),
    kind: 'conversation',
    nextPhase: phaseAfter(frame, phase),
    isWhole: phase === 'conversations',
    matches,
    keep: keepWith(frame, 'conversation', (conversation, authority) => ({
      kind: 'conversation',
      conversation,
      authority,
    })),
  });
}

function contactPhase(frame: Frame): Pick<SearchPhase<ContactFacts>, 'ask' | 'kind' | 'keep'> {
  return {
    ask: (one) => frame.deps.intercom.searchContacts(one, frame.call),
    kind: 'contact',
    keep: keepWith(frame, 'contact', (contact, authority) => ({ kind: 'contact', contact, authority })),
  };
}

/** Last changed first, as far back as the cache may not know; its first page tells how many members there are. */
function readChangedContacts(frame: Frame, step: Step, fromAt: number): Promise<Step> {
  const { phase } = step.checkpoint;
  const nextPhase = phaseAfter(frame, phase);
  return readSearch(frame, step, {
    ...contactPhase(frame),
    search: membersByChange(),
    nextPhase,
    isWhole: false,
    phaseAfterEnough: (page) => {
      // The order is not promised for every version: then all that changed on the day and since is read.
      if (!isNewestFirst(page)) return CONTACTS_BY_DAY;
      const last = page.items.at(-1);
      return last !== undefined && last.updatedAt < fromAt ? nextPhase : null;
    },
    notes: ({ totalCount }) => (totalCount === null ? {} : { contacts: totalCount }),
  });
}

function isNewestFirst({ items }: SearchPage<ContactFacts>): boolean {
  return items.every((item, at) => at === 0 || item.updatedAt <= (items[at - 1]?.updatedAt ?? 0));
}

/** Keeps what a page shows and the cache does not know. */
function keepWith<Item>(
  frame: Frame,
  kind: Subject['kind'],
  learn: (item: Item, authority: Authority) => CacheChange,
): SearchPhase<Item>['keep'] {
  const { store, clock } = frame.deps;
  return ({ items, alone, seen, sentAtMs, page }) => {
    // The index lags by minutes: what it shows was so at least that long ago, and counts as read then.
    const authority = { kind: 'read', observedAtMs: sentAtMs - INDEX_LAG_SECONDS * 1000 } as const;
    return store.keepFound({
      page,
      changes: [...items.map((item) => learn(item, authority)), ...alone],
      seen: seen.map((id) => ({ kind, id })),
      nowMs: clock.nowMs(),
    });
  };
}

/** How many parked objects one run tries again. */
const TRIED_AGAIN = 50;

/** Objects that could not be read are read again, each when it is due. */
async function readParked(frame: Frame, step: Step): Promise<Step> {
  const { store, clock } = frame.deps;
  const due = await store.listDueObjects(clock.nowMs(), TRIED_AGAIN);
  const read: CacheChange[] = [];
  for (const subject of due) read.push(...((await readAlone(frame, subject)) ?? []));
  const { progress } = step;
  const asked = { ...step, progress: { ...progress, calls: progress.calls + due.length } };
  const next = enterPhase(withParked(frame, asked), phaseAfter(frame, step.checkpoint.phase));
  await store.keepFound({ page: pageOf(frame, next), changes: read, seen: [], nowMs: clock.nowMs() });
  return next;
}

/** How many cached objects are looked at in one step. */
const LOOKED_AT_PER_STEP = 1000;
/** How many are asked for by id at most in one run: the next one goes on. */
const MAX_UNSEEN = 5000;

/** What the cache holds and no search has shown is asked for by id: only that tells whether it is gone. */
async function readUnseen(frame: Frame, step: Step): Promise<Step> {
  const { deps, run, startedAt } = frame;
  const { phase, after, tally } = step.checkpoint;
  const changed = { fromAt: (await windowFromAt(frame)) + 1, untilAt: startedAt - INDEX_LAG_SECONDS };
  const limit = LOOKED_AT_PER_STEP;
  const { subjects, last } = await deps.store.listUnseen({ changed, after: readPlace(after), limit });
  const asked = tally['unseen'] ?? 0;
  const unseen = subjects.slice(0, MAX_UNSEEN - asked);
  if (unseen.length < subjects.length) deps.log.warn({ run: run.id, asked }, 'more objects have not come up');
  const read = await mapAtMost(MAX_READS_AT_ONCE, unseen, (subject) => readAlone(frame, subject));
  const counted = withParked(frame, tallied(step, { unseen: unseen.length }));
  const { progress } = counted;
  const moved: Step = {
    checkpoint: { ...counted.checkpoint, after: last === null ? after : `${last.kind}:${last.id}` },
    progress: {
      ...progress,
      phase,
      done: progress.done + (last === null ? 0 : limit),
      calls: progress.calls + unseen.length,
    },
  };
  const next = last === null ? enterPhase(moved, phaseAfter(frame, phase)) : moved;
  await deps.store.keepFound({
    page: pageOf(frame, next),
    changes: read.flatMap((changes) => changes ?? []),
    seen: [],
    nowMs: deps.clock.nowMs(),
  });
  return next;
}

function readPlace(after: string | null): Subject | null {
  if (after === null) return null;
  const colon = after.indexOf(':');
  return {
    kind: after.slice(0, colon) === 'contact' ? 'contact' : 'conversation',
    id: after.slice(colon + 1),
  };
}
