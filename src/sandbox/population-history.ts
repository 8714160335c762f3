import { CHANNEL_ATTRIBUTE } from '../rules/vocabulary.js';
import { closed } from './conversation-steps.js';
import { newConversation } from './conversations.js';
import type { Random } from './random.js';
import type { ContactRecord, ConversationRecord } from './records.js';
import type { WorkspaceState } from './state.js';

export interface HistoryPlan {
  readonly contact: ContactRecord;
  /** Unix seconds. */
  readonly fromAt: number;
  readonly endAt: number;
  /** Average number of conversations. */
  readonly average: number;
}

const HOUR_SECONDS = 3_600;
const DAY_SECONDS = 86_400;

/**
 * A member's conversations, oldest first: some never talk, some stopped long ago, some are regular; most conversations
 * are closed with a proper Channel and Service Code, some with a slip.
 */
export function memberHistory(
  state: WorkspaceState,
  random: Random,
  plan: HistoryPlan,
): ConversationRecord[] {
  const habit = random.weighted([
    ['regular', 55],
    ['stopped', 25],
    ['silent', 12],
    ['late', 8],
  ] as const);
  if (habit === 'silent' || state.admins.length === 0) return [];
  const span = Math.max(plan.endAt - plan.fromAt, 1);
  const [from, to] = HABIT_SPANS[habit];
  // Silent members have none, so the others have a little more.
  const count = random.between(1, Math.max(1, Math.round(plan.average * 2.25) - 1));
  const coach = state.admins[random.between(0, state.admins.length - 1)];
  return Array.from(
    { length: count },
    () => plan.fromAt + Math.floor(span * (from + random.next() * (to - from))),
  )
    .sort((a, b) => a - b)
    .map((createdAt) => oneConversation(state, random, plan, createdAt, coach?.id ?? null));
}

/** Which part of the time from enrollment to now a habit fills. */
const HABIT_SPANS = { regular: [0, 1], stopped: [0, 0.45], late: [0.5, 1] } as const;

function oneConversation(
  state: WorkspaceState,
  random: Random,
  plan: HistoryPlan,
  createdAt: number,
  coachId: number | null,
): ConversationRecord {
  const { channel, sourceType } = pickChannel(random);
  const admin = random.chance(0.92)
    ? coachId
    : (state.admins[random.between(0, state.admins.length - 1)]?.id ?? coachId);
  const isCall = sourceType === 'phone_call';
  const conversation = newConversation(state, {
    contactIds: [plan.contact.id],
    adminId: random.chance(0.97) ? admin : null,
    createdAt,
    startedBy: isCall ? 'admin' : 'user',
    sourceType,
    withoutStatistics: random.chance(0.01),
    customAttributes: channel === null ? {} : { [CHANNEL_ATTRIBUTE]: channel },
  });
  const closeAt = createdAt + random.between(HOUR_SECONDS / 4, isCall ? HOUR_SECONDS : 3 * DAY_SECONDS);
  const isRecent = plan.endAt - createdAt < 10 * DAY_SECONDS;
  if (closeAt > plan.endAt || random.chance(isRecent ? 0.15 : 0.01)) {
    return random.chance(0.3)
      ? { ...conversation, state: 'snoozed', snoozedUntil: plan.endAt + 3 * DAY_SECONDS }
      : conversation;
  }
  const serviceCode = pickServiceCode(random, isCall);
  return closed(state, conversation, { at: closeAt, ...(serviceCode === null ? {} : { serviceCode }) });
}

/** What coaches choose as Channel, slips of the keyboard included, and how such a conversation begins. */
export function pickChannel(random: Random): {
  readonly channel: string | null;
  readonly sourceType: string;
} {
  return random.weighted([
    [{ channel: 'Phone', sourceType: 'phone_call' }, 44],
    [{ channel: 'Video Conference', sourceType: 'phone_call' }, 16],
    [{ channel: 'Email', sourceType: 'email' }, 14],
    [{ channel: 'Chat', sourceType: 'conversation' }, 19],
    [{ channel: 'phone ', sourceType: 'phone_call' }, 2],
    [{ channel: 'Phnoe', sourceType: 'phone_call' }, 1],
    [{ channel: 'Voicemail', sourceType: 'phone_call' }, 2],
    [{ channel: null, sourceType: 'conversation' }, 2],
  ] as const);
}

/** What coaches choose as Service Code; null when they forget it. */
export function pickServiceCode(random: Random, isCall: boolean): string | null {
  return random.weighted([
    ['Health Coaching 001', isCall ? 66 : 40],
    ['Disease Management 002', isCall ? 20 : 10],
    ['Care Navigation 003', 7],
    ['Administrative 009', isCall ? 2 : 25],
    [null, 5],
  ] as const);
}
