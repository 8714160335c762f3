import type { Json } from '../intercom/json.js';
import { randomUUID } from 'node:crypto';
import { presentContact, webhookTimes } from './present-contact.js';
import { presentConversation, presentParts } from './present-conversation.js';
import type { ConversationRecord, PartRecord } from './records.js';
import type { WorkspaceEvent, WorkspaceState } from './state.js';

/** What a notification says, before the counters of a single delivery are added. */
export interface Notification {
  /** Null on a ping, as in Intercom. */
  readonly id: string | null;
  readonly topic: string;
  /** Time of the event, Unix seconds. */
  readonly createdAt: number;
  readonly item: Json;
}

/** The notification of `event`, its payload in the generation of 2.5 and later. */
export function makeNotification(
  state: WorkspaceState,
  event: WorkspaceEvent,
  createdAt: number,
): Notification {
  const topic = event.kind === 'conversation-deleted' ? 'conversation.deleted' : event.topic;
  return { id: newNotificationId(), topic, createdAt, item: makeItem(state, event) };
}

export function makePing(createdAt: number): Notification {
  return {
    id: null,
    topic: 'ping',
    createdAt,
    item: { type: 'ping', message: 'This is a ping notification test message.' },
  };
}

export function newNotificationId(): string {
  return `notif_${randomUUID()}`;
}

/** The envelope of one delivery attempt, as the exact bytes that are signed and sent. */
export function encodeNotification(
  appId: string,
  notification: Notification,
  delivery: { readonly attempt: number; readonly firstSentAt: number },
): Uint8Array {
  const envelope = {
    type: 'notification_event',
    app_id: appId,
    data: { type: 'notification_event_data', item: notification.item },
    links: {},
    id: notification.id,
    topic: notification.topic,
    delivery_status: notification.id === null ? null : delivery.attempt === 1 ? 'pending' : 'retry',
    delivery_attempts: delivery.attempt,
    delivered_at: 0,
    first_sent_at: delivery.firstSentAt,
    created_at: notification.createdAt,
    self: null,
  };
  return new TextEncoder().encode(JSON.stringify(envelope));
}

function makeItem(state: WorkspaceState, event: WorkspaceEvent): Json {
  const { settings } = state;
  switch (event.kind) {
    case 'conversation-deleted':
      // The one item whose id is not under `id`.
      return { type: 'conversation', conversation_id: event.id };
    case 'contact-gone':
      return {
        id: event.contact.id,
        external_id: event.contact.externalId,
        type: 'contact',
        [event.topic === 'contact.deleted' ? 'deleted' : 'archived']: true,
      };
    case 'contact': {
      const times = webhookTimes(settings);
      const names = settings.mergedFrom && event.mergedFromId !== undefined;
      return {
        ...presentContact(event.contact, settings, settings.appVersion, times.contact),
        ...(names ? { merged_from: { type: 'contact', id: event.mergedFromId } } : {}),
      };
    }
    case 'conversation':
      return makeConversationItem(state, event.conversation, event.part);
  }
}

function makeConversationItem(
  state: WorkspaceState,
  conversation: ConversationRecord,
  part: PartRecord | null,
): Json {
  const { settings } = state;
  const shown =
    part?.partType === 'close' && !settings.closeTimeInWebhook
      ? withoutCloseTime(conversation, part)
      : conversation;
  return {
    ...presentConversation(state, shown, settings.appVersion, webhookTimes(settings).statistics),
    // Only the part that caused the event.
    conversation_parts: presentParts(
      state,
      part === null ? [] : [part],
      part === null ? 0 : 1,
      settings.appVersion,
    ),
  };
}

/** As if the statistics had not been brought up to date yet when the notification was made. */
function withoutCloseTime(conversation: ConversationRecord, close: PartRecord): ConversationRecord {
  if (conversation.statistics === null) return conversation;
  const earlier = conversation.parts.findLast((part) => part.partType === 'close' && part.id !== close.id);
  return {
    ...conversation,
    statistics: {
      ...conversation.statistics,
      firstCloseAt: earlier === undefined ? null : conversation.statistics.firstCloseAt,
      lastCloseAt: earlier?.createdAt ?? null,
      lastClosedById: earlier?.author.id ?? null,
    },
  };
}
