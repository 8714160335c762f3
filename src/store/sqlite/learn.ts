import type { ContactFacts, ConversationFacts } from '../../rules/facts.js';
import {
  judgeSnapshot,
  sameContact,
  sameConversation,
  type IncomingSnapshot,
  type SnapshotVerdict,
  type SnapshotVersion,
} from '../../rules/snapshots.js';
import type { Authority, CacheChange } from '../ports/changes.js';
import type { Subject } from '../ports/subject.js';
import { contactFacts, type Seen } from './contacts.js';
import { conversationFacts } from './conversations.js';
import { eraseContact } from './erase.js';
import type { Tables } from './tables.js';

type IncomingSeen = Omit<IncomingSnapshot, 'updatedAt'>;

/** What applying changes to the cache has led to. */
export interface Learned {
  /** Contacts whose decision may be another one now. */
  readonly affected: Set<string>;
  /**
   * Objects that only reading them by id settles: two different snapshots of one second or of no time that can be, or
   * a sign of life of what was deleted. What comes later in the same work may settle them.
   */
  readonly undecided: Map<string, Subject>;
  /** Contacts that a conversation or an event names. */
  readonly named: Set<string>;
  /** Contacts that Intercom answers with although they were taken for deleted: their conversations are missing. */
  readonly revived: Set<string>;
  /** How many changes told the cache something new. */
  news: number;
  /** A contact's personal data was erased. */
  hasErased: boolean;
  /** Some of it was about a deleted contact, so the payload that told of it has to go too. */
  tellsOfDeleted: boolean;
}

export function beginLearning(): Learned {
  return {
    affected: new Set(),
    undecided: new Map(),
    named: new Set(),
    revived: new Set(),
    news: 0,
    hasErased: false,
    tellsOfDeleted: false,
  };
}

/** Applies one thing that became known to the cache, inside the caller's transaction. */
export function learnChange(tables: Tables, learned: Learned, change: CacheChange, nowMs: number): void {
  switch (change.kind) {
    case 'conversation':
      return learnConversation(tables, learned, change.conversation, seenBy(change.authority, nowMs));
    case 'conversation-deleted':
      return deleteConversation(tables, learned, change.id, nowMs);
    case 'contact':
      return learnContact(tables, learned, change.contact, seenBy(change.authority, nowMs));
    case 'contact-archived':
      return setArchived(tables, learned, change.id, 'archived', notAhead(change.at, nowMs));
    case 'contact-unarchived':
      return setArchived(tables, learned, change.id, 'live', notAhead(change.at, nowMs));
    case 'contact-deleted':
      return deleteContact(tables, learned, change.id, nowMs);
    case 'contact-merged':
      return mergeContact(tables, learned, change.absorbedId, change.survivorId, nowMs);
  }
}

/** What has to be read from Intercom before all this can be stored. */
export function readsNeeded(tables: Tables, learned: Learned, unknownContacts: 'ask' | 'accept'): Subject[] {
  const needed = new Map(learned.undecided);
  if (unknownContacts === 'ask') {
    for (const id of learned.named) {
      const subject = { kind: 'contact', id } as const;
      if (!isKnown(tables, id)) needed.set(keyOf(subject), subject);
    }
  }
  return [...needed.values()];
}

function learnConversation(
  tables: Tables,
  learned: Learned,
  shown: ConversationFacts,
  seen: IncomingSeen,
): void {
  const { conversations, lifecycles } = tables;
  const subject: Subject = { kind: 'conversation', id: shown.id };
  if (!isThere(tables, learned, subject, seen)) return;
  // Intercom's older payloads go on naming the contact that was merged away.
  const contactId = shown.contactId === null ? null : lifecycles.survivorOf(shown.contactId);
  const isOfDeleted = contactId !== null && lifecycles.find('contact', contactId)?.state === 'deleted';
  if (isOfDeleted) learned.tellsOfDeleted = true;

  const conversation = { ...shown, contactId };
  const cached = conversations.find(shown.id);
  const isSame = cached !== undefined && sameConversation(conversationFacts(cached), conversation);
  switch (judge(learned, subject, cached, { ...seen, updatedAt: shown.updatedAt }, isSame)) {
    case 'take':
      learned.news += 1;
      tables.parkedObjects.release('conversation', shown.id);
      if (typeof cached?.contactId === 'string') learned.affected.add(cached.contactId);
      if (isOfDeleted) conversations.remove([shown.id]);
      else conversations.save(conversation, seen);
      if (contactId !== null && !isOfDeleted) learned.affected.add(contactId);
      break;
    case 'same':
      tables.parkedObjects.release('conversation', shown.id);
      if (isLaterRead(seen, cached)) conversations.setSeen(shown.id, seen);
      break;
    case 'keep':
    case 'read-again':
      return;
  }
  if (contactId !== null && !isOfDeleted) learned.named.add(contactId);
}

