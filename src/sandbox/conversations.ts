import { attributesWith } from './attributes.js';
import {
  assigneeOf,
  closeStep,
  firstAdminId,
  newStatistics,
  replyStep,
  withStep,
  type Close,
  type ConversationStep,
} from './conversation-steps.js';
import type { AttributeValues, Author, ConversationRecord } from './records.js';
import { conversationOf, type WorkspaceState } from './state.js';

export interface NewConversation {
  /** The customer's side; empty for a conversation without a contact. */
  readonly contactIds: readonly string[];
  readonly adminId?: number | null;
  /** Unix seconds; now unless given. */
  readonly createdAt?: number;
  readonly startedBy?: 'user' | 'admin';
  readonly sourceType?: string;
  readonly title?: string | null;
  readonly customAttributes?: AttributeValues;
  /** An imported conversation has no statistics. */
  readonly withoutStatistics?: boolean;
}

/** What coaches and users do to conversations. Each act happens now unless told otherwise. */
export interface ConversationActs {
  /** Sends `conversation.user.created`, or `conversation.admin.single.created` when an admin starts it. */
  addConversation(conversation: NewConversation): ConversationRecord;
  /** Sends `conversation.admin.closed`. */
  closeConversation(id: string, close?: Close): ConversationRecord;
  /** Closed by a workflow: Intercom has no topic for it, nothing is sent. */
  closeByWorkflow(id: string, at?: number): ConversationRecord;
  /** Sends `conversation.admin.opened`. */
  reopenConversation(id: string): ConversationRecord;
  /** Sends `conversation.admin.assigned`. */
  assignConversation(id: string, adminId: number): ConversationRecord;
  /** Sends `conversation.admin.snoozed`. */
  snoozeConversation(id: string, untilAt: number): ConversationRecord;
  /** Sends `conversation.admin.unsnoozed`. */
  unsnoozeConversation(id: string): ConversationRecord;
  /** Sends `conversation.user.replied` or `conversation.admin.replied`. */
  replyToConversation(id: string, by: 'user' | 'admin'): ConversationRecord;
  /** Intercom has no topic for it, nothing is sent. */
  setConversationAttributes(id: string, attributes: AttributeValues): ConversationRecord;
  /** Sends `conversation.deleted`. */
  deleteConversation(id: string): void;
}

/** Intercom's operator bot, which `GET /admins` doesn't list. */
const OPERATOR: Author = { type: 'bot', id: '5200000' };

export function createConversationActs(state: WorkspaceState): ConversationActs {
  const take = (
    id: string,
    makeStep: (before: ConversationRecord) => ConversationStep,
  ): ConversationRecord => {
    const before = conversationOf(state, id);
    const step = makeStep(before);
    const { conversation, part } = withStep(state, before, step);
    state.conversations.put(conversation);
    if (step.topic !== null) {
      state.notify({ kind: 'conversation', topic: step.topic, conversation, part }, step.at);
    }
    return conversation;
  };
  const now = (): number => state.nowAt();

  return {
    addConversation: (conversation) => {
      const record = newConversation(state, conversation);
      state.conversations.put(record);
      const topic = conversation.startedBy === 'admin' ? 'admin.single.created' : 'user.created';
      state.notify(
        { kind: 'conversation', topic: `conversation.${topic}`, conversation: record, part: null },
        record.createdAt,
      );
      return record;
    },
    closeConversation: (id, close = {}) =>
      take(id, (before) => closeStep(state, before, close, 'conversation.admin.closed')),
    closeByWorkflow: (id, at) =>
      take(id, (before) => closeStep(state, before, at === undefined ? {} : { at }, null, OPERATOR)),
    reopenConversation: (id) =>
      take(id, (before) => ({
        at: now(),
        partType: 'open',
        author: assigneeOf(state, before),
        topic: 'conversation.admin.opened',
        changes: { state: 'open', snoozedUntil: null },
        statistics: { countReopens: (before.statistics?.countReopens ?? 0) + 1 },
      })),
    assignConversation: (id, adminId) =>
      take(id, (before) => ({
        at: now(),
        partType: 'assignment',
        author: assigneeOf(state, before),
        topic: 'conversation.admin.assigned',
        assignedTo: String(adminId),
        changes: { adminAssigneeId: adminId },
        statistics: {
          firstAssignmentAt: before.statistics?.firstAssignmentAt ?? now(),
          lastAssignmentAt: now(),
          countAssignments: (before.statistics?.countAssignments ?? 0) + 1,
        },
      })),
    snoozeConversation: (id, untilAt) =>
      take(id, (before) => ({
        at: now(),
        partType: 'snoozed',
        author: assigneeOf(state, before),
        topic: 'conversation.admin.snoozed',
        changes: { state: 'snoozed', snoozedUntil: untilAt },
        statistics: {},
      })),
    unsnoozeConversation: (id) =>
      take(id, (before) => ({
        at: now(),
        partType: 'unsnoozed',
        author: assigneeOf(state, before),
        topic: 'conversation.admin.unsnoozed',
        changes: { state: 'open', snoozedUntil: null },
        statistics: {},
      })),
    replyToConversation: (id, by) => take(id, (before) => replyStep(state, before, by)),
    setConversationAttributes: (id, attributes) => {
      const before = conversationOf(state, id);
      const conversation = {
        ...before,
        customAttributes: attributesWith(state, 'conversation', before.customAttributes, attributes),
        updatedAt: state.settings.attributesMoveUpdatedAt
          ? Math.max(before.updatedAt, now())
          : before.updatedAt,
      };
      state.conversations.put(conversation);
      return conversation;
    },
    deleteConversation: (id) => {
      conversationOf(state, id);
      state.conversations.remove(id);
      state.notify({ kind: 'conversation-deleted', id }, now());
    },
  };
}

/** A record that is on no shelf yet. */
export function newConversation(state: WorkspaceState, conversation: NewConversation): ConversationRecord {
  const createdAt = conversation.createdAt ?? state.nowAt();
  const adminId = conversation.adminId ?? null;
  const [contactId] = conversation.contactIds;
  const role = contactId === undefined ? 'user' : (state.contacts.get(contactId)?.role ?? 'user');
  const byAdmin = conversation.startedBy === 'admin' || contactId === undefined;
  return {
    id: state.nextConversationId(),
    title: conversation.title ?? null,
    createdAt,
    updatedAt: createdAt,
    waitingSince: byAdmin ? null : createdAt,
    snoozedUntil: null,
    state: 'open',
    read: false,
    adminAssigneeId: adminId,
    contactIds: conversation.contactIds,
    source: {
      type: conversation.sourceType ?? 'conversation',
      body: '<p>About my plan.</p>',
      author: byAdmin
        ? { type: 'admin', id: String(adminId ?? firstAdminId(state)) }
        : { type: role, id: contactId },
    },
    customAttributes: attributesWith(state, 'conversation', {}, conversation.customAttributes ?? {}),
    statistics: conversation.withoutStatistics === true ? null : newStatistics(adminId, createdAt, byAdmin),
    parts: [],
  };
}
