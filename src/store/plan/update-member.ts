import type { MemberDecision, MemberFacts } from '../../rules/facts.js';
import type { MaintainedAttribute } from '../../rules/vocabulary.js';
import type { Decide, QueuedChange } from '../ports/cache.js';
import type { Cause } from '../ports/changes.js';
import { alignWrites, dropIfEmpty, inScope } from './align-writes.js';
import { contactFacts } from './contact-row.js';
import type { Draft } from './draft.js';
import { memberRow, storedDecision, undecidedMember } from './member-row.js';
import { isReportedAlike } from './reported-alike.js';
import { reportedMember } from './reported-member.js';
import type { ContactRow } from './rows.js';

interface DecideOptions {
  readonly cause: Cause;
  readonly nowMs: number;
  /** Null: only see to it that the contact is a member, or is none. */
  readonly decide: Decide | null;
  /** Only these attributes are brought in step; without it all of them are. */
  readonly only: ReadonlySet<MaintainedAttribute> | undefined;
  /** It was asked for, not only touched: what reports read is worked out again in any case. */
  readonly isNamed: boolean;
}

/**
 * Asks the rules about one contact as the draft has it, keeps what they say, and brings its waiting writes in step.
 * @returns the changes that are wanted anew; null for a contact that is no member, and where no decision was asked for
 */
export function updateMember(
  draft: Draft,
  contactId: string,
  { cause, nowMs, decide, only, isNamed }: DecideOptions,
): readonly QueuedChange[] | null {
  const { members, wakes } = draft;
  const contact = findLiveUser(draft, contactId);
  if (contact === null) {
    endMembership(draft, contactId, nowMs);
    return null;
  }
  const before = members.get(contactId);
  if (decide === null) {
    if (before === undefined) members.put(contactId, undecidedMember(contactId));
    showInReports(draft, contact, isNamed);
    return null;
  }
  const facts = memberFacts(draft, contact);
  const decision = decide(facts);
  // Before the first backfill has ended the rules leave alone what they can't know: that is not being right.
  const isRight = decision.changes.length === 0 && facts.coverageFromAt !== null;
  const row = memberRow(contactId, decision, before, { nowMs, isRight });
  if (row !== before) members.put(contactId, row);
  showInReports(draft, contact, isNamed);
  const [was, is] = [before?.nextChangeAt ?? null, decision.nextChange?.at ?? null];
  if (is !== null && (was === null || is < was)) wakes.add('transitions');
  return alignWrites(draft, contactId, inScope(draft, contactId, decision.changes, only), { cause, nowMs });
}

/** What the rules say of one contact; nothing is kept. Null for a contact that is no member. */
export function askRules(draft: Draft, contactId: string, decide: Decide): MemberDecision | null {
  const contact = findLiveUser(draft, contactId);
  return contact === null ? null : decide(memberFacts(draft, contact));
}

/** Null for a contact that is no member: unknown, a lead, archived, deleted or merged. */
export function findLiveUser({ contacts, lifecycles }: Draft, contactId: string): ContactRow | null {
  const row = contacts.get(contactId);
  if (row === undefined || row.role !== 'user') return null;
  const state = lifecycles.find('contact', contactId)?.state ?? 'live';
  return state === 'live' ? row : null;
}

/** Brings what reports read of a member in step with its contact, its conversations and what the rules said last. */
function showInReports(draft: Draft, contact: ContactRow, isNamed: boolean): void {
  const { members, reportedMembers, reportedOtherwise, slice } = draft;
  reportConversations(draft, contact.id, true);
  if (!isNamed && isReportedAlike(draft, contact.id)) return;
  reportedOtherwise.add(contact.id);
  const row = members.get(contact.id);
  const decided = row === undefined || row.decidedAtMs === null ? null : storedDecision(row);
  reportedMembers.set(
    contact.id,
    reportedMember(contact, draft.factsOf(contact.id), decided, slice.timeZone),
  );
}

function reportConversations(draft: Draft, contactId: string, isMember: boolean): void {
  for (const row of draft.conversationsOf(contactId)) {
    const reportedAt = isMember ? row.sessionAt : null;
    if (row.reportedAt !== reportedAt) draft.conversations.put(row.id, { ...row, reportedAt });
  }
}

/**
 * From where on everything is known about the contact. While a conversation that may be the contact's can't be read that
 * is nothing: it may be the very one that a value comes from, so no value is corrected downwards.
 */
function coverageOf({ parked, slice }: Draft, contactId: string): number | null {
  return parked.mayConcern(contactId) ? null : slice.coverageFromAt;
}

function memberFacts(draft: Draft, row: ContactRow): MemberFacts {
  return {
    contact: contactFacts(row),
    conversations: draft.factsOf(row.id),
    coverageFromAt: coverageOf(draft, row.id),
    waiting: draft.writes
      .waiting(row.id)
      .map(({ attribute, before, after }) => ({ attribute, before, after })),
    ownFirstSessionAt: row.ownFirstSessionAt,
    keptForms: row.keptForms,
  };
}

/** What the contact is no longer to be: reported, or written. */
function endMembership(draft: Draft, contactId: string, nowMs: number): void {
  const { members, reportedMembers, reportedOtherwise, writes } = draft;
  reportedOtherwise.add(contactId);
  members.remove(contactId);
  reportedMembers.delete(contactId);
  reportConversations(draft, contactId, false);
  writes.supersede(contactId, writes.waiting(contactId));
  dropIfEmpty(draft, contactId, nowMs);
}