function learnContact(tables: Tables, learned: Learned, contact: ContactFacts, seen: IncomingSeen): void {
  const { contacts, lifecycles } = tables;
  const subject: Subject = { kind: 'contact', id: contact.id };
  if (lifecycles.find('contact', contact.id)?.state === 'merged') return;
  if (!isThere(tables, learned, subject, seen)) return;

  const cached = contacts.find(contact.id);
  const isSame = cached !== undefined && sameContact(contactFacts(cached), contact);
  switch (judge(learned, subject, cached, { ...seen, updatedAt: contact.updatedAt }, isSame)) {
    case 'take':
      learned.news += 1;
      if (cached !== undefined) tables.marks.rememberFormer(contact.id, cached, contact);
      tables.parkedObjects.release('contact', contact.id);
      contacts.save(contact, seen);
      learned.affected.add(contact.id);
      return;
    case 'same':
      tables.parkedObjects.release('contact', contact.id);
      if (isLaterRead(seen, cached)) contacts.setSeen(contact.id, seen);
      return;
    case 'keep':
    case 'read-again':
      return;
  }
}

/**
 * Judges a snapshot, and remembers whether its object has to be read: by the last snapshot of it in this work, so that
 * the read which answers an earlier question settles it.
 */
function judge(
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
function isThere({ lifecycles }: Tables, learned: Learned, subject: Subject, seen: Seen): boolean {
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

function deleteConversation(
  { conversations, lifecycles, parkedObjects }: Tables,
  learned: Learned,
  id: string,
  nowMs: number,
): void {
  const cached = conversations.find(id);
  if (typeof cached?.contactId === 'string') learned.affected.add(cached.contactId);
  if (cached !== undefined) learned.news += 1;
  conversations.remove([id]);
  parkedObjects.release('conversation', id);
  const at = Math.floor(nowMs / 1000);
  lifecycles.record({ kind: 'conversation', id, state: 'deleted', at, mergedIntoId: null });
  learned.undecided.delete(keyOf({ kind: 'conversation', id }));
}

function setArchived(
  { lifecycles }: Tables,
  learned: Learned,
  id: string,
  state: 'archived' | 'live',
  at: number,
): void {
  const known = lifecycles.find('contact', id);
  if (known?.state === 'deleted' || known?.state === 'merged') return;
  if (known !== undefined && at < known.at) return;
  lifecycles.record({ kind: 'contact', id, state, at, mergedIntoId: null });
  learned.news += 1;
  learned.affected.add(id);
  if (state === 'live') learned.named.add(id);
}

function deleteContact(tables: Tables, learned: Learned, id: string, nowMs: number): void {
  if (tables.lifecycles.find('contact', id)?.state !== 'deleted') learned.news += 1;
  eraseContact(tables, id, nowMs);
  learned.undecided.delete(keyOf({ kind: 'contact', id }));
  learned.revived.delete(id);
  learned.hasErased = true;
  learned.tellsOfDeleted = true;
}

function mergeContact(
  tables: Tables,
  learned: Learned,
  absorbedId: string,
  survivor: string,
  nowMs: number,
): void {
  const { contacts, conversations, lifecycles, marks, parkedObjects } = tables;
  const survivorId = lifecycles.survivorOf(survivor);
  const known = lifecycles.find('contact', absorbedId)?.state;
  // A second notice of the same merge, or one that would close a circle.
  if (known === 'deleted' || known === 'merged' || survivorId === absorbedId) return;
  if (lifecycles.find('contact', survivorId)?.state === 'deleted')
    return deleteContact(tables, learned, absorbedId, nowMs);

  conversations.move(absorbedId, survivorId);
  parkedObjects.release('contact', absorbedId);
  parkedObjects.move(absorbedId, survivorId);
  lifecycles.repoint(absorbedId, survivorId);
  const absorbed = contacts.find(absorbedId);
  marks.repoint(absorbedId, survivorId);
  if (absorbed !== undefined) marks.remember(survivorId, absorbed);
  const at = Math.floor(nowMs / 1000);
  lifecycles.record({ kind: 'contact', id: absorbedId, state: 'merged', at, mergedIntoId: survivorId });
  contacts.remove(absorbedId);
  learned.news += 1;
  learned.undecided.delete(keyOf({ kind: 'contact', id: absorbedId }));
  learned.affected.add(absorbedId).add(survivorId);
  learned.named.add(survivorId);
}

/** A merged, archived or deleted contact is known well enough: nothing will be reported or written for it. */
function isKnown({ contacts, lifecycles }: Tables, contactId: string): boolean {
  if (contacts.find(contactId) !== undefined) return true;
  const state = lifecycles.find('contact', contactId)?.state;
  return state !== undefined && state !== 'live';
}

function keyOf({ kind, id }: Subject): string {
  return `${kind}:${id}`;
}

function isLaterRead(seen: Seen, cached: Seen | undefined): boolean {
  return seen.wasRead && seen.seenAtMs >= (cached?.seenAtMs ?? 0);
}

/** An event that claims to be of the future must not outlive those that come after it. */
function notAhead(at: number, nowMs: number): number {
  return Math.min(at, Math.floor(nowMs / 1000));
}

function seenBy(authority: Authority, nowMs: number): IncomingSeen {
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
