import { createHash } from 'node:crypto';
import type { ContactFacts, ConversationFacts } from '../rules/facts.js';
import { isRecord, parseJson, readId, recordAt, type Json } from './json.js';
import { readContactObject, readConversationObject, type Lack } from './objects.js';
import { readTime } from './times.js';
import { knownTopic, topicKind, type TopicKind } from './topics.js';

/** A notification holds the parts that caused it, most often one. */
const MAX_PARTS_LOOKED_AT = 20;
/** Intercom's longest has 41 characters. */
const MAX_TOPIC_LENGTH = 200;
const MAX_ID_LENGTH = 200;

export interface ObjectRef {
  readonly kind: 'conversation' | 'contact';
  readonly id: string;
}

/** What the webhook request needs to know of a notification. */
export interface Envelope {
  /** `notif_…`; null on pings. */
  readonly id: string | null;
  readonly topic: string;
  /** The topic if we handle it by name, else `other`: safe as a metric's label. */
  readonly knownTopic: string;
  /** The workspace. */
  readonly appId: string | null;
  /** The event's time, Unix seconds. */
  readonly createdAt: number | null;
  /** Null only where nothing is to be handled, or where `data.item` has no id. */
  readonly subject: ObjectRef | null;
  /** The contact's id where the payload has it, else `conversation:<id>`. */
  readonly lane: string | null;
  readonly interest: 'handle' | 'ignore' | 'ping';
}

/** What a notification says. `lacks`: read the object by id instead, the payload doesn't hold what the rules need. */
export type Meaning =
  | {
      readonly kind: 'conversation';
      readonly conversation: ConversationFacts;
      readonly lacks: readonly Lack[];
    }
  | { readonly kind: 'contact'; readonly contact: ContactFacts; readonly lacks: readonly Lack[] }
  /** Only the id can be read. */
  | { readonly kind: 'read'; readonly subject: ObjectRef }
  | { readonly kind: 'conversation-deleted'; readonly id: string }
  /** `absorbedId` is null in payloads without `merged_from`, `survivor` where only its id could be read. */
  | {
      readonly kind: 'contact-merged';
      readonly survivor: ContactFacts | null;
      readonly survivorId: string;
      readonly absorbedId: string | null;
    }
  /** `at`: the event's time, Unix seconds. */
  | { readonly kind: 'contact-archived'; readonly id: string; readonly at: number }
  | {
      readonly kind: 'contact-unarchived';
      readonly id: string;
      readonly at: number;
      readonly contact: ContactFacts | null;
    }
  | { readonly kind: 'contact-deleted'; readonly id: string }
  | { readonly kind: 'ignored'; readonly why: string }
  | { readonly kind: 'unreadable'; readonly why: string };

export type ReadEnvelope =
  | {
      readonly kind: 'ok';
      readonly envelope: Envelope;
    }
  | { readonly kind: 'unreadable'; readonly why: string };

/** Reads what the webhook request needs from the raw body. Cheap; never throws. */
export function readEnvelope(body: Uint8Array): ReadEnvelope {
  const parsed = parseJson(body);
  if (parsed.kind === 'unreadable') return parsed;
  const notification = parsed.value;
  if (!isRecord(notification)) return { kind: 'unreadable', why: 'not an object' };
  const topic = notification['topic'];
  if (typeof topic !== 'string' || topic === '') return { kind: 'unreadable', why: 'no topic' };
  if (topic.length > MAX_TOPIC_LENGTH) return { kind: 'unreadable', why: 'the topic is too long' };
  const kind = topicKind(topic);
  const item = itemOf(notification);
  const subject = item === null ? null : subjectOf(kind, item);
  return {
    kind: 'ok',
    envelope: {
      id: notificationId(notification['id']),
      topic,
      knownTopic: knownTopic(topic),
      appId: textOf(notification['app_id']),
      createdAt: readTime(notification['created_at']),
      subject,
      lane: subject === null ? null : laneOf(subject, item),
      interest: interestOf(kind, subject),
    },
  };
}

