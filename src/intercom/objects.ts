import type { AttributeValue, ContactFacts, ConversationFacts } from '../rules/facts.js';
import { cutText, squeezeBlanks } from '../rules/text.js';
import {
  CHANNEL_ATTRIBUTE,
  CLOSE_TIME,
  KEPT_ATTRIBUTES,
  SERVICE_CODE_ATTRIBUTE,
  type KeptAttribute,
} from '../rules/vocabulary.js';
import { isId, isRecord, readId, recordAt, type Json } from './json.js';
import { readTime } from './times.js';

/** What the rules need and a payload lacks: reading the object by id settles it, whatever that answers. */
export type Lack = 'contact' | 'statistics' | 'closeTime' | 'customAttributes' | 'createdAt';

export type ReadConversation =
  | { readonly kind: 'ok'; readonly conversation: ConversationFacts; readonly lacks: readonly Lack[] }
  | Unsettled;

export type ReadContact =
  { readonly kind: 'ok'; readonly contact: ContactFacts; readonly lacks: readonly Lack[] } | Unsettled;

/** `field` names what is missing or can't be read, and never quotes it. */
type Unsettled =
  /** An id and little else: an old generation, a list entry, a shape we don't know. */
  | { readonly kind: 'reference'; readonly id: string; readonly field: string }
  | { readonly kind: 'unreadable'; readonly why: string; readonly field: string };

/** User IDs, e-mail addresses, teammates: Intercom itself keeps at most 255 characters of a custom text. */
const MAX_IDENTITY_LENGTH = 500;
/** A close comes with an update. What lies some days ahead of it counts as today; a year ahead it is no close. */
const MAX_CLOSE_AHEAD_SECONDS = 366 * 86_400;

/**
 * A conversation of a webhook, a search answer or `GET /conversations/{id}`. Unknown keys are passed over; times are
 * Unix seconds or ISO-8601, ids texts or numbers, `open` true or "true". `user` instead of `contacts` (API before 2.5)
 * is a reference, and so is a conversation of which something that the rules read has a form that means nothing: it is
 * never taken for empty.
 */
export function readConversationObject(raw: unknown): ReadConversation {
  if (!isRecord(raw)) return { kind: 'unreadable', why: 'not an object', field: 'the whole entry' };
  const id = readId(raw['id']);
  if (id === null) return { kind: 'unreadable', why: 'no id', field: 'id' };
  const refer = (field: string): ReadConversation => ({ kind: 'reference', id, field });

  const state = readState(raw);
  if (state === null) return refer(isMissing(raw['state']) ? 'open' : 'state');
  const createdAt = readTime(raw['created_at']);
  const updatedAt = isNoTime(raw['updated_at']) ? createdAt : readTime(raw['updated_at']);
  if (updatedAt === null) return refer('updated_at');
  if (createdAt === null && !isNoTime(raw['created_at'])) return refer('created_at');
  const contacts = readContactList(raw['contacts']);
  // Before 2.5 a conversation names its customer as `user` and has none of what the rules read.
  if (contacts === null && (isRecord(raw['user']) || !isMissing(raw['contacts']))) return refer('contacts');
  const custom = readRecord(raw['custom_attributes']);
  if (custom === 'unreadable') return refer('custom_attributes');
  const statistics = readRecord(raw['statistics']);
  if (statistics === 'unreadable') return refer('statistics');
  const closeTime = statistics?.[CLOSE_TIME] ?? null;
  const readCloseAt = readTime(closeTime);
  const isPossible = readCloseAt !== null && readCloseAt <= updatedAt + MAX_CLOSE_AHEAD_SECONDS;
  const lastCloseAt = isPossible ? readCloseAt : null;

  const lacks: Lack[] = [];
  if (contacts === null) lacks.push('contact');
  if (custom === null) lacks.push('customAttributes');
  if (createdAt === null) lacks.push('createdAt');
  if (state === 'closed' && lastCloseAt === null)
    lacks.push(statistics === null ? 'statistics' : 'closeTime');
  const assignee = readIdentity(raw['admin_assignee_id']);
  const conversation: ConversationFacts = {
    id,
    contactId: contacts?.firstId ?? null,
    createdAt: createdAt ?? updatedAt,
    updatedAt,
    state,
    channel: attributeText(custom, CHANNEL_ATTRIBUTE),
    serviceCode: attributeText(custom, SERVICE_CODE_ATTRIBUTE),
    // 0 is Intercom's way to write "nobody" in requests; what is no id is nobody either.
    coachId: assignee === null || assignee === '0' || !isId(assignee) ? null : assignee,
    lastCloseAt,
    ...(closeTime !== null && lastCloseAt === null ? { hasWrongCloseTime: true } : {}),
  };
  return { kind: 'ok', conversation, lacks };
}

