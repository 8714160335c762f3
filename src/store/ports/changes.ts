import type { ContactFacts, ConversationFacts } from '../../rules/facts.js';
import type { Subject } from './subject.js';

/**
 * How a snapshot was obtained, which decides where times don't: `read` was asked for by id at `observedAtMs`, `written`
 * is the answer to a write that was sent then, and both are the last word; `event` (webhook) and `search` (index that
 * lags) are not.
 */
export type Authority =
  | { readonly kind: 'event' }
  | { readonly kind: 'search' }
  /** `observedAtMs`: when the request was sent. */
  | { readonly kind: 'read' | 'written'; readonly observedAtMs: number };

/** One thing that became known about Intercom. */
export type CacheChange =
  | { readonly kind: 'conversation'; readonly conversation: ConversationFacts; readonly authority: Authority }
  /** Leaves a tombstone: an `event` or `search` snapshot of it asks for a read, and only a `read` brings it back. */
  | { readonly kind: 'conversation-deleted'; readonly id: string }
  | { readonly kind: 'contact'; readonly contact: ContactFacts; readonly authority: Authority }
  /** `at`: event time; an older lifecycle event than the one known is ignored. */
  | { readonly kind: 'contact-archived'; readonly id: string; readonly at: number }
  | { readonly kind: 'contact-unarchived'; readonly id: string; readonly at: number }
  /**
   * Erases the contact's personal data everywhere and leaves a tombstone, as above: a late event must not bring it
   * back, while a contact that Intercom still answers with by id was not deleted at all.
   */
  | { readonly kind: 'contact-deleted'; readonly id: string }
  /** Erases and leaves a tombstone for `absorbedId`; its conversations move to `survivorId`. */
  | { readonly kind: 'contact-merged'; readonly absorbedId: string; readonly survivorId: string };

/** Why a maintained attribute came to be written; `ref` names the notification, run or null. */
export interface Cause {
  readonly kind: 'notification' | 'settle' | 'transition' | 'backfill' | 'sweep' | 'sync' | 'write-back';
  readonly ref: string | null;
}

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
