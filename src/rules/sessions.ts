import type { ConversationFacts, NearMiss } from './facts.js';
import { quoteText } from './text.js';
import {
  CALL_CHANNELS,
  CHANNEL_ATTRIBUTE,
  CHANNELS,
  LAST_CALL_CHANNEL,
  QUALIFYING_SERVICE_CODES,
  SERVICE_CODE_ATTRIBUTE,
  canonical,
  type Channel,
  type QualifyingServiceCode,
} from './vocabulary.js';

/** The conversation's Channel in its canonical spelling; null when it is empty or none we know. */
export function channelOf(conversation: Pick<ConversationFacts, 'channel'>): Channel | null {
  return canonical(CHANNELS, conversation.channel);
}

/** The conversation's Service Code in its canonical spelling; null when it is empty or none that qualifies. */
export function serviceCodeOf(
  conversation: Pick<ConversationFacts, 'serviceCode'>,
): QualifyingServiceCode | null {
  return canonical(QUALIFYING_SERVICE_CODES, conversation.serviceCode);
}

/** Session time (Unix seconds): when the conversation was last closed; null while it is not closed. */
export function sessionAt(
  conversation: Pick<ConversationFacts, 'state' | 'lastCloseAt' | 'updatedAt'>,
): number | null {
  if (conversation.state !== 'closed') return null;
  return conversation.lastCloseAt ?? conversation.updatedAt;
}

/** What reports count: a closed conversation over any of the known channels. */
export function isCoachingSession(conversation: Pick<ConversationFacts, 'state' | 'channel'>): boolean {
  return conversation.state === 'closed' && channelOf(conversation) !== null;
}

/** What billing counts: a closed call, with any Service Code. */
export function isBillableCall(conversation: Pick<ConversationFacts, 'state' | 'channel'>): boolean {
  return conversation.state === 'closed' && isCallChannel(channelOf(conversation));
}

/** What engagement counts: a closed call with a Service Code that qualifies. */
export function isQualifyingCall(
  conversation: Pick<ConversationFacts, 'state' | 'channel' | 'serviceCode'>,
): boolean {
  return isBillableCall(conversation) && serviceCodeOf(conversation) !== null;
}

/** Session time of a qualifying coaching call (Unix seconds); null for every other conversation. */
export function qualifyingAt(conversation: ConversationFacts): number | null {
  return isQualifyingCall(conversation) ? sessionAt(conversation) : null;
}

/**
 * What the conversation says for Last Call (Unix seconds): a phone call counts in any state, with its session time once
 * it is closed and its beginning before that. Null for every other channel.
 */
export function callAt(conversation: ConversationFacts): number | null {
  if (channelOf(conversation) !== LAST_CALL_CHANNEL) return null;
  return sessionAt(conversation) ?? conversation.createdAt;
}

/**
 * Why a closed conversation is no qualifying call although it could have been meant as one; null when it qualifies, is
 * not closed, or went over a channel that is known not to be a call (Email, Chat), whatever its Service Code. A closed
 * conversation with nothing filled in is a near miss: that is how a forgotten form looks.
 */
export function nearMiss(conversation: ConversationFacts): NearMiss | null {
  const closedAt = sessionAt(conversation);
  if (closedAt === null || isQualifyingCall(conversation)) return null;
  const channel = channelOf(conversation);
  if (channel !== null && !isCallChannel(channel)) return null;
  const reasons = [
    ...(channel === null ? [complaint(CHANNEL_ATTRIBUTE, conversation.channel)] : []),
    ...(serviceCodeOf(conversation) === null
      ? [complaint(SERVICE_CODE_ATTRIBUTE, conversation.serviceCode)]
      : []),
  ];
  return { conversationId: conversation.id, closedAt, coachId: conversation.coachId, reasons };
}

function complaint(attribute: string, written: string | null): string {
  const text = quoteText(written ?? '');
  return text === '' ? `${attribute} empty` : `${attribute} unknown: ${text}`;
}

function isCallChannel(channel: Channel | null): boolean {
  return CALL_CHANNELS.some((name) => name === channel);
}
