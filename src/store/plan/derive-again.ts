import { EARLIEST_EVENT_AT } from '../../rules/calendar.js';
import type { ConversationFacts } from '../../rules/facts.js';
import { conversationColumns, conversationFacts } from './conversation-row.js';
import { storedDecision } from './member-row.js';
import { reportedMember, type ReportedMember } from './reported-member.js';
import type { ContactRow, ConversationColumns, ConversationRow, MemberRow } from './rows.js';

/*
 * Columns that reports read are worked out when a row is stored. They are worked out again for another report time zone,
 * or for rows of a program that did not know them all.
 */

/** What is worked out of a conversation alone. */
export function derivedColumns(
  row: ConversationRow,
): ConversationColumns & Pick<ConversationRow, 'lastCloseAt' | 'hasWrongCloseTime'> {
  const facts = withPossibleClose(conversationFacts(row));
  return {
    ...conversationColumns(facts),
    lastCloseAt: facts.lastCloseAt,
    hasWrongCloseTime: facts.hasWrongCloseTime === true,
  };
}

/**
 * What reports read of a member.
 * @param conversations all of the contact; `recount` are those whose `reportedAt` is not right
 * @param timeZone report time zone, IANA name
 */
export function derivedMember(
  member: MemberRow,
  contact: ContactRow,
  conversations: readonly ConversationRow[],
  timeZone: string,
): { readonly reported: ReportedMember; readonly recount: readonly ConversationRow[] } {
  const decided = member.decidedAtMs === null ? null : storedDecision(member);
  return {
    reported: reportedMember(contact, conversations.map(conversationFacts), decided, timeZone),
    recount: conversations.flatMap((row) =>
      row.reportedAt === row.sessionAt ? [] : [{ ...row, reportedAt: row.sessionAt }],
    ),
  };
}

/** Earlier versions took every number for the time of a close, 0 too. */
function withPossibleClose(conversation: ConversationFacts): ConversationFacts {
  const { lastCloseAt } = conversation;
  if (lastCloseAt === null || lastCloseAt >= EARLIEST_EVENT_AT) return conversation;
  return { ...conversation, lastCloseAt: null, hasWrongCloseTime: true };
}