/**
 * A hash of what the notification says happened: 22 characters of URL-safe Base64, the same for every delivery of one
 * event. A second delivery differs in `delivery_attempts`, `delivery_status`, `delivered_at` and `first_sent_at`, which
 * are left out.
 */
export function hashContent(body: Uint8Array): string {
  return createHash('sha256').update(contentOf(body)).digest('base64url').slice(0, 22);
}

function contentOf(body: Uint8Array): string | Uint8Array {
  const parsed = parseJson(body);
  if (parsed.kind !== 'ok' || !isRecord(parsed.value)) return body;
  const { topic, app_id: appId, created_at: createdAt, data } = parsed.value;
  try {
    return JSON.stringify([topic, appId, createdAt, data]);
  } catch {
    // Nested deeper than can be written; its bytes have to do.
    return body;
  }
}

/** `data.item` and `app_id` of a notification's raw body, each null when there is none. Never throws. */
export function readStored(body: Uint8Array): { readonly item: Json | null; readonly appId: string | null } {
  const parsed = parseJson(body);
  if (parsed.kind !== 'ok') return { item: null, appId: null };
  const { value } = parsed;
  return { item: itemOf(value), appId: isRecord(value) ? textOf(value['app_id']) : null };
}

/**
 * Whether a notification with this `app_id` belongs to another workspace than `ownId` (`GET /me` → `app.id_code`).
 * Intercom sends an app's notifications of every workspace that has it installed to one address. Without an `app_id`
 * (pings, old shapes), or before our own workspace is known, nothing can be told.
 */
export function isOfOtherWorkspace(appId: string | null, ownId: string | null): appId is string {
  return appId !== null && ownId !== null && appId !== ownId;
}

/**
 * What a notification says.
 * @param topic Intercom's topic
 * @param item `data.item`, of whatever shape
 * @param createdAt the event's time (`created_at` of the envelope), Unix seconds
 */
export function readMeaning(topic: string, item: unknown, createdAt: number): Meaning {
  const kind = topicKind(topic);
  if (kind === 'ping' || kind === 'ignored') return { kind: 'ignored', why: `nothing to do for ${topic}` };
  const subject = isRecord(item) ? subjectOf(kind, item) : null;
  if (!isRecord(item) || subject === null) {
    return isMention(kind)
      ? { kind: 'ignored', why: 'mentions nobody' }
      : { kind: 'unreadable', why: 'no id in data.item' };
  }
  const { id } = subject;
  switch (kind) {
    case 'conversation':
    case 'conversation-mention': {
      const read = readConversationObject(conversationIn(item));
      return read.kind === 'ok'
        ? { kind: 'conversation', conversation: read.conversation, lacks: read.lacks }
        : { kind: 'read', subject };
    }
    case 'contact':
    case 'contact-mention': {
      const read = readContactObject(contactIn(item));
      return read.kind === 'ok'
        ? { kind: 'contact', contact: read.contact, lacks: read.lacks }
        : { kind: 'read', subject };
    }
    case 'contact-merged':
      return { kind, survivor: contactFactsIn(item), survivorId: id, absorbedId: absorbedIdOf(item, id) };
    case 'contact-unarchived':
      return { kind, id, at: createdAt, contact: contactFactsIn(item) };
    case 'contact-archived':
      return { kind, id, at: createdAt };
    case 'conversation-deleted':
    case 'contact-deleted':
      return { kind, id };
  }
}

function interestOf(kind: TopicKind, subject: ObjectRef | null): Envelope['interest'] {
  if (kind === 'ping') return 'ping';
  return kind === 'ignored' || (isMention(kind) && subject === null) ? 'ignore' : 'handle';
}

function isMention(kind: TopicKind): boolean {
  return kind === 'conversation-mention' || kind === 'contact-mention';
}

function itemOf(notification: unknown): Json | null {
  return recordAt(recordAt(notification, 'data'), 'item');
}