/**
 * A contact of a webhook, a search answer or `GET /contacts/{id}`. Of its custom attributes only the
 * `KEPT_ATTRIBUTES` are taken, values as they are, of a text its first 2,000 characters. A list of one text is that
 * text; other lists and objects are no values, and are named in `unreadable`. A reference where its role, times or
 * attributes as a whole have a form that means nothing.
 */
export function readContactObject(raw: unknown): ReadContact {
  if (!isRecord(raw)) return { kind: 'unreadable', why: 'not an object', field: 'the whole entry' };
  const id = readId(raw['id']);
  if (id === null) return { kind: 'unreadable', why: 'no id', field: 'id' };
  const refer = (field: string): ReadContact => ({ kind: 'reference', id, field });

  const role = typeof raw['role'] === 'string' ? readText(raw['role']) : null;
  if (role === null) return refer('role');
  const createdAt = readTime(raw['created_at']);
  const updatedAt = isNoTime(raw['updated_at']) ? createdAt : readTime(raw['updated_at']);
  if (updatedAt === null) return refer('updated_at');
  const custom = readRecord(raw['custom_attributes']);
  if (custom === 'unreadable') return refer('custom_attributes');
  const contact: ContactFacts = {
    id,
    // Whatever is not a user is never written and never reported, as a lead.
    role: role.toLowerCase() === 'user' ? 'user' : 'lead',
    externalId: readIdentity(raw['external_id']),
    name: readText(raw['name']),
    email: readIdentity(raw['email']),
    createdAt,
    updatedAt,
    ...(custom === null ? { attributes: {} } : keptAttributes(custom)),
  };
  return { kind: 'ok', contact, lacks: custom === null ? ['customAttributes'] : [] };
}

/**
 * A contact of Intercom's own full answers, which always hold its attributes: without them every value would seem to be
 * gone, so they count as unreadable.
 */
export function readWholeContact(raw: unknown): ReadContact {
  const read = readContactObject(raw);
  if (read.kind !== 'ok' || read.lacks.length === 0) return read;
  return { kind: 'reference', id: read.contact.id, field: 'custom_attributes' };
}

/** The same for a conversation, and for whose it is. */
export function readWholeConversation(raw: unknown): ReadConversation {
  const read = readConversationObject(raw);
  if (read.kind !== 'ok') return read;
  const { id } = read.conversation;
  if (read.lacks.includes('contact')) return { kind: 'reference', id, field: 'contacts' };
  return read.lacks.includes('customAttributes')
    ? { kind: 'reference', id, field: 'custom_attributes' }
    : read;
}

/**
 * Whose a conversation seems to be that can't be read otherwise: its contact list's first contact, else the customer who
 * began it. Null when neither can be told. Only good for leaving that contact's values alone.
 */
