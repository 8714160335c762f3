import type { CacheChange, Subject } from './store.js';

/** What a change is about; of a merge the contact that is there no more. */
export function subjectOf(change: CacheChange): Subject {
  switch (change.kind) {
    case 'conversation':
      return { kind: 'conversation', id: change.conversation.id };
    case 'conversation-deleted':
      return { kind: 'conversation', id: change.id };
    case 'contact':
      return { kind: 'contact', id: change.contact.id };
    case 'contact-merged':
      return { kind: 'contact', id: change.absorbedId };
    case 'contact-archived':
    case 'contact-unarchived':
    case 'contact-deleted':
      return { kind: 'contact', id: change.id };
  }
}
