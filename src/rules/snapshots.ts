import type { ContactFacts, ConversationFacts } from './facts.js';
import { KEPT_ATTRIBUTES } from './vocabulary.js';

/** Which version of an object a snapshot shows. */
export interface SnapshotVersion {
  /** Intercom's `updated_at`: whole Unix seconds, so several versions can share one. */
  readonly updatedAt: number;
  /**
   * Milliseconds. Of a read: when the object was asked for, so it shows everything that happened before. Of an event
   * or a search: when the cache took it in, so it shows something that happened before.
   */
  readonly seenAtMs: number;
  /** True when the object was asked for by id; events arrive in any order, and the search index lags. */
  readonly wasRead: boolean;
}

/**
 * `take`: the incoming snapshot replaces the cached one · `keep`: it is older and is dropped · `same`: it says nothing
 * new (the cache then remembers the later read) · `read-again`: both are of one second and differ, and only reading
 * the object by id tells which is the later.
 */
export type SnapshotVerdict = 'take' | 'keep' | 'same' | 'read-again';

/**
 * Judges an incoming snapshot against the cached one; `same` says whether their contents are equal. Within one second
 * only a read can settle a difference: it is later than a snapshot seen before it was sent. A read sent before the
 * cached snapshot was seen is older than a later read, and proves nothing against an event.
 */
export function judgeSnapshot(
  cached: SnapshotVersion | null,
  incoming: SnapshotVersion,
  same: boolean,
): SnapshotVerdict {
  if (cached === null || incoming.updatedAt > cached.updatedAt) return 'take';
  if (incoming.updatedAt < cached.updatedAt) return 'keep';
  if (same) return 'same';
  if (!incoming.wasRead) return 'read-again';
  if (incoming.seenAtMs >= cached.seenAtMs) return 'take';
  return cached.wasRead ? 'keep' : 'read-again';
}

/** Whether two snapshots of a contact say the same in all that the rules and reports use. */
export function sameContact(one: ContactFacts, other: ContactFacts): boolean {
  return (
    one.id === other.id &&
    one.role === other.role &&
    one.externalId === other.externalId &&
    one.name === other.name &&
    one.email === other.email &&
    one.createdAt === other.createdAt &&
    one.updatedAt === other.updatedAt &&
    KEPT_ATTRIBUTES.every((name) => (one.attributes[name] ?? null) === (other.attributes[name] ?? null))
  );
}

/** Whether two snapshots of a conversation say the same in all that the rules and reports use. */
export function sameConversation(one: ConversationFacts, other: ConversationFacts): boolean {
  return (
    one.id === other.id &&
    one.contactId === other.contactId &&
    one.createdAt === other.createdAt &&
    one.updatedAt === other.updatedAt &&
    one.state === other.state &&
    one.channel === other.channel &&
    one.serviceCode === other.serviceCode &&
    one.coachId === other.coachId &&
    one.lastCloseAt === other.lastCloseAt
  );
}