export function readLikelyOwner(raw: unknown): string | null {
  const listed = readContactList(recordValue(raw, 'contacts'))?.firstId ?? null;
  if (listed !== null) return listed;
  const author = recordAt(recordAt(raw, 'source'), 'author');
  const isCustomer = ['user', 'lead', 'contact'].some((type) => type === author?.['type']);
  return isCustomer ? readId(author?.['id']) : readId(recordAt(raw, 'user')?.['id']);
}

function recordValue(raw: unknown, key: string): unknown {
  return isRecord(raw) ? raw[key] : null;
}

function isMissing(value: unknown): boolean {
  return value === undefined || value === null || (typeof value === 'string' && value.trim() === '');
}

/** 0 is how some programs write that there is none. */
function isNoTime(value: unknown): boolean {
  return isMissing(value) || value === 0 || value === '0';
}

/** Null where there is none. An empty list is how some programs write an empty object. */
function readRecord(value: unknown): Json | null | 'unreadable' {
  if (isMissing(value)) return null;
  if (isRecord(value)) return value;
  return Array.isArray(value) && value.length === 0 ? {} : 'unreadable';
}

const STATES = ['open', 'closed', 'snoozed'] as const;

/** `snoozed` is open too, but only `state` tells the two apart; an answer without `state` has at least `open`. */
function readState(raw: Json): (typeof STATES)[number] | null {
  const { state, open } = raw;
  if (typeof state === 'string') {
    const folded = state.trim().toLowerCase();
    return STATES.find((one) => one === folded) ?? null;
  }
  if (!isMissing(state)) return null;
  const text = typeof open === 'boolean' ? String(open) : open;
  if (text === 'true') return 'open';
  return text === 'false' ? 'closed' : null;
}

/** `{contacts: [{id}]}`, or the bare list; null when there is no list, or none that can be read. */
function readContactList(value: unknown): { readonly firstId: string | null } | null {
  const list = isRecord(value) ? value['contacts'] : value;
  if (!Array.isArray(list)) return null;
  if (list.length === 0) return { firstId: null };
  const first: unknown = list[0];
  const firstId = isRecord(first) ? readId(first['id']) : null;
  return firstId === null ? null : { firstId };
}

function keptAttributes(custom: Json): Pick<ContactFacts, 'attributes' | 'unreadable'> {
  const attributes: Partial<Record<KeptAttribute, AttributeValue>> = {};
  const unreadable: KeptAttribute[] = [];
  for (const name of KEPT_ATTRIBUTES) {
    const value = onlyText(Object.hasOwn(custom, name) ? custom[name] : null);
    if (typeof value === 'string') attributes[name] = cutText(value);
    else if (typeof value === 'number' || typeof value === 'boolean') attributes[name] = value;
    else if (value !== null && value !== undefined) unreadable.push(name);
  }
  return { attributes, ...(unreadable.length === 0 ? {} : { unreadable }) };
}

/** A list of one text is that text: so Intercom's lists of choices come where one is chosen. */
function onlyText(value: unknown): unknown {
  if (!Array.isArray(value) || value.length !== 1) return value;
  const first: unknown = value[0];
  return typeof first === 'string' ? first : value;
}

/** What is no text is described, so that people see why the call does not count. */
function attributeText(custom: Json | null, name: string): string | null {
  if (custom === null || !Object.hasOwn(custom, name)) return null;
  const value = onlyText(custom[name]);
  if (Array.isArray(value)) return value.length === 0 ? null : `(a list of ${value.length})`;
  return isRecord(value) ? '(an object)' : readText(value);
}

/** Cut short it would be another one's: one that is too long is none. */
function readIdentity(value: unknown): string | null {
  const read = readText(value);
  return read === null || read.length > MAX_IDENTITY_LENGTH ? null : read;
}

/** A trimmed text, a number or boolean as text; null for everything else and for the empty text. */
function readText(value: unknown): string | null {
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (typeof value !== 'string') return null;
  const trimmed = cutText(value.trim()).trim();
  return squeezeBlanks(trimmed) === '' ? null : trimmed;
}
