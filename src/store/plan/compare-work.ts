import type { Compared, Loss } from '../ports/cache.js';
import { isSameWish } from './align-writes.js';
import { askRules, findLiveUser } from './update-member.js';
import { createDraft, type Draft } from './draft.js';
import { learnChange, readsNeeded } from './learn.js';
import { nothingLearned } from './learned.js';
import type { Planned } from './plan-work.js';
import type { CacheSlice } from './slice.js';

/** What {@link planWork} would come to, for the members that the work names, beside what is about to be written anyway. */
export function compareWork(slice: CacheSlice, work: Planned): Exclude<Compared, { kind: 'lease-lost' }> {
  const { members = [], changes, nowMs, decide, only } = work;
  const before = createDraft(slice);
  const after = createDraft(slice);
  const learned = nothingLearned();
  for (const change of changes) learnChange(after, learned, change, nowMs);
  const reads = readsNeeded(after, learned, work.unknownContacts);
  if (reads.length > 0) return { kind: 'needs', reads };

  const differences = members.flatMap((contactId) => {
    const decision = askRules(after, contactId, decide);
    if (decision === null) return [];
    const wasSynced = typeof after.members.get(contactId)?.syncedAtMs === 'number';
    const isOnItsWay = after.outbox.get(contactId)?.state === 'ready';
    const waiting = isOnItsWay ? after.writes.ready(contactId) : [];
    return decision.changes
      .filter((change) => only === undefined || only.has(change.attribute))
      .filter((change) => !waiting.some((write) => isSameWish(write, change)))
      .map((change) => {
        const evidence = decision.evidence.find((one) => one.attribute === change.attribute);
        return { ...change, contactId, why: evidence?.because ?? '', wasSynced };
      });
  });
  const losses = members.flatMap((contactId) => lossOf(contactId, work, before, after) ?? []);
  return { kind: 'compared', members: members.length, differences, losses };
}

/** What the work takes from a member beside its attributes. */
function lossOf(contactId: string, { changes }: Planned, before: Draft, after: Draft): Loss | null {
  const member = before.members.get(contactId);
  if (member === undefined) return null;
  const lost = { contactId, wasSynced: member.syncedAtMs !== null };
  if (findLiveUser(after, contactId) === null) {
    const state = after.lifecycles.find('contact', contactId)?.state;
    if (state === 'deleted') return { ...lost, kind: 'erased' };
    return { ...lost, kind: state === 'merged' ? 'merged' : 'left' };
  }
  const losesSome = changes.some(
    (change) =>
      change.kind === 'conversation-deleted' && before.conversations.get(change.id)?.contactId === contactId,
  );
  return losesSome ? { ...lost, kind: 'conversation deleted' } : null;
}
