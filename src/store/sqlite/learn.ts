import type { ContactFacts, ConversationFacts } from '../../rules/facts.js';
import { judgeSnapshot, sameContact, sameConversation } from '../../rules/snapshots.js';
import type { Authority, CacheChange, Subject } from '../store.js';
import { contactFacts } from './contacts.js';
import { conversationFacts } from './conversations.js';
import { eraseContact } from './erase.js';
import type { Tables } from './tables.js';

/** What applying changes to the cache has led to. */
export interface Learned {
  /** Contacts whose decision may be another one now. */
  readonly affected: Set<string>;
  /** Two different snapshots of one second: only reading the object tells which one is the later. */
  readonly undecided: Map<string, Subject>;
  /** Contacts that a conversation or an event names. */
  readonly named: Set<string>;
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
    hasErased: false,
    tellsOfDeleted: false,
  };
}

/** Applies one thing that became known to the cache, inside the caller's transaction. */
export function learnChange(tables: Tables, learned: Learned, change: CacheChange, nowMs: number): void {
  switch (change.kind) {
    case 'conversation':
      return learnConversation(tables, learned, change.conversation, observedAtMs(change.authority));
    case 'conversation-deleted':
      return deleteConversation(tables, learned, change.id, nowMs);
    case 'contact':
      return learnContact(tables, learned, change.contact, observedAtMs(change.authority));
    case 'contact-archived':
      return setArchived(tables, learned, change.id, 'archived', change.at);
    case 'contact-unarchived':
      return setArchived(tables, learned, change.id, 'live', change.at);
    case 'contact-deleted':
      return deleteContact(tables, learned, change.id, nowMs);
    case 'contact-merged':
      return mergeContact(tables, learned, change.absorbedId, change.survivorId, nowMs);
  }
}

/** What has to be read from Intercom before all this can be stored; what was read or ended in this work is settled. */
export function readsNeeded(
  tables: Tables,
  learned: Learned,
  changes: readonly CacheChange[],
  unknownContacts: 'ask' | 'accept',
): Subject[] {
  const settled = new Set(changes.flatMap(settledBy));
  const needed = new Map([...learned.undecided].filter(([key]) => !settled.has(key)));
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
  seen: ConversationFacts,
  seenAtMs: number | null,
): void {
  const { conversations, lifecycles } = tables;
  if (lifecycles.find('conversation', seen.id) !== undefined) return;
  // Intercom's older payloads go on naming the contact that was merged away.
  const contactId = seen.contactId === null ? null : lifecycles.survivorOf(seen.contactId);
  const conversation = { ...seen, contactId };
  if (contactId !== null && lifecycles.find('contact', contactId)?.state === 'deleted')
    learned.tellsOfDeleted = true;

  const cached = conversations.find(seen.id);
  const isSame = cached !== undefined && sameConversation(conversationFacts(cached), conversation);
  const incoming = { updatedAt: seen.updatedAt, observedAtMs: seenAtMs };
  switch (judgeSnapshot(cached ?? null, incoming, isSame)) {
    case 'take':
      if (typeof cached?.contactId === 'string') learned.affected.add(cached.contactId);
      if (contactId === null) conversations.save(conversation, seenAtMs);
      else if (lifecycles.find('contact', contactId)?.state === 'deleted') conversations.remove([seen.id]);
      else {
        conversations.save(conversation, seenAtMs);
        learned.affected.add(contactId);
        learned.named.add(contactId);
      }
      return;
    case 'same':
      if (isLater(seenAtMs, cached)) conversations.setObserved(seen.id, seenAtMs);
      if (contactId !== null) learned.named.add(contactId);
      return;
    case 'read-again':
      learned.undecided.set(...undecided({ kind: 'conversation', id: seen.id }));
      return;
    case 'keep':
      return;
  }
}

