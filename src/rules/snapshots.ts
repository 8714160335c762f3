import type { ContactFacts, ConversationFacts } from './facts.js';
import { KEPT_ATTRIBUTES } from './vocabulary.js';

/** Which version of an object a snapshot shows. */
export interface SnapshotVersion {
  /** Intercom's `updated_at`: whole Unix seconds, so several versions can share one. */
  readonly updatedAt: number;
  /** When the object was asked for by id, milliseconds; null for a snapshot from an event or a search. */
  readonly observedAtMs: number | null;
}

/**
 * `take`: the incoming snapshot replaces the cached one · `keep`: it is older and is dropped · `same`: it says nothing
 * new (the cache then remembers the later `observedAtMs` of the two) · `read-again`: both are of one second and differ,
 * and only reading the object by id tells which is the later.
 */
export type SnapshotVerdict = 'take' | 'keep' | 'same' | 'read-again';

/**
 * Judges an incoming snapshot against the cached one; `same` says whether their contents are equal. Within one second a
 * read is the last word, and of two reads the one that was sent later.
 */
export function judgeSnapshot(
  cached: SnapshotVersion | null,
  incoming: SnapshotVersion,
  same: boolean,
): SnapshotVerdict {
  if (cached === null || incoming.updatedAt > cached.updatedAt) return 'take';
  if (incoming.updatedAt < cached.updatedAt) return 'keep';
  if (same) return 'same';
  if (incoming.observedAtMs === null) return 'read-again';
  return cached.observedAtMs !== null && cached.observedAtMs > incoming.observedAtMs ? 'keep' : 'take';
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
