import { isOfOtherWorkspace, readMeaning, readStored, type Meaning } from '../intercom/notification.js';
import type { Reread } from '../store/ports/cache.js';
import type { CacheChange } from '../store/ports/changes.js';
import type { InboxEntry } from '../store/ports/inbox.js';

/** What a notification tells. */
export type Learned =
  | {
      readonly kind: 'learned';
      readonly changes: readonly CacheChange[];
      readonly rereads: readonly Reread[];
      /** Set where the notification belongs to another workspace: then there is nothing to learn from it. */
      readonly otherWorkspaceId?: string;
    }
  | { readonly kind: 'unreadable'; readonly why: string };

/** What only Intercom itself can say. */
export type OpenMeaning = Extract<
  Meaning,
  { kind: 'read' | 'conversation' | 'contact' | 'contact-merged' | 'contact-unarchived' }
>;

/** What the payload of a notification tells by itself; `open` where that is not all: something has to be read. */
export function readPayload(
  { topic, createdAt, receivedAtMs }: InboxEntry,
  body: Uint8Array,
  ownWorkspaceId: string | null,
): Learned | { readonly kind: 'open'; readonly meaning: OpenMeaning } {
  const { item, appId } = readStored(body);
  // It came before our own workspace was known, or was parked then.
  if (isOfOtherWorkspace(appId, ownWorkspaceId)) return { ...learn(), otherWorkspaceId: appId };
  if (topic === null || item === null) return { kind: 'unreadable', why: 'no topic or no data.item' };
  const meaning = readMeaning(topic, item, createdAt ?? Math.floor(receivedAtMs / 1000));
  const authority = { kind: 'event' } as const;
  switch (meaning.kind) {
    case 'unreadable':
      return meaning;
    case 'ignored':
      return learn();
    case 'conversation':
      if (meaning.lacks.length > 0) return { kind: 'open', meaning };
      return learn({ kind: 'conversation', conversation: meaning.conversation, authority });
    case 'contact':
      if (meaning.lacks.length > 0) return { kind: 'open', meaning };
      return learn({ kind: 'contact', contact: meaning.contact, authority });
    case 'conversation-deleted':
    case 'contact-deleted':
      return learn({ kind: meaning.kind, id: meaning.id });
    case 'contact-archived':
      return learn({ kind: meaning.kind, id: meaning.id, at: meaning.at });
    case 'read':
    case 'contact-merged':
    case 'contact-unarchived':
      return { kind: 'open', meaning };
  }
}

function learn(...changes: readonly CacheChange[]): Extract<Learned, { kind: 'learned' }> {
  return { kind: 'learned', changes, rereads: [] };
}
