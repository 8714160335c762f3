import { AppError } from '../../errors.js';
import { contactsGoneBy, contactsNamedBy } from '../named-contacts.js';
import type { CacheSlice } from '../plan/slice.js';
import type { Work } from '../ports/cache.js';
import { subjectOf } from '../ports/changes.js';
import { keyOf, type Subject } from '../ports/subject.js';
import type { Unit } from './database.js';
import { lockObjects } from './locks.js';
import { readSlice, type Wanted } from './read-slice.js';

export type Named = Pick<Work, 'changes' | 'nowMs'> & Partial<Pick<Work, 'members' | 'completes'>>;

/** What is found behind the locks is nearly always what was found before them. */
const MAX_LOADS = 5;

/**
 * Loads everything that a work can touch, and keeps others away from it until the end of the transaction.
 * @param families `of-gone`: the families of contacts that are deleted or merged, and no other; enough to tell what is new
 */
export async function loadSlice(
  unit: Unit,
  timeZone: string,
  work: Named,
  families: 'all' | 'of-gone' = 'all',
): Promise<CacheSlice> {
  const named = nameObjects(work);
  let contactIds = await findContacts(unit, named.contactIds, named.conversationIds);
  let locked = new Set([...contactIds, ...named.conversationIds]);
  await lockObjects(unit, [...locked]);
  for (let loads = 1; loads <= MAX_LOADS; loads += 1) {
    const slice = await readSlice(unit, { ...named, contactIds, timeZone, families });
    // Before they were locked somebody may have given a conversation to another contact, or merged one.
    const more = closedOver(slice, named.conversationIds).filter((id) => !contactIds.includes(id));
    if (more.length === 0) return slice;
    contactIds = [...contactIds, ...more];
    await lockObjects(
      unit,
      more.filter((id) => !locked.has(id)),
    );
    locked = new Set([...locked, ...more]);
  }
  throw new AppError('store_unavailable', 'later', 'the contacts of a piece of work keep changing');
}

function nameObjects({ changes, members = [], completes, nowMs }: Named): Wanted {
  const contactIds = new Set(members);
  const conversationIds = new Set<string>();
  const goneIds = new Set<string>();
  const subjects = new Map<string, Subject>();
  for (const change of changes) {
    const subject = subjectOf(change);
    subjects.set(keyOf(subject), subject);
    if (subject.kind === 'conversation') conversationIds.add(subject.id);
    for (const id of contactsNamedBy(change)) if (id !== null) contactIds.add(id);
    for (const id of contactsGoneBy(change)) goneIds.add(id);
  }
  if (completes?.kind === 'write') contactIds.add(completes.contactId);
  return {
    contactIds: [...contactIds],
    conversationIds: [...conversationIds],
    goneIds: [...goneIds],
    subjects: [...subjects.values()],
    sent: completes?.kind === 'write' ? completes : null,
    nowMs,
  };
}

/** With those that the conversations belong to, and the survivors of those that were merged: always the last ones. */
async function findContacts(
  unit: Unit,
  contactIds: readonly string[],
  conversationIds: readonly string[],
): Promise<string[]> {
  const rows = await unit.rows<{ readonly id: string }>(
    `with named (id) as (
       select unnest(@contactIds::text[])
       union select contact_id from conversations where id = any (@conversationIds) and contact_id is not null)
     select id from named
     union select merged_into_id from lifecycles
       where kind = 'contact' and id in (select id from named) and merged_into_id is not null`,
    { contactIds, conversationIds },
  );
  return rows.map(({ id }) => id);
}

/** The contacts that have to be in the slice, as it is now. */
function closedOver({ conversations, lifecycles }: CacheSlice, conversationIds: readonly string[]): string[] {
  const owners = conversationIds.flatMap((id) => conversations.get(id)?.contactId ?? []);
  const survivors = [...lifecycles.values()].flatMap((row) => row?.mergedIntoId ?? []);
  return [...new Set([...owners, ...survivors])];
}
