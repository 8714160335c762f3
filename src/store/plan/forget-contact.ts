import type { Draft } from './draft.js';
import type { Learned } from './learned.js';
import { personOf } from './person.js';
import { isUnderWay } from './outbox-row.js';
import { keyOf } from '../ports/subject.js';

/**
 * Erases a contact for good: what is cached of it and of its conversations, stored payloads, and who its writes were
 * about. What stays is that there was a contact with this id, so that no late notification brings it back, hashes by
 * which it is recognized in later payloads, and the audit without names.
 */
export function deleteContact(draft: Draft, learned: Learned, id: string, nowMs: number): void {
  const { contacts, conversations, lifecycles, members, outbox, parked, reportedMembers, writes } = draft;
  const before = lifecycles.find('contact', id)?.state;
  const cached = contacts.get(id);
  const conversationIds = draft.conversationsOf(id).map((row) => row.id);
  if (before !== 'deleted') learned.news += 1;
  draft.steps.push({
    kind: 'erased',
    contactIds: [id, ...draft.absorbedBy(id)],
    conversationIds,
    person: cached === undefined ? null : personOf(cached),
    isNew: before !== 'deleted' || cached !== undefined,
    wasKnown: cached !== undefined || before !== undefined || conversationIds.length > 0,
  });
  draft.wakes.add('erasure');
  writes.supersede(id, writes.waiting(id));
  const row = outbox.get(id);
  if (row !== undefined && !isUnderWay(row, nowMs)) outbox.remove(id);
  parked.forget(id);
  for (const conversationId of conversationIds) conversations.remove(conversationId);
  contacts.remove(id);
  members.remove(id);
  reportedMembers.delete(id);
  lifecycles.record({
    kind: 'contact',
    id,
    state: 'deleted',
    at: Math.floor(nowMs / 1000),
    mergedIntoId: null,
  });
  learned.undecided.delete(keyOf({ kind: 'contact', id }));
  learned.revived.delete(id);
  learned.hasErased = true;
  learned.tellsOfDeleted = true;
}

/** Everything of the absorbed contact becomes the survivor's; a late sign of the absorbed one means the survivor. */
export function mergeContact(
  draft: Draft,
  learned: Learned,
  absorbedId: string,
  survivor: string,
  nowMs: number,
): void {
  const { contacts, lifecycles, parked, members, reportedMembers } = draft;
  const survivorId = lifecycles.survivorOf(survivor);
  const known = lifecycles.find('contact', absorbedId)?.state;
  // Merged into somebody, it is not there any more: no sign of life need be looked into.
  learned.undecided.delete(keyOf({ kind: 'contact', id: absorbedId }));
  // A second notice of the same merge, or one that would close a circle.
  if (known === 'deleted' || known === 'merged' || survivorId === absorbedId) return;
  if (lifecycles.find('contact', survivorId)?.state === 'deleted')
    return deleteContact(draft, learned, absorbedId, nowMs);

  const absorbed = contacts.get(absorbedId);
  draft.steps.push({
    kind: 'merged',
    absorbedId,
    survivorId,
    absorbed: absorbed === undefined ? null : personOf(absorbed),
  });
  draft.moveConversations(absorbedId, survivorId);
  parked.release({ kind: 'contact', id: absorbedId });
  parked.move(absorbedId, survivorId);
  const at = Math.floor(nowMs / 1000);
  lifecycles.record({ kind: 'contact', id: absorbedId, state: 'merged', at, mergedIntoId: survivorId });
  contacts.remove(absorbedId);
  members.remove(absorbedId);
  reportedMembers.delete(absorbedId);
  learned.news += 1;
  learned.affected.add(absorbedId).add(survivorId);
  learned.named.add(survivorId);
}
