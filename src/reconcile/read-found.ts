import { isContradiction, MAX_READS_AT_ONCE, readSubject } from '../apply-work.js';
import { mapAtMost } from '../at-most.js';
import {
  allMembers,
  conversationsChangedSince,
  conversationsClosedSince,
  membersByChange,
  membersUpdatedSince,
  type Search,
  type SearchPage,
} from '../intercom/search.js';
import type { ContactFacts } from '../rules/facts.js';
import type { Authority, CacheChange, Subject } from '../store/store.js';
import { readPage, type PageRequest } from './read-pages.js';
import {
  asking,
  enterPhase,
  INDEX_LAG_SECONDS,
  pageOf,
  tallied,
  type Frame,
  type Step,
} from './run-frame.js';
import { changedFromAt, closedFromAt, CONTACTS_BY_DAY, phaseAfter, windowFromAt } from './sweep-scope.js';

/** Reads one page or batch of what Intercom holds, and keeps what the cache does not know. Null: not a reading phase. */
export async function readSome(frame: Frame, step: Step): Promise<Step | null> {
  const { phase } = step.checkpoint;
  switch (phase) {
    case 'contacts':
      return readContacts(frame, step, allMembers());
    case 'conversations':
      return readConversations(frame, step, conversationsChangedSince(await windowFromAt(frame)));
    case 'closed':
      return readConversations(frame, step, conversationsClosedSince(await closedFromAt(frame)));
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

function readContacts(frame: Frame, step: Step, search: Search): Promise<Step> {
  return keepPage(frame, step, {
    ask: () => frame.deps.intercom.searchContacts({ ...search, cursor: step.checkpoint.after }, frame.call),
    counts: 'contacts',
    nextPhase: phaseAfter(frame, step.checkpoint.phase),
    subject: 'contact',
    learn: (contact, authority) => ({ kind: 'contact', contact, authority }),
  });
}

function readConversations(frame: Frame, step: Step, search: Search): Promise<Step> {
  return keepPage(frame, step, {
    ask: () =>
      frame.deps.intercom.searchConversations({ ...search, cursor: step.checkpoint.after }, frame.call),
    counts: 'conversations',
    nextPhase: phaseAfter(frame, step.checkpoint.phase),
    subject: 'conversation',
    learn: (conversation, authority) => ({ kind: 'conversation', conversation, authority }),
  });
}

/** Last changed first, as far back as the cache may not know; its first page tells how many members there are. */
async function readChangedContacts(frame: Frame, step: Step, fromAt: number): Promise<Step> {
  const { phase, after } = step.checkpoint;
  const search = { ...membersByChange(), cursor: after };
  let isInOrder = true;
  const next = await keepPage(frame, step, {
    ask: async () => {
      const page = await frame.deps.intercom.searchContacts(search, frame.call);
      isInOrder = isNewestFirst(page);
      return page;
    },
    counts: 'contacts',
    nextPhase: phaseAfter(frame, phase),
    subject: 'contact',
    learn: (contact, authority) => ({ kind: 'contact', contact, authority }),
    isEnough: ({ items }) => !isInOrder || (items.at(-1)?.updatedAt ?? 0) < fromAt,
    tally: (page) => (after === null ? { contacts: page.totalCount } : {}),
  });
  // The order is not promised for every version: then all that changed on the day and since is read.
  return isInOrder ? next : enterPhase(next, CONTACTS_BY_DAY);
}

function isNewestFirst({ items }: SearchPage<ContactFacts>): boolean {
  return items.every((item, at) => at === 0 || item.updatedAt <= (items[at - 1]?.updatedAt ?? 0));
}

interface KeptPage<Item> extends PageRequest<Item> {
  readonly subject: Subject['kind'];
  readonly learn: (item: Item, authority: Authority) => CacheChange;
  readonly tally?: (page: SearchPage<Item>) => Readonly<Record<string, number>>;
}

async function keepPage<Item extends { readonly id: string }>(
  frame: Frame,
  step: Step,
  request: KeptPage<Item>,
): Promise<Step> {
  const { deps } = frame;
  const { page, sentAtMs, next: read } = await readPage(frame, step, request);
  const next = tallied(read, request.tally?.(page) ?? {});
  // The index lags by minutes: what it shows was so at least that long ago, and counts as read then.
  const authority = { kind: 'read', observedAtMs: sentAtMs - INDEX_LAG_SECONDS * 1000 } as const;
  await deps.store.keepFound({
    page: pageOf(frame, next),
    changes: page.items.map((item) => request.learn(item, authority)),
    seen: page.items.map(({ id }) => ({ kind: request.subject, id })),
    nowMs: deps.clock.nowMs(),
  });
  return next;
}

/** How many cached objects are looked at in one step. */
const LOOKED_AT_PER_STEP = 1000;
/** How many are asked for by id at most in one run: the next one goes on. */
const MOST_UNSEEN = 5000;

/** What the cache holds and no search has shown is asked for by id: only that tells whether it is gone. */
async function readUnseen(frame: Frame, step: Step): Promise<Step> {
  const { deps, run, startedAt } = frame;
  const { phase, after, tally } = step.checkpoint;
  const changed = { fromAt: (await windowFromAt(frame)) + 1, untilAt: startedAt - INDEX_LAG_SECONDS };
  const limit = LOOKED_AT_PER_STEP;
  const { subjects, last } = await deps.store.listUnseen({ changed, after: readPlace(after), limit });
  const asked = tally['unseen'] ?? 0;
  const unseen = subjects.slice(0, MOST_UNSEEN - asked);
  if (unseen.length < subjects.length) deps.log.warn({ run: run.id, asked }, 'more objects have not come up');
  const read = await readAll(frame, step, unseen);
  const counted = tallied(step, { unseen: unseen.length });
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
    changes: read.flat(),
    seen: [],
    nowMs: deps.clock.nowMs(),
  });
  return next;
}

/**
 * Reads all of them by id. One that fails for now ends the try for all that are left: then a single one is asked for
 * until it is answered, so that an outage costs one call, one line and one checkpoint for each pause, however many wait.
 */
async function readAll(frame: Frame, step: Step, subjects: readonly Subject[]): Promise<CacheChange[]> {
  const known = new Map<Subject, readonly CacheChange[]>();
  let isProbing = false;
  const read = async (subject: Subject): Promise<void> => {
    const changes = await readSubject(frame.deps, subject, frame.call).catch((error: unknown) => {
      if (!isContradiction(error)) throw error;
      // One that contradicts itself costs itself alone.
      const { kind, id } = subject;
      frame.deps.log.warn(
        { run: frame.run.id, [kind]: id, reason: error.message },
        'left as it is in the cache',
      );
      return [];
    });
    known.set(subject, changes);
  };
  const readOthers = async (): Promise<void> => {
    const left = subjects.filter((subject) => !known.has(subject));
    const probe = isProbing ? left.shift() : undefined;
    if (probe !== undefined) await read(probe);
    isProbing = true;
    await mapAtMost(MAX_READS_AT_ONCE, left, read);
  };
  await asking(frame, step, readOthers);
  return subjects.flatMap((subject) => known.get(subject) ?? []);
}

function readPlace(after: string | null): Subject | null {
  if (after === null) return null;
  const colon = after.indexOf(':');
  return {
    kind: after.slice(0, colon) === 'contact' ? 'contact' : 'conversation',
    id: after.slice(colon + 1),
  };
}
