import type { Change, MemberDecision, MemberFacts } from '../../rules/facts.js';
import type { MaintainedAttribute } from '../../rules/vocabulary.js';
import type { Cause } from '../ports/changes.js';
import type { Decide, QueuedChange } from '../ports/cache.js';
import { contactFacts, type ContactRow } from './contacts.js';
import { storedDecision } from './members.js';
import { priorityOf } from './outbox.js';
import type { Tables } from './tables.js';

export interface RecomputeOptions {
  readonly cause: Cause;
  readonly nowMs: number;
  /** Null: only see to it that the contact is a member, or is none. */
  readonly decide: Decide | null;
  /** Only these attributes are brought in step; without it all of them are. */
  readonly only?: ReadonlySet<MaintainedAttribute> | undefined;
}

export interface Recomputed {
  /** False for a contact that is no member, and where no decision was asked for. */
  readonly isDecided: boolean;
  readonly queued: readonly QueuedChange[];
}

const NOT_DECIDED: Recomputed = { isDecided: false, queued: [] };

/**
 * Asks the rules about one contact as it is cached now, stores what they say, and brings its waiting writes in step.
 * Runs inside the caller's transaction.
 */
export function recomputeMember(tables: Tables, contactId: string, options: RecomputeOptions): Recomputed {
  const { members, meta, bell } = tables;
  const { cause, nowMs, decide, only } = options;
  const contact = findLiveUser(tables, contactId);
  meta.renewDataVersion();
  if (contact === null) {
    endMembership(tables, contactId, nowMs);
    return NOT_DECIDED;
  }
  if (decide === null) {
    members.addUndecided(contactId);
    showInReports(tables, contact);
    return NOT_DECIDED;
  }
  const coverageFromAt = coverageOf(tables, contactId);
  const facts = memberFacts(tables, contact, coverageFromAt);
  const before = members.find(contactId)?.nextChangeAt ?? null;
  const decision = decide(facts);
  members.save(contactId, decision, nowMs);
  // Before the first backfill has ended the rules leave alone what they can't know: that is not being right.
  if (decision.changes.length === 0 && coverageFromAt !== null) members.noteSynced(contactId, nowMs);
  tables.conversations.setReported(contactId, true);
  tables.reportedMembers.save(contact, facts.conversations, decision);
  const after = decision.nextChange?.at ?? null;
  if (after !== null && (before === null || after < before)) bell.ring('transitions');
  const changes = inScope(tables, contactId, decision.changes, only);
  return { isDecided: true, queued: alignWrites(tables, contactId, changes, cause, nowMs) };
}

/** How one member differs from what Intercom holds, beside what is about to be written anyway. Changes nothing. */
export function compareMember(
  tables: Tables,
  contactId: string,
  { decide, only }: { readonly decide: Decide; readonly only?: RecomputeOptions['only'] },
): { readonly decision: MemberDecision; readonly differences: readonly Change[] } | null {
  const contact = findLiveUser(tables, contactId);
  if (contact === null) return null;
  const decision = decide(memberFacts(tables, contact, coverageOf(tables, contactId)));
  const isOnItsWay = tables.outbox.isReady(contactId);
  const waiting = isOnItsWay ? tables.writes.ready(contactId) : [];
  const differences = decision.changes.filter(
    (change) =>
      (only === undefined || only.has(change.attribute)) &&
      !waiting.some((write) => isSameWish(write, change)),
  );
  return { decision, differences };
}

/** What is out of scope stays as it is, a write that waits included. */
function inScope(
  { writes }: Tables,
  contactId: string,
  changes: readonly Change[],
  only: RecomputeOptions['only'],
): readonly Change[] {
  if (only === undefined) return changes;
  const waiting = writes.waiting(contactId);
  return changes.filter(
    (change) => only.has(change.attribute) || waiting.some((write) => isSameWish(write, change)),
  );
}

function isSameWish(one: Change, other: Change): boolean {
  return one.attribute === other.attribute && one.after === other.after;
}

/** Brings what reports read of a member in step with its contact, its conversations and what the rules said last. */
export function showInReports(
  { conversations, members, reportedMembers }: Tables,
  contact: ContactRow,
): void {
  const row = members.find(contact.id);
  const decided = row === undefined || row.decidedAtMs === null ? null : storedDecision(row);
  conversations.setReported(contact.id, true);
  reportedMembers.save(contact, conversations.ofContact(contact.id), decided);
}

/** Null for a contact that is no member: unknown, a lead, archived, deleted or merged. */
export function findLiveUser({ contacts, lifecycles }: Tables, contactId: string): ContactRow | null {
  const row = contacts.find(contactId);
  if (row === undefined || row.role !== 'user') return null;
  const state = lifecycles.find('contact', contactId)?.state ?? 'live';
  return state === 'live' ? row : null;
}

/**
 * From where on everything is known about the contact. While a conversation that may be the contact's can't be read that
 * is nothing: it may be the very one that a value comes from, so no value is corrected downwards.
 */
function coverageOf({ meta, parkedObjects }: Tables, contactId: string): number | null {
  return parkedObjects.mayConcern(contactId) ? null : meta.read('coverage_from_at');
}

function memberFacts(tables: Tables, row: ContactRow, coverageFromAt: number | null): MemberFacts {
  return {
    contact: contactFacts(row),
    conversations: tables.conversations.ofContact(row.id),
    coverageFromAt,
    waiting: tables.writes
      .waiting(row.id)
      .map(({ attribute, before, after }) => ({ attribute, before, after })),
    ownFirstSessionAt: row.ownFirstSessionAt,
    keptForms: row.keptForms,
  };
}

/** What the contact is no longer to be: reported, or written. */
function endMembership(tables: Tables, contactId: string, nowMs: number): void {
  const { conversations, members, writes, outbox } = tables;
  members.remove(contactId);
  conversations.setReported(contactId, false);
  const waiting = writes.waiting(contactId).map((write) => write.id);
  writes.supersede(waiting, nowMs);
  outbox.dropIfEmpty(contactId, nowMs);
}

/**
 * A waiting write that is still wanted stays as it is, with its cause and its attempts, whether it waits, is held or
 * parked; the others give way to the newest wanted values.
 */
function alignWrites(
  { writes, outbox, fights }: Tables,
  contactId: string,
  changes: readonly Change[],
  cause: Cause,
  nowMs: number,
): QueuedChange[] {
  const waiting = writes.waiting(contactId);
  const superseded: number[] = [];
  for (const write of waiting) {
    const wanted = changes.find((change) => isSameWish(write, change));
    if (wanted === undefined) superseded.push(write.id);
    else if (wanted.before !== write.before) writes.setBefore(write.id, wanted.before);
  }
  // Before the new ones: an attribute has at most one waiting write.
  writes.supersede(superseded, nowMs);

  const added = changes.filter((change) => !waiting.some((write) => isSameWish(write, change)));
  let dueAtMs = Infinity;
  for (const change of added) {
    const pause = fights.judge(contactId, change, nowMs);
    writes.add(contactId, change, cause, nowMs, pause);
    dueAtMs = Math.min(dueAtMs, pause?.notBeforeMs ?? nowMs);
  }
  if (added.length > 0) outbox.queue(contactId, priorityOf(cause), { nowMs, dueAtMs });
  else outbox.dropIfEmpty(contactId, nowMs);
  return added.map(({ attribute, before, after }) => ({ attribute, before, after, contactId }));
}