function learnContact(
  tables: Tables,
  learned: Learned,
  contact: ContactFacts,
  seenAtMs: number | null,
): void {
  const { contacts, lifecycles } = tables;
  const state = lifecycles.find('contact', contact.id)?.state;
  if (state === 'deleted') learned.tellsOfDeleted = true;
  if (state === 'deleted' || state === 'merged') return;

  const cached = contacts.find(contact.id);
  const isSame = cached !== undefined && sameContact(contactFacts(cached), contact);
  const incoming = { updatedAt: contact.updatedAt, observedAtMs: seenAtMs };
  switch (judgeSnapshot(cached ?? null, incoming, isSame)) {
    case 'take':
      contacts.save(contact, seenAtMs);
      learned.affected.add(contact.id);
      return;
    case 'same':
      if (isLater(seenAtMs, cached)) contacts.setObserved(contact.id, seenAtMs);
      return;
    case 'read-again':
      learned.undecided.set(...undecided({ kind: 'contact', id: contact.id }));
      return;
    case 'keep':
      return;
  }
}

function deleteConversation(
  { conversations, lifecycles }: Tables,
  learned: Learned,
  id: string,
  nowMs: number,
): void {
  const cached = conversations.find(id);
  if (typeof cached?.contactId === 'string') learned.affected.add(cached.contactId);
  conversations.remove([id]);
  const at = Math.floor(nowMs / 1000);
  lifecycles.record({ kind: 'conversation', id, state: 'deleted', at, mergedIntoId: null });
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
  learned.affected.add(id);
  if (state === 'live') learned.named.add(id);
}

function deleteContact(tables: Tables, learned: Learned, id: string, nowMs: number): void {
  eraseContact(tables, id, nowMs);
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
  const { contacts, conversations, lifecycles } = tables;
  const survivorId = lifecycles.survivorOf(survivor);
  const known = lifecycles.find('contact', absorbedId)?.state;
  // A second notice of the same merge, or one that would close a circle.
  if (known === 'deleted' || known === 'merged' || survivorId === absorbedId) return;
  if (lifecycles.find('contact', survivorId)?.state === 'deleted')
    return deleteContact(tables, learned, absorbedId, nowMs);

  conversations.move(absorbedId, survivorId);
  lifecycles.repoint(absorbedId, survivorId);
  const at = Math.floor(nowMs / 1000);
  lifecycles.record({ kind: 'contact', id: absorbedId, state: 'merged', at, mergedIntoId: survivorId });
  contacts.remove(absorbedId);
  learned.affected.add(absorbedId).add(survivorId);
  learned.named.add(survivorId);
}

/** A merged, archived or deleted contact is known well enough: nothing will be reported or written for it. */
function isKnown({ contacts, lifecycles }: Tables, contactId: string): boolean {
  if (contacts.find(contactId) !== undefined) return true;
  const state = lifecycles.find('contact', contactId)?.state;
  return state !== undefined && state !== 'live';
}

function settledBy(change: CacheChange): string[] {
  switch (change.kind) {
    case 'conversation':
      return change.authority.kind === 'read' ? [`conversation:${change.conversation.id}`] : [];
    case 'contact':
      return change.authority.kind === 'read' ? [`contact:${change.contact.id}`] : [];
    case 'conversation-deleted':
      return [`conversation:${change.id}`];
    case 'contact-deleted':
      return [`contact:${change.id}`];
    case 'contact-merged':
      return [`contact:${change.absorbedId}`];
    case 'contact-archived':
    case 'contact-unarchived':
      return [];
  }
}

function undecided(subject: Subject): [string, Subject] {
  return [keyOf(subject), subject];
}

function keyOf({ kind, id }: Subject): string {
  return `${kind}:${id}`;
}

function isLater(
  seenAtMs: number | null,
  cached?: { readonly observedAtMs: number | null },
): seenAtMs is number {
  return seenAtMs !== null && seenAtMs > (cached?.observedAtMs ?? 0);
}

/** Only an object that was asked for by id was seen at a known moment. */
function observedAtMs(authority: Authority): number | null {
  return authority.kind === 'read' ? authority.observedAtMs : null;
}
