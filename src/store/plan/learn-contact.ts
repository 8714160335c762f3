import type { ContactFacts } from '../../rules/facts.js';
import { sameContact } from '../../rules/snapshots.js';
import type { Subject } from '../ports/subject.js';
import { contactFacts, contactRow } from './contact-row.js';
import type { Draft } from './draft.js';
import { isLaterRead, isThere, judge, type IncomingSeen } from './learn-snapshot.js';
import type { Learned } from './learned.js';
import { personOf, type Person } from './person.js';

/** Takes a contact into the draft if it is later than the one known. */
export function learnContact(
  draft: Draft,
  learned: Learned,
  contact: ContactFacts,
  seen: IncomingSeen,
): void {
  const { contacts, lifecycles } = draft;
  const subject: Subject = { kind: 'contact', id: contact.id };
  if (lifecycles.find('contact', contact.id)?.state === 'merged') return;
  if (!isThere(draft, learned, subject, seen)) return;

  const cached = contacts.get(contact.id);
  const isSame = cached !== undefined && sameContact(contactFacts(cached), contact);
  switch (judge(learned, subject, cached, { ...seen, updatedAt: contact.updatedAt }, isSame)) {
    case 'take':
      learned.news += 1;
      if (cached !== undefined && isRenamed(cached, contact)) {
        draft.steps.push({
          kind: 'renamed',
          contactId: contact.id,
          former: personOf(cached),
          current: personOf(contact),
        });
      }
      draft.parked.release(subject);
      contacts.put(contact.id, contactRow(contact, seen, cached, draft.slice.timeZone));
      learned.affected.add(contact.id);
      return;
    case 'same':
      draft.parked.release(subject);
      if (cached !== undefined && isLaterRead(seen, cached)) {
        const { seenAtMs, wasRead } = seen;
        contacts.put(contact.id, { ...cached, seenAtMs, wasRead });
      }
      return;
    case 'keep':
    case 'read-again':
      return;
  }
}

/** An archived contact is no member, and keeps its history. */
export function setArchived(
  { lifecycles }: Draft,
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

function isRenamed(before: Person, after: Person): boolean {
  return before.name !== after.name || before.email !== after.email || before.externalId !== after.externalId;
}
