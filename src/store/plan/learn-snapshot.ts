import {
  judgeSnapshot,
  type IncomingSnapshot,
  type SnapshotVerdict,
  type SnapshotVersion,
} from '../../rules/snapshots.js';
import type { Authority } from '../ports/changes.js';
import { keyOf, type Subject } from '../ports/subject.js';
import type { Draft } from './draft.js';
import type { Learned } from './learned.js';
import type { Seen } from './rows.js';

export type IncomingSeen = Omit<IncomingSnapshot, 'updatedAt'>;

/** When, and with which authority, a snapshot became known. */
export function seenBy(authority: Authority, nowMs: number): IncomingSeen {
  switch (authority.kind) {
    case 'read':
    case 'written':
      return {
        seenAtMs: authority.observedAtMs,
        wasRead: true,
        wasWritten: authority.kind === 'written',
      };
    case 'event':
    case 'search':
      return { seenAtMs: nowMs, wasRead: false, wasWritten: false };
  }
}

/**
 * Judges a snapshot, and remembers whether its object has to be read: by the last snapshot of it in this work, so that
 * the read which answers an earlier question settles it.
 */
export function judge(
  learned: Learned,
  subject: Subject,
  cached: SnapshotVersion | undefined,
  incoming: IncomingSnapshot,
  isSame: boolean,
): SnapshotVerdict {
  const verdict = judgeSnapshot(cached ?? null, incoming, isSame);
  if (verdict === 'read-again') learned.undecided.set(keyOf(subject), subject);
  else if (incoming.wasRead) learned.undecided.delete(keyOf(subject));
  return verdict;
}

/** False for what is known to be deleted, unless it was read since: then it was not deleted after all. */
export function isThere({ lifecycles }: Draft, learned: Learned, subject: Subject, seen: Seen): boolean {
  const known = lifecycles.find(subject.kind, subject.id);
  if (known?.state !== 'deleted') return true;
  if (subject.kind === 'contact') learned.tellsOfDeleted = true;
  if (!seen.wasRead) {
    learned.undecided.set(keyOf(subject), subject);
    return false;
  }
  learned.undecided.delete(keyOf(subject));
  // A read from before the deletion proves nothing; the deletion's time has whole seconds.
  if (seen.seenAtMs < (known.at + 1) * 1000) return false;
  lifecycles.forget(subject.kind, subject.id);
  if (subject.kind === 'contact') {
    learned.tellsOfDeleted = false;
    learned.revived.add(subject.id);
  }
  return true;
}

/** True for a read that is later than what is cached: the cache remembers it. */
export function isLaterRead(seen: Seen, cached: Seen | undefined): boolean {
  return seen.wasRead && seen.seenAtMs >= (cached?.seenAtMs ?? 0);
}
