import type { ConversationFacts } from '../../rules/facts.js';
import { sameConversation } from '../../rules/snapshots.js';
import { keyOf, type Subject } from '../ports/subject.js';
import { conversationFacts, conversationRow } from './conversation-row.js';
import type { Draft } from './draft.js';
import { isLaterRead, isThere, judge, type IncomingSeen } from './learn-snapshot.js';
import type { Learned } from './learned.js';

/** Takes a conversation into the draft if it is later than the one known. */
export function learnConversation(
  draft: Draft,
  learned: Learned,
  shown: ConversationFacts,
  seen: IncomingSeen,
): void {
  const { conversations, lifecycles } = draft;
  const subject: Subject = { kind: 'conversation', id: shown.id };
  if (!isThere(draft, learned, subject, seen)) return;
  // Intercom's older payloads go on naming the contact that was merged away.
  const contactId = shown.contactId === null ? null : lifecycles.survivorOf(shown.contactId);
  const isOfDeleted = contactId !== null && lifecycles.find('contact', contactId)?.state === 'deleted';
  if (isOfDeleted) learned.tellsOfDeleted = true;

  const conversation = { ...shown, contactId };
  const cached = conversations.get(shown.id);
  const isSame = cached !== undefined && sameConversation(conversationFacts(cached), conversation);
  switch (judge(learned, subject, cached, { ...seen, updatedAt: shown.updatedAt }, isSame)) {
    case 'take':
      learned.news += 1;
      draft.parked.release(subject);
      if (typeof cached?.contactId === 'string') learned.affected.add(cached.contactId);
      if (isOfDeleted) conversations.remove(shown.id);
      else conversations.put(shown.id, conversationRow(conversation, seen));
      if (contactId !== null && !isOfDeleted) learned.affected.add(contactId);
      break;
    case 'same':
      draft.parked.release(subject);
      if (cached !== undefined && isLaterRead(seen, cached)) {
        const { seenAtMs, wasRead } = seen;
        conversations.put(shown.id, { ...cached, seenAtMs, wasRead });
      }
      break;
    case 'keep':
    case 'read-again':
      return;
  }
  if (contactId !== null && !isOfDeleted) learned.named.add(contactId);
}

export function deleteConversation(
  { conversations, lifecycles, parked }: Draft,
  learned: Learned,
  id: string,
  nowMs: number,
): void {
  const cached = conversations.get(id);
  if (typeof cached?.contactId === 'string') learned.affected.add(cached.contactId);
  if (cached !== undefined) learned.news += 1;
  conversations.remove(id);
  parked.release({ kind: 'conversation', id });
  const at = Math.floor(nowMs / 1000);
  lifecycles.record({ kind: 'conversation', id, state: 'deleted', at, mergedIntoId: null });
  learned.undecided.delete(keyOf({ kind: 'conversation', id }));
}
