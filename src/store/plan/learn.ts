import type { CacheChange } from '../ports/changes.js';
import { keyOf, type Subject } from '../ports/subject.js';
import type { Draft } from './draft.js';
import { deleteContact, mergeContact } from './forget-contact.js';
import { learnContact, setArchived } from './learn-contact.js';
import { deleteConversation, learnConversation } from './learn-conversation.js';
import { seenBy } from './learn-snapshot.js';
import type { Learned } from './learned.js';

/** Applies one thing that became known to the draft, and notes in `learned` what that has led to. */
export function learnChange(draft: Draft, learned: Learned, change: CacheChange, nowMs: number): void {
  switch (change.kind) {
    case 'conversation':
      return learnConversation(draft, learned, change.conversation, seenBy(change.authority, nowMs));
    case 'conversation-deleted':
      return deleteConversation(draft, learned, change.id, nowMs);
    case 'contact':
      return learnContact(draft, learned, change.contact, seenBy(change.authority, nowMs));
    case 'contact-archived':
      return setArchived(draft, learned, change.id, 'archived', notAhead(change.at, nowMs));
    case 'contact-unarchived':
      return setArchived(draft, learned, change.id, 'live', notAhead(change.at, nowMs));
    case 'contact-deleted':
      return deleteContact(draft, learned, change.id, nowMs);
    case 'contact-merged':
      return mergeContact(draft, learned, change.absorbedId, change.survivorId, nowMs);
  }
}

/** What has to be read from Intercom before all this can be stored. */
export function readsNeeded(draft: Draft, learned: Learned, unknownContacts: 'ask' | 'accept'): Subject[] {
  const needed = new Map(learned.undecided);
  if (unknownContacts === 'ask') {
    for (const id of learned.named) {
      const subject = { kind: 'contact', id } as const;
      if (!isKnown(draft, id)) needed.set(keyOf(subject), subject);
    }
  }
  return [...needed.values()];
}

/** An event that claims to be of the future must not outlive those that come after it. */
function notAhead(at: number, nowMs: number): number {
  return Math.min(at, Math.floor(nowMs / 1000));
}

/** A merged, archived or deleted contact is known well enough: nothing will be reported or written for it. */
function isKnown({ contacts, lifecycles }: Draft, contactId: string): boolean {
  if (contacts.get(contactId) !== undefined) return true;
  const state = lifecycles.find('contact', contactId)?.state;
  return state !== undefined && state !== 'live';
}
