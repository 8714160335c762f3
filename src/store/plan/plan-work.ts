import type { QueuedChange, Reread, Work } from '../ports/cache.js';
import type { Subject } from '../ports/subject.js';
import { withKeptForms } from './contact-row.js';
import { updateMember } from './update-member.js';
import { createDraft, type Draft } from './draft.js';
import { learnChange, readsNeeded } from './learn.js';
import { nothingLearned, type Learned } from './learned.js';
import { settled } from './outbox-row.js';
import type { CacheSlice, SliceDiff } from './slice.js';

export type Plan =
  | {
      readonly kind: 'planned';
      readonly diff: SliceDiff;
      /** How many members were decided. */
      readonly members: number;
      readonly queued: readonly QueuedChange[];
      /** The payload that told of all this is about a deleted contact, and has to go. */
      readonly tellsOfDeleted: boolean;
      /** Personal data was erased. */
      readonly hasErased: boolean;
    }
  /** Nothing is to be saved: read these by id and plan again with what came back. */
  | { readonly kind: 'needs'; readonly reads: readonly Subject[] };

/** What a plan is made for; see {@link Work}. */
export type Planned = Pick<
  Work,
  'changes' | 'cause' | 'nowMs' | 'decide' | 'completes' | 'unknownContacts' | 'recompute'
> &
  Partial<Pick<Work, 'rereads' | 'members' | 'only'>>;

/**
 * The heart of the store: what became known → cached rows → decisions → waiting writes. Pure: the same slice and work
 * give the same plan, and nothing of the slice is changed.
 */
export function planWork(slice: CacheSlice, work: Planned): Plan {
  const draft = createDraft(slice);
  const learned = nothingLearned();
  for (const change of work.changes) learnChange(draft, learned, change, work.nowMs);
  const reads = readsNeeded(draft, learned, work.unknownContacts);
  if (reads.length > 0) return { kind: 'needs', reads };

  const named = new Set(work.members);
  const affected = new Set([...learned.affected, ...named]);
  if (work.completes.kind === 'write') {
    keepWhatWasSent(draft, work);
    affected.add(work.completes.contactId);
  }
  let members = 0;
  const added: QueuedChange[] = [];
  for (const contactId of affected) {
    const { cause, nowMs, only } = work;
    const decide = work.recompute === 'now' ? work.decide : null;
    const isNamed = named.has(contactId);
    const wanted = updateMember(draft, contactId, { cause, nowMs, decide, only, isNamed });
    if (wanted === null) continue;
    members += 1;
    added.push(...wanted);
  }
  const rereads = [...(work.rereads ?? []), ...readsOfRevived(learned, work.nowMs)];
  if (rereads.length > 0) draft.wakes.add('inbox');
  settleWrite(draft, work);
  return {
    kind: 'planned',
    diff: { ...draft.diff(), rereads, changesReports: draft.reportedOtherwise.size > 0 || learned.hasErased },
    members,
    queued: added,
    tellsOfDeleted: learned.tellsOfDeleted,
    hasErased: learned.hasErased,
  };
}

/** Before the decision, which must know what has reached Intercom and in which form. */
function keepWhatWasSent({ contacts, writes, slice }: Draft, { completes, nowMs }: Planned): void {
  if (completes.kind !== 'write') return;
  const { contactId, keptForms } = completes;
  const sent = slice.sent.map((write) => ({ ...write, settledAtMs: nowMs }));
  writes.markSent(contactId, sent);
  const row = contacts.get(contactId);
  if (row === undefined) return;
  const withForms = keptForms.length === 0 ? row : withKeptForms(row, keptForms);
  const first = sent.findLast(({ attribute }) => attribute === 'First Session Date');
  if (first === undefined && withForms === row) return;
  const ownFirstSessionAt = typeof first?.after === 'number' ? first.after : null;
  contacts.put(contactId, first === undefined ? withForms : { ...withForms, ownFirstSessionAt });
}

/** The attempt is over, or goes on with what is known now. */
function settleWrite({ outbox, writes, wakes }: Draft, { completes, nowMs }: Planned): void {
  if (completes.kind !== 'write') return;
  const { contactId, sentWriteIds, afterwards } = completes;
  const row = outbox.get(contactId);
  if (row === undefined) return;
  if (afterwards === 'keep') {
    writes.joinAttempt(contactId, nowMs);
    outbox.put(contactId, { ...row, outcomeUnknown: false });
    return;
  }
  const next = settled(row, writes.ready(contactId), { nowMs, hasSent: sentWriteIds.length > 0 });
  if (next === null) outbox.remove(contactId);
  else {
    outbox.put(contactId, next);
    wakes.add('writes');
  }
}

/** Deleting a contact has erased its conversations too: reading it again brings them back. */
function readsOfRevived({ revived }: Learned, nowMs: number): Reread[] {
  return [...revived].map((id) => ({
    dedupeKey: `revived:${id}:${nowMs}`,
    origin: 'reread',
    subject: { kind: 'contact', id },
    lane: id,
    dueAtMs: nowMs,
  }));
}
