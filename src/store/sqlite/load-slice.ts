import type { Work } from '../ports/cache.js';
import { subjectOf } from '../ports/changes.js';
import { contactsGoneBy, contactsNamedBy } from '../named-contacts.js';
import type { Subject } from '../ports/subject.js';
import { REVERSAL_WITHIN_MS } from '../plan/damping.js';
import type { ContactRow, ConversationRow, LifecycleRow, SentWrite } from '../plan/rows.js';
import { keyOf } from '../ports/subject.js';
import type { CacheSlice, ContactFamily } from '../plan/slice.js';
import type { Tables } from './tables.js';

type Named = Pick<Work, 'changes' | 'nowMs'> & Partial<Pick<Work, 'members' | 'completes'>>;

/**
 * Loads everything that a work can touch.
 * @param families `of-gone`: the families of contacts that are deleted or merged, and no other; enough to tell what is new
 */
export function loadSlice(tables: Tables, work: Named, families: 'all' | 'of-gone' = 'all'): CacheSlice {
  const { meta, parkedObjects, timeZone } = tables;
  const { changes, members = [], completes, nowMs } = work;
  const conversations = new Map<string, ConversationRow | null>();
  const contacts = new Map<string, ContactRow | null>();
  const lifecycles = new Map<string, LifecycleRow | null>();
  const lifecycleOf = (subject: Subject): LifecycleRow | null => {
    const key = keyOf(subject);
    const known = lifecycles.get(key) ?? tables.lifecycles.find(subject.kind, subject.id) ?? null;
    lifecycles.set(key, known);
    return known;
  };
  const addContact = (id: string | null | undefined): void => {
    if (id === null || id === undefined || contacts.has(id)) return;
    contacts.set(id, tables.contacts.find(id) ?? null);
    // Always the last survivor: there is no chain to follow.
    addContact(lifecycleOf({ kind: 'contact', id })?.mergedIntoId);
  };

  const gone = new Set<string>();
  const parked = new Map<string, { readonly contactId: string | null } | null>();
  for (const change of changes) {
    const subject = subjectOf(change);
    parked.set(keyOf(subject), parkedObjects.ownerOf(subject) ?? null);
    lifecycleOf(subject);
    if (subject.kind === 'conversation' && !conversations.has(subject.id)) {
      const row = tables.conversations.find(subject.id) ?? null;
      conversations.set(subject.id, row);
      addContact(row?.contactId);
    }
    for (const id of contactsNamedBy(change)) addContact(id);
    for (const id of contactsGoneBy(change))
      gone.add(id).add(lifecycleOf({ kind: 'contact', id })?.mergedIntoId ?? id);
  }
  for (const id of members) addContact(id);
  if (completes?.kind === 'write') addContact(completes.contactId);

  const familyOf = (contactId: string): ContactFamily => {
    const rows = tables.conversations.ofContact(contactId);
    for (const row of rows) conversations.set(row.id, row);
    return {
      conversationIds: rows.map((row) => row.id),
      member: tables.members.find(contactId) ?? null,
      waiting: tables.writes.waiting(contactId),
      outbox: tables.outbox.find(contactId) ?? null,
      // Only what is wanted anew is looked up in these, and most events want nothing.
      get fights() {
        return tables.fights.ofContact(contactId);
      },
      get sent() {
        return tables.writes.sentSince(contactId, nowMs - REVERSAL_WITHIN_MS);
      },
      parkedCount: parkedObjects.countOf(contactId),
      absorbedIds: gone.has(contactId) ? tables.lifecycles.absorbedBy(contactId) : [],
    };
  };
  const ofWhom = families === 'all' ? [...contacts.keys()] : [...gone];
  return {
    timeZone,
    coverageFromAt: meta.read('coverage_from_at'),
    families: new Map(ofWhom.map((id) => [id, familyOf(id)])),
    contacts,
    conversations,
    lifecycles,
    sent: completes?.kind === 'write' ? sentBy(tables, completes) : [],
    parked,
    parkedOfAnybody: parkedObjects.countOfAnybody(),
  };
}

function sentBy(
  { writes }: Tables,
  { contactId, sentWriteIds }: Extract<Work['completes'], { kind: 'write' }>,
): readonly SentWrite[] {
  return writes.byIds(contactId, sentWriteIds);
}
