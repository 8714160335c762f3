import { subjectOf, type CacheChange } from './ports/changes.js';

/** Contacts that a change names itself; null for a conversation of nobody. */
export function contactsNamedBy(change: CacheChange): readonly (string | null)[] {
  switch (change.kind) {
    case 'conversation':
      return [change.conversation.contactId];
    case 'conversation-deleted':
      return [];
    case 'contact-merged':
      return [change.absorbedId, change.survivorId];
    case 'contact':
    case 'contact-archived':
    case 'contact-unarchived':
    case 'contact-deleted':
      return [subjectOf(change).id];
  }
}

/** Contacts that are deleted or merged by it. */
export function contactsGoneBy(change: CacheChange): readonly string[] {
  if (change.kind === 'contact-merged') return [change.absorbedId, change.survivorId];
  return change.kind === 'contact-deleted' ? [change.id] : [];
}
