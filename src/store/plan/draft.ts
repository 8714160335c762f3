import type { ConversationFacts } from '../../rules/facts.js';
import type { WorkKind } from '../ports/store.js';
import { conversationFacts } from './conversation-row.js';
import type { ReportedMember } from './reported-member.js';
import { createDraftParked, type DraftParked } from './draft-parked.js';
import { createDraftWrites, type DraftWrites } from './draft-writes.js';
import { createRowSet, type RowSet } from './row-set.js';
import type { ContactRow, ConversationRow, FightRow, LifecycleRow, MemberRow, OutboxRow } from './rows.js';
import { keyOf } from '../ports/subject.js';
import type { CacheSlice, ContactFamily, PlanStep, SliceDiff } from './slice.js';

/** A working copy of a slice: what is put into it is seen by all that follows, and nothing of the slice changes. */
export interface Draft {
  readonly slice: CacheSlice;
  readonly contacts: RowSet<ContactRow>;
  readonly conversations: Omit<RowSet<ConversationRow>, 'changes'>;
  readonly lifecycles: LifecycleSet;
  readonly members: RowSet<MemberRow>;
  readonly reportedMembers: Map<string, ReportedMember>;
  /** Contacts of whom reports read something else than before. */
  readonly reportedOtherwise: Set<string>;
  readonly outbox: RowSet<OutboxRow>;
  readonly fights: FightSet;
  readonly writes: DraftWrites;
  readonly parked: DraftParked;
  readonly steps: PlanStep[];
  readonly wakes: Set<WorkKind>;
  /** All cached conversations of a contact. */
  readonly conversationsOf: (contactId: string) => ConversationRow[];
  readonly factsOf: (contactId: string) => ConversationFacts[];
  readonly moveConversations: (fromContactId: string, toContactId: string) => void;
  readonly absorbedBy: (contactId: string) => readonly string[];
  readonly diff: () => Omit<SliceDiff, 'rereads' | 'changesReports'>;
}

interface LifecycleSet {
  readonly find: (kind: LifecycleRow['kind'], id: string) => LifecycleRow | undefined;
  readonly record: (row: LifecycleRow) => void;
  readonly forget: (kind: LifecycleRow['kind'], id: string) => void;
  /** The contact that stands for `id` now: the survivor where it was merged, else itself. */
  readonly survivorOf: (id: string) => string;
}

export function createDraft(slice: CacheSlice): Draft {
  const contacts = createRowSet('the contact', slice.contacts);
  const rows = createRowSet('the conversation', slice.conversations);
  const lifecycleRows = createRowSet('the lifecycle of', slice.lifecycles);
  const members = createRowSet(
    'the member',
    ofFamilies(slice, (family) => family.member),
  );
  const outbox = createRowSet(
    'the outbox of',
    ofFamilies(slice, (family) => family.outbox),
  );
  const reportedMembers = new Map<string, ReportedMember>();
  const steps: PlanStep[] = [];
  const wakes = new Set<WorkKind>();
  const owned = new Map<string, Set<string>>();
  const familyOf = (contactId: string): ContactFamily => {
    const family = slice.families.get(contactId);
    if (family === undefined) throw new TypeError(`the family of contact ${contactId} was not loaded`);
    return family;
  };
  const ownedBy = (contactId: string): Set<string> => {
    const ids = owned.get(contactId) ?? new Set(slice.families.get(contactId)?.conversationIds);
    owned.set(contactId, ids);
    return ids;
  };
  const conversationsOf: Draft['conversationsOf'] = (contactId) => {
    familyOf(contactId);
    return [...ownedBy(contactId)].flatMap((id) => rows.get(id) ?? []);
  };
  const disown = (id: string): void => {
    const before = rows.get(id)?.contactId;
    if (typeof before === 'string') ownedBy(before).delete(id);
  };
  const conversations: Draft['conversations'] = {
    get: rows.get,
    put: (id, row) => {
      disown(id);
      if (row.contactId !== null) ownedBy(row.contactId).add(id);
      rows.put(id, row);
    },
    remove: (id) => {
      disown(id);
      rows.remove(id);
    },
  };
  const lifecycles: LifecycleSet = {
    find: (kind, id) => lifecycleRows.get(keyOf({ kind, id })),
    record: (row) => lifecycleRows.put(keyOf(row), row),
    forget: (kind, id) => lifecycleRows.remove(keyOf({ kind, id })),
    survivorOf: (id) => lifecycleRows.get(keyOf({ kind: 'contact', id }))?.mergedIntoId ?? id,
  };
  const absorbed = new Map<string, readonly string[]>();
  const absorbedBy: Draft['absorbedBy'] = (id) => absorbed.get(id) ?? familyOf(id).absorbedIds;
  const fights = createFights(slice);
  const writes = createDraftWrites(familyOf);
  const parked = createDraftParked(slice, familyOf);

  return {
    slice,
    contacts,
    conversations,
    lifecycles,
    members,
    reportedMembers,
    reportedOtherwise: new Set(),
    outbox,
    fights,
    writes,
    parked,
    steps,
    wakes,
    conversationsOf,
    factsOf: (contactId) => conversationsOf(contactId).map(conversationFacts),
    absorbedBy,

    moveConversations: (from, to) => {
      for (const row of conversationsOf(from)) conversations.put(row.id, { ...row, contactId: to });
      // Always the last survivor: following the pointer takes one step.
      for (const id of absorbedBy(from)) {
        const key = keyOf({ kind: 'contact', id });
        const row = slice.lifecycles.has(key) ? lifecycleRows.get(key) : undefined;
        if (row !== undefined) lifecycleRows.put(key, { ...row, mergedIntoId: to });
      }
      absorbed.set(to, [...absorbedBy(to), from, ...absorbedBy(from)]);
      absorbed.set(from, []);
    },

    diff: () => ({
      steps,
      contacts: contacts.changes(),
      conversations: rows.changes(),
      lifecycles: lifecycleRows.changes(),
      members: members.changes(),
      reportedMembers: [...reportedMembers.values()],
      outbox: outbox.changes(),
      fights: fights.changes(),
      writes: writes.changes(),
      released: parked.released(),
      wakes,
    }),
  };
}

function ofFamilies<Row>(
  { families }: CacheSlice,
  of: (family: ContactFamily) => Row | null,
): ReadonlyMap<string, Row | null> {
  return new Map([...families].map(([id, family]) => [id, of(family)]));
}

interface FightSet {
  readonly find: (contactId: string, attribute: FightRow['attribute']) => FightRow | undefined;
  readonly put: (row: FightRow) => void;
  readonly changes: () => readonly FightRow[];
}

function createFights({ families }: CacheSlice): FightSet {
  const changed = new Map<string, FightRow>();
  const key = (contactId: string, attribute: string): string => `${contactId} ${attribute}`;
  return {
    find: (contactId, attribute) =>
      changed.get(key(contactId, attribute)) ??
      families.get(contactId)?.fights.find((fight) => fight.attribute === attribute),
    put: (row) => {
      changed.set(key(row.contactId, row.attribute), row);
    },
    changes: () => [...changed.values()],
  };
}