function subjectOf(kind: TopicKind, item: Json): ObjectRef | null {
  switch (kind) {
    case 'ping':
    case 'ignored':
      return null;
    case 'conversation':
    case 'conversation-mention':
    case 'conversation-deleted': {
      const id = conversationIdIn(item);
      return id === null ? null : { kind: 'conversation', id };
    }
    case 'contact':
    case 'contact-mention':
    case 'contact-merged':
    case 'contact-archived':
    case 'contact-unarchived':
    case 'contact-deleted': {
      const contact = contactIn(item);
      const id =
        readId(contact?.['id']) ?? readId(recordAt(contact, 'model')?.['id']) ?? readId(item['contact_id']);
      return id === null ? null : { kind: 'contact', id };
    }
  }
}

/**
 * The conversation's id, wherever it stands: a deleted conversation and a part name theirs in `conversation_id`, and
 * `conversation.contact.attached` and `.detached` come with `{ conversation: { parts: [{ conversation_id }], model: {
 * id } } }`, ids as numbers (seen in deliveries of January 2026).
 */
function conversationIdIn(item: Json): string | null {
  const conversation = conversationIn(item);
  return (
    readId(item['conversation_id']) ??
    readId(conversation?.['id']) ??
    readId(conversation?.['conversation_id']) ??
    readId(recordAt(conversation, 'model')?.['id']) ??
    conversationIdInParts(conversation?.['parts']) ??
    conversationIdInParts(recordAt(conversation, 'conversation_parts')?.['conversation_parts']) ??
    readId(recordAt(item, 'conversation_part')?.['conversation_id']) ??
    readId(item['conversation'])
  );
}

function conversationIdInParts(parts: unknown): string | null {
  if (!Array.isArray(parts)) return null;
  for (const part of parts.slice(0, MAX_PARTS_LOOKED_AT)) {
    const id = isRecord(part) ? readId(part['conversation_id']) : null;
    if (id !== null) return id;
  }
  return null;
}

function laneOf(subject: ObjectRef, item: Json | null): string {
  if (subject.kind === 'contact') return subject.id;
  const contacts = recordAt(item === null ? null : conversationIn(item), 'contacts')?.['contacts'];
  const first: unknown = Array.isArray(contacts) ? contacts[0] : null;
  const contactId = isRecord(first) ? readId(first['id']) : null;
  return contactId ?? `conversation:${subject.id}`;
}

/** The conversation itself: an object inside the item, or the item. */
function conversationIn(item: Json): Json | null {
  return recordAt(item, 'conversation') ?? (isOfType(item, ['conversation']) ? item : null);
}

/** The contact itself: an object inside the item, or the item (`user` or `lead` before 2.0). */
function contactIn(item: Json): Json | null {
  const inner = recordAt(item, 'contact') ?? recordAt(item, 'user') ?? recordAt(item, 'lead');
  return inner ?? (isOfType(item, ['contact', 'user', 'lead']) ? item : null);
}

/** An item without a type is taken for what its topic says. */
function isOfType(item: Json, types: readonly string[]): boolean {
  const type = item['type'];
  return type === undefined || type === null || types.some((one) => one === type);
}

function contactFactsIn(item: Json): ContactFacts | null {
  const read = readContactObject(contactIn(item));
  return read.kind === 'ok' && read.lacks.length === 0 ? read.contact : null;
}

function absorbedIdOf(item: Json, survivorId: string): string | null {
  const from = item['merged_from'];
  const absorbedId = readId(isRecord(from) ? from['id'] : from);
  return absorbedId === survivorId ? null : absorbedId;
}

/** What is too long to be one is taken for none: its own bytes then tell the notification from others. */
function notificationId(value: unknown): string | null {
  const id = textOf(value);
  return id === null || id.length > MAX_ID_LENGTH ? null : id;
}

function textOf(value: unknown): string | null {
  if (typeof value === 'number') return String(value);
  return typeof value === 'string' && value !== '' ? value : null;
}
