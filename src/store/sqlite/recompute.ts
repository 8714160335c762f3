import type { Change, MemberFacts } from '../../rules/facts.js';
import type { Cause, Decide, QueuedChange } from '../store.js';
import { contactFacts, type ContactRow } from './contacts.js';
import { storedDecision } from './members.js';
import { priorityOf } from './outbox.js';
import type { Tables } from './tables.js';

export interface RecomputeOptions {
  readonly cause: Cause;
  readonly nowMs: number;
  /** Null: only see to it that the contact is a member, or is none. */
  readonly decide: Decide | null;
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
  const { cause, nowMs, decide } = options;
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
  const facts = memberFacts(tables, contact, meta.read('coverage_from_at'));
  const before = members.find(contactId)?.nextChangeAt ?? null;
  const decision = decide(facts);
  members.save(contactId, decision, nowMs);
  tables.conversations.setReported(contactId, true);
  tables.reportedMembers.save(contact, facts.conversations, decision);
  const after = decision.nextChange?.at ?? null;
  if (after !== null && (before === null || after < before)) bell.ring('transitions');
  return { isDecided: true, queued: alignWrites(tables, contactId, decision.changes, cause, nowMs) };
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
function findLiveUser({ contacts, lifecycles }: Tables, contactId: string): ContactRow | null {
  const row = contacts.find(contactId);
  if (row === undefined || row.role !== 'user') return null;
  const state = lifecycles.find('contact', contactId)?.state ?? 'live';
  return state === 'live' ? row : null;
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
  { writes, outbox }: Tables,
  contactId: string,
  changes: readonly Change[],
  cause: Cause,
  nowMs: number,
): QueuedChange[] {
  const waiting = writes.waiting(contactId);
  const isWanted = (one: Change, change: Change): boolean =>
    one.attribute === change.attribute && one.after === change.after;

  const superseded: number[] = [];
  for (const write of waiting) {
    const wanted = changes.find((change) => isWanted(write, change));
    if (wanted === undefined) superseded.push(write.id);
    else if (wanted.before !== write.before) writes.setBefore(write.id, wanted.before);
  }
  // Before the new ones: an attribute has at most one waiting write.
  writes.supersede(superseded, nowMs);

  const added = changes.filter((change) => !waiting.some((write) => isWanted(write, change)));
  for (const change of added) writes.add(contactId, change, cause, nowMs);
  if (added.length > 0) outbox.queue(contactId, priorityOf(cause), nowMs);
  else outbox.dropIfEmpty(contactId, nowMs);
  return added.map(({ attribute, before, after }) => ({ attribute, before, after, contactId }));
}
