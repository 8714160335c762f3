import type { ConversationFacts } from '../../rules/facts.js';
import {
  channelOf,
  isBillableCall,
  isCoachingSession,
  isQualifyingCall,
  nearMiss,
  serviceCodeOf,
  sessionAt,
} from '../../rules/sessions.js';
import type { ConversationColumns, ConversationRow, Seen } from './rows.js';

/** The conversation as the rules know it. */
export function conversationFacts(row: ConversationRow): ConversationFacts {
  const { id, contactId, createdAt, updatedAt, state, channel, serviceCode, coachId, lastCloseAt } = row;
  const facts = { id, contactId, createdAt, updatedAt, state, channel, serviceCode, coachId, lastCloseAt };
  return row.hasWrongCloseTime ? { ...facts, hasWrongCloseTime: true } : facts;
}

/** The row of a conversation as Intercom shows it; reports don't count it until its contact is known as a member. */
export function conversationRow(
  conversation: ConversationFacts,
  { seenAtMs, wasRead }: Seen,
): ConversationRow {
  return {
    ...conversation,
    hasWrongCloseTime: conversation.hasWrongCloseTime === true,
    seenAtMs,
    wasRead,
    ...conversationColumns(conversation),
    reportedAt: null,
  };
}

/** What reports read of a conversation. */
export function conversationColumns(conversation: ConversationFacts): ConversationColumns {
  return {
    channelName: channelOf(conversation),
    serviceCodeName: serviceCodeOf(conversation),
    sessionAt: sessionAt(conversation),
    isCoachingSession: isCoachingSession(conversation),
    isQualifyingCall: isQualifyingCall(conversation),
    isBillable: isBillableCall(conversation),
    isNearMiss: nearMiss(conversation) !== null,
  };
}
