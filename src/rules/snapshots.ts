import type { ContactFacts, ConversationFacts } from './facts.js';
import { isUnreadable } from './held.js';
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

/** A snapshot that comes in. */
export interface IncomingSnapshot extends SnapshotVersion {
  /** True of the answer to a write of ours, which shows the object as the write has left it. A read, too. */
  readonly wasWritten: boolean;
}

/** Clocks differ, and what a sweep finds counts as seen a quarter of an hour before. */
const MAX_AHEAD_MS = 30 * 60_000;

/**
 * `take`: the incoming snapshot replaces the cached one · `keep`: it is older and is dropped · `same`: it says nothing
 * new (the cache then remembers the later read) · `read-again`: their times don't tell which is the later, and only
 * reading the object by id does.
 */
export type SnapshotVerdict = 'take' | 'keep' | 'same' | 'read-again';

/**
 * Judges an incoming snapshot against the cached one; `same` says whether their contents are equal. The later
 * `updated_at` wins, but not when it lies ahead of the moment at which it was seen: else it would win against
 * everything that comes after it. Then, and within one second, only a read can settle a difference: it is later than a
 * snapshot seen before it was sent. A read sent before the cached snapshot was seen is older than a later read, and
 * proves nothing against an event. The answer to a write is later than all that was seen before the write, whatever time
 * it gives: else the same would be written again and again.
 */
export function judgeSnapshot(
  cached: SnapshotVersion | null,
  incoming: IncomingSnapshot,
  same: boolean,
): SnapshotVerdict {
  if (isAhead(incoming) && !incoming.wasRead && !same) return 'read-again';
  if (cached === null || incoming.updatedAt > cached.updatedAt) return 'take';
  const isLaterRead = incoming.wasRead && incoming.seenAtMs >= cached.seenAtMs;
  if (incoming.updatedAt < cached.updatedAt) {
    if (isLaterRead && incoming.wasWritten) return 'take';
    if (!isAhead(cached)) return 'keep';
  }
  if (same) return 'same';
  if (!incoming.wasRead) return 'read-again';
  if (isLaterRead) return 'take';
  return cached.wasRead ? 'keep' : 'read-again';
}

function isAhead({ updatedAt, seenAtMs }: SnapshotVersion): boolean {
  return updatedAt * 1000 > seenAtMs + MAX_AHEAD_MS;
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
    KEPT_ATTRIBUTES.every(
      (name) =>
        (one.attributes[name] ?? null) === (other.attributes[name] ?? null) &&
        isUnreadable(one, name) === isUnreadable(other, name),
    )
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
    one.lastCloseAt === other.lastCloseAt &&
    one.hasWrongCloseTime === other.hasWrongCloseTime
  );
}
