import { z } from 'zod';
import type { AttributeValue, ContactFacts, ConversationFacts } from '../rules/facts.js';
import { cutText, squeezeBlanks } from '../rules/text.js';
import {
  CHANNEL_ATTRIBUTE,
  CLOSE_TIME,
  KEPT_ATTRIBUTES,
  SERVICE_CODE_ATTRIBUTE,
  type KeptAttribute,
} from '../rules/vocabulary.js';
import { isRecord, readId, type Json } from './json.js';
import { readInstant } from './times.js';

/** What the rules need and a payload lacks: reading the object by id settles it, whatever that answers. */
export type Lack = 'contact' | 'statistics' | 'closeTime' | 'customAttributes' | 'createdAt';

export type ReadConversation =
  | { readonly kind: 'ok'; readonly conversation: ConversationFacts; readonly lacks: readonly Lack[] }
  /** An id and little else: an old generation, a list entry, a shape we don't know. */
  | { readonly kind: 'reference'; readonly id: string }
  | { readonly kind: 'unreadable'; readonly why: string };

export type ReadContact =
  | { readonly kind: 'ok'; readonly contact: ContactFacts; readonly lacks: readonly Lack[] }
  | { readonly kind: 'reference'; readonly id: string }
  | { readonly kind: 'unreadable'; readonly why: string };

/** User IDs, e-mail addresses, teammates: Intercom itself keeps at most 255 characters of a custom text. */
const MAX_IDENTITY_LENGTH = 500;
/** A close comes with an update. What lies some days ahead of it counts as today; a year ahead it is no close. */
const MAX_CLOSE_AHEAD_SECONDS = 366 * 86_400;

const id = z
  .unknown()
  .optional()
  .transform((value, context) => {
    const read = readId(value);
    if (read !== null) return read;
    context.addIssue({ code: 'custom', message: 'no id' });
    return z.NEVER;
  });
const instant = z.unknown().optional().transform(readInstant);
const text = z.unknown().optional().transform(readText);
/** Cut short it would be another one's: one that is too long is none. */
const identity = z
  .unknown()
  .optional()
  .transform((value) => {
    const read = readText(value);
    return read === null || read.length > MAX_IDENTITY_LENGTH ? null : read;
  });
const record = z
  .unknown()
  .optional()
  .transform((value) => (isRecord(value) ? value : null));

/** Both generations in use since API 2.5; `z.object` drops every key that isn't named here. */
const conversationShape = z.object({
  id,
  created_at: instant,
  updated_at: instant,
  state: z.enum(['open', 'closed', 'snoozed']).nullish(),
  open: z.boolean().nullish(),
  admin_assignee_id: identity,
  contacts: z.unknown().optional().transform(readContactList),
  statistics: record,
  custom_attributes: record,
});

const contactShape = z.object({
  id,
  role: text,
  external_id: identity,
  name: text,
  email: identity,
  created_at: instant,
  updated_at: instant,
  custom_attributes: record,
});

/**
 * A conversation of a webhook, a search answer or `GET /conversations/{id}`. Unknown keys are passed over; times are
 * Unix seconds or ISO-8601, ids texts or numbers. `user` instead of `contacts` (API before 2.5) is a reference.
 */
export function readConversationObject(raw: unknown): ReadConversation {
  const shaped = conversationShape.safeParse(raw);
  if (!shaped.success) return referenceOrUnreadable(raw);
  const { data } = shaped;
  const state = data.state ?? stateOf(data.open);
  const updatedAt = data.updated_at ?? data.created_at;
  if (state === null || updatedAt === null) return { kind: 'reference', id: data.id };
  // Before 2.5 a conversation names its customer as `user` and has none of what the rules read.
  if (data.contacts === null && isRecord(raw) && isRecord(raw['user'])) {
    return { kind: 'reference', id: data.id };
  }
  const closeTime = data.statistics?.[CLOSE_TIME] ?? null;
  const readCloseAt = readInstant(closeTime);
  const isPossible = readCloseAt !== null && readCloseAt <= updatedAt + MAX_CLOSE_AHEAD_SECONDS;
  const lastCloseAt = isPossible ? readCloseAt : null;
  const lacks: Lack[] = [];
  if (data.contacts === null) lacks.push('contact');
  if (data.custom_attributes === null) lacks.push('customAttributes');
  if (data.created_at === null) lacks.push('createdAt');
  if (state === 'closed' && lastCloseAt === null) {
    lacks.push(data.statistics === null ? 'statistics' : 'closeTime');
  }
  const conversation: ConversationFacts = {
    id: data.id,
    contactId: data.contacts?.firstId ?? null,
    createdAt: data.created_at ?? updatedAt,
    updatedAt,
    state,
    channel: attributeText(data.custom_attributes, CHANNEL_ATTRIBUTE),
    serviceCode: attributeText(data.custom_attributes, SERVICE_CODE_ATTRIBUTE),
    // 0 is Intercom's way to write "nobody" in requests.
    coachId: data.admin_assignee_id === '0' ? null : data.admin_assignee_id,
    lastCloseAt,
    ...(closeTime !== null && lastCloseAt === null ? { hasWrongCloseTime: true } : {}),
  };
  return { kind: 'ok', conversation, lacks };
}

/**
 * A contact of a webhook, a search answer or `GET /contacts/{id}`. Of its custom attributes only the
 * `KEPT_ATTRIBUTES` are taken, values as they are, of a text its first 2,000 characters. A list of one text is that
 * text; other lists and objects are no values, and are named in `unreadable`.
 */
export function readContactObject(raw: unknown): ReadContact {
  const shaped = contactShape.safeParse(raw);
  if (!shaped.success) return referenceOrUnreadable(raw);
  const { data } = shaped;
  const updatedAt = data.updated_at ?? data.created_at;
  if (data.role === null || updatedAt === null) return { kind: 'reference', id: data.id };
  const contact: ContactFacts = {
    id: data.id,
    // Whatever is not a user is never written and never reported, as a lead.
    role: data.role === 'user' ? 'user' : 'lead',
    externalId: data.external_id,
    name: data.name,
    email: data.email,
    createdAt: data.created_at,
    updatedAt,
    ...(data.custom_attributes === null ? { attributes: {} } : keptAttributes(data.custom_attributes)),
  };
  return { kind: 'ok', contact, lacks: data.custom_attributes === null ? ['customAttributes'] : [] };
}

function referenceOrUnreadable(
  raw: unknown,
): { kind: 'reference'; id: string } | { kind: 'unreadable'; why: string } {
  if (!isRecord(raw)) return { kind: 'unreadable', why: 'not an object' };
  const found = readId(raw['id']);
  return found === null ? { kind: 'unreadable', why: 'no id' } : { kind: 'reference', id: found };
}

/** `snoozed` is open too, but only `state` tells the two apart; an answer without `state` has at least this. */
function stateOf(open: boolean | null | undefined): 'open' | 'closed' | null {
  if (open === undefined || open === null) return null;
  return open ? 'open' : 'closed';
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

/** A trimmed text, a number or boolean as text; null for everything else and for the empty text. */
function readText(value: unknown): string | null {
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (typeof value !== 'string') return null;
  const trimmed = cutText(value.trim()).trim();
  return squeezeBlanks(trimmed) === '' ? null : trimmed;
}
