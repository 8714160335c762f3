import { dateInWords, daysBetween } from './calendar.js';
import type { AttributeValue, ConversationFacts, Evidence } from './facts.js';
import { quoteText } from './text.js';
import { channelOf, serviceCodeOf } from './sessions.js';
import type { MaintainedAttribute } from './vocabulary.js';

/** Conversations that share one deciding instant, in order of id; more than one only where their times are equal. */
export interface DatedConversations {
  readonly at: number;
  readonly conversations: readonly [ConversationFacts, ...ConversationFacts[]];
}

/** The conversations with the latest time; `timeOf` answers null for those that don't count. */
export function latestOf(
  conversations: readonly ConversationFacts[],
  timeOf: (conversation: ConversationFacts) => number | null,
): DatedConversations | null {
  return extremeOf(conversations, timeOf, (at, best) => at > best);
}

/** The conversations with the earliest time; `timeOf` answers null for those that don't count. */
export function earliestOf(
  conversations: readonly ConversationFacts[],
  timeOf: (conversation: ConversationFacts) => number | null,
): DatedConversations | null {
  return extremeOf(conversations, timeOf, (at, best) => at < best);
}

function extremeOf(
  conversations: readonly ConversationFacts[],
  timeOf: (conversation: ConversationFacts) => number | null,
  isBetter: (at: number, best: number) => boolean,
): DatedConversations | null {
  let best: number | null = null;
  let found: ConversationFacts[] = [];
  for (const conversation of conversations) {
    const at = timeOf(conversation);
    if (at === null) continue;
    if (best === null || isBetter(at, best)) {
      best = at;
      found = [conversation];
    } else if (at === best) {
      found.push(conversation);
    }
  }
  const [first, ...others] = found.toSorted((one, other) => (one.id < other.id ? -1 : 1));
  return best === null || first === undefined ? null : { at: best, conversations: [first, ...others] };
}

/** Evidence that `attribute` should hold `value`. */
export function want(
  attribute: MaintainedAttribute,
  value: AttributeValue,
  because: string,
  figures: Evidence['figures'],
  source: DatedConversations | null = null,
): Evidence {
  const conversationIds = source === null ? [] : source.conversations.map((conversation) => conversation.id);
  return { attribute, wanted: { kind: 'value', value }, because, conversationIds, figures };
}

/** Evidence that this service has no say in `attribute`. */
export function leave(
  attribute: MaintainedAttribute,
  because: string,
  figures: Evidence['figures'] = {},
): Evidence {
  return { attribute, wanted: { kind: 'leave' }, because, conversationIds: [], figures };
}

/** `Phone · Health Coaching 001`: Channel and Service Code, as far as they are filled in. */
export function callInWords(conversation: ConversationFacts): string {
  const parts = [
    channelOf(conversation) ?? conversation.channel,
    serviceCodeOf(conversation) ?? conversation.serviceCode,
  ];
  return parts.flatMap((part) => (part === null ? [] : [quoteText(part)])).join(' · ');
}

/** `on 1 Oct 2026, 29 days ago`. */
export function agoInWords(on: string, todayOn: string): string {
  return `on ${dateInWords(on)}, ${distanceInWords(daysBetween(on, todayOn))}`;
}

function distanceInWords(days: number): string {
  if (days < 0) return 'in the future, which counts as today';
  if (days === 0) return 'today';
  return days === 1 ? '1 day ago' : `${days} days ago`;
}
