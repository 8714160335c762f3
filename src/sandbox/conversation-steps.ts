import { CHANNEL_ATTRIBUTE, SERVICE_CODE_ATTRIBUTE } from '../rules/vocabulary.js';
import { attributesWith } from './attributes.js';
import type {
  Author,
  ConversationRecord,
  ConversationState,
  PartRecord,
  StatisticsRecord,
} from './records.js';
import type { WorkspaceState } from './state.js';

export interface Close {
  /** Unix seconds; now unless given. */
  readonly at?: number;
  /** Set together with the close, before its notification is made. */
  readonly channel?: string | null;
  readonly serviceCode?: string | null;
  /** Who closes; the assignee unless given. */
  readonly adminId?: number;
}

/** One act: what changes in the record, the part it leaves, and the topic that tells of it. */
export interface ConversationStep {
  readonly at: number;
  readonly partType: PartRecord['partType'];
  readonly author: Author;
  readonly topic: string | null;
  readonly assignedTo?: string;
  readonly body?: string;
  readonly changes: Partial<ConversationRecord>;
  readonly statistics: Partial<StatisticsRecord>;
}

/** The record after a close, with nobody told (history is made this way too). */
export function closed(state: WorkspaceState, before: ConversationRecord, close: Close): ConversationRecord {
  return withStep(state, before, closeStep(state, before, close, null)).conversation;
}

/** Statistics of a conversation that just began. */
export function newStatistics(adminId: number | null, createdAt: number, byAdmin: boolean): StatisticsRecord {
  const assignedAt = adminId === null ? null : createdAt;
  return {
    firstContactReplyAt: byAdmin ? null : createdAt,
    firstAdminReplyAt: byAdmin ? createdAt : null,
    lastContactReplyAt: byAdmin ? null : createdAt,
    lastAdminReplyAt: byAdmin ? createdAt : null,
    firstAssignmentAt: assignedAt,
    lastAssignmentAt: assignedAt,
    firstCloseAt: null,
    lastCloseAt: null,
    lastClosedById: null,
    countReopens: 0,
    countAssignments: adminId === null ? 0 : 1,
  };
}

/** A close; whoever closes decides whether anybody is told (`topic`). */
export function closeStep(
  state: WorkspaceState,
  before: ConversationRecord,
  close: Close,
  topic: string | null,
  by?: Author,
): ConversationStep {
  const at = close.at ?? state.nowAt();
  const author: Author =
    by ??
    (close.adminId === undefined ? assigneeOf(state, before) : { type: 'admin', id: String(close.adminId) });
  const attributes: Record<string, string | null> = {};
  if (close.channel !== undefined) attributes[CHANNEL_ATTRIBUTE] = close.channel;
  if (close.serviceCode !== undefined) attributes[SERVICE_CODE_ATTRIBUTE] = close.serviceCode;
  return {
    at,
    partType: 'close',
    author,
    topic,
    changes: {
      state: 'closed',
      snoozedUntil: null,
      waitingSince: null,
      customAttributes: attributesWith(state, 'conversation', before.customAttributes, attributes),
    },
    statistics: {
      firstCloseAt: before.statistics?.firstCloseAt ?? at,
      lastCloseAt: at,
      lastClosedById: author.id,
    },
  };
}

export function replyStep(
  state: WorkspaceState,
  before: ConversationRecord,
  by: 'user' | 'admin',
): ConversationStep {
  const at = state.nowAt();
  const common = { at, partType: 'comment', body: '<p>Thank you!</p>' } as const;
  if (by === 'admin') {
    const firstAdminReplyAt = before.statistics?.firstAdminReplyAt ?? at;
    return {
      ...common,
      author: assigneeOf(state, before),
      topic: 'conversation.admin.replied',
      changes: { waitingSince: null },
      statistics: { firstAdminReplyAt, lastAdminReplyAt: at },
    };
  }
  const [contactId = ''] = before.contactIds;
  // A user's reply opens a closed or snoozed conversation again.
  return {
    ...common,
    author: { type: state.contacts.get(contactId)?.role ?? 'user', id: contactId },
    topic: 'conversation.user.replied',
    changes: { state: 'open', snoozedUntil: null, waitingSince: at },
    statistics: {
      firstContactReplyAt: before.statistics?.firstContactReplyAt ?? at,
      lastContactReplyAt: at,
      countReopens: (before.statistics?.countReopens ?? 0) + (before.state === 'closed' ? 1 : 0),
    },
  };
}

/** The conversation after the step, and the part that the step left. */
export function withStep(
  state: WorkspaceState,
  before: ConversationRecord,
  step: ConversationStep,
): { readonly conversation: ConversationRecord; readonly part: PartRecord } {
  const conversationState: ConversationState = step.changes.state ?? before.state;
  const part: PartRecord = {
    id: state.nextPartId(),
    partType: step.partType,
    createdAt: step.at,
    author: step.author,
    body: step.body ?? null,
    assignedTo: step.assignedTo ?? null,
    state: conversationState,
  };
  const conversation: ConversationRecord = {
    ...before,
    ...step.changes,
    statistics: before.statistics === null ? null : { ...before.statistics, ...step.statistics },
    updatedAt: Math.max(before.updatedAt, step.at),
    parts: [...before.parts, part],
  };
  return { conversation, part };
}

export function assigneeOf(state: WorkspaceState, conversation: ConversationRecord): Author {
  return { type: 'admin', id: String(conversation.adminAssigneeId ?? firstAdminId(state)) };
}

export function firstAdminId(state: WorkspaceState): number {
  return state.admins[0]?.id ?? 0;
}
