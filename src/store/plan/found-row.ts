import { subjectOf, type CacheChange } from '../ports/changes.js';
import type { Subject } from '../ports/subject.js';
import type { News } from './find-news.js';

/** Stands for the contact of a conversation that has none; behind the empty text and before every id. */
export const NOBODY = ' ';

/** What an unfinished run keeps of a change that the cache does not know yet. */
export interface FoundRow extends Subject {
  /** Whose it is, or {@link NOBODY}. */
  readonly contactId: string;
  /** Whose it was in the cache, where that is somebody else. */
  readonly formerContactId: string | null;
  /** Intercom's `updated_at`, Unix seconds; null for what is gone. */
  readonly updatedAt: number | null;
  readonly change: CacheChange;
}

/** The row by which news is kept until the run takes it in. */
export function foundRow({ change, subject, contactIds }: News): FoundRow {
  const contactId = ownerOf(change) ?? contactIds[0] ?? NOBODY;
  const formerContactId = contactIds.find((id) => id !== contactId) ?? null;
  return { ...subject, contactId, formerContactId, updatedAt: updatedAtOf(change), change };
}

/** Null where only the cache knows. */
function ownerOf(change: CacheChange): string | null {
  switch (change.kind) {
    case 'conversation':
      return change.conversation.contactId;
    case 'conversation-deleted':
      return null;
    case 'contact-merged':
      return change.survivorId;
    case 'contact':
    case 'contact-archived':
    case 'contact-unarchived':
    case 'contact-deleted':
      return subjectOf(change).id;
  }
}

function updatedAtOf(change: CacheChange): number | null {
  if (change.kind === 'conversation') return change.conversation.updatedAt;
  return change.kind === 'contact' ? change.contact.updatedAt : null;
}
