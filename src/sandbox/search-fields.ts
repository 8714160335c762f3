import type { ContactRecord, ConversationRecord } from './records.js';
import type { Dialect, SearchField } from './search-query.js';
import type { WorkspaceState } from './state.js';
import { isSince, type ApiVersion } from './versions.js';

type Fields<Item> = ReadonlyMap<string, SearchField<Item>>;

const CONTACT_FIELDS: Fields<ContactRecord> = new Map<string, SearchField<ContactRecord>>([
  ['id', { type: 'string', read: (contact) => contact.id }],
  ['role', { type: 'string', read: (contact) => contact.role }],
  ['name', { type: 'string', read: (contact) => contact.name }],
  ['email', { type: 'string', read: (contact) => contact.email }],
  ['email_domain', { type: 'string', read: (contact) => contact.email?.split('@').at(1) ?? null }],
  ['phone', { type: 'string', read: (contact) => contact.phone }],
  ['external_id', { type: 'string', read: (contact) => contact.externalId }],
  [
    'owner_id',
    { type: 'string', read: (contact) => (contact.ownerId === null ? null : String(contact.ownerId)) },
  ],
  ['created_at', { type: 'date', read: (contact) => contact.createdAt }],
  ['updated_at', { type: 'date', read: (contact) => contact.updatedAt }],
  ['signed_up_at', { type: 'date', read: (contact) => contact.signedUpAt }],
  ['last_seen_at', { type: 'date', read: (contact) => contact.lastSeenAt }],
  ['last_contacted_at', { type: 'date', read: (contact) => contact.lastContactedAt }],
  ['last_replied_at', { type: 'date', read: (contact) => contact.lastRepliedAt }],
  ['unsubscribed_from_emails', { type: 'boolean', read: (contact) => contact.unsubscribedFromEmails }],
]);

const CONVERSATION_FIELDS: Fields<ConversationRecord> = new Map<string, SearchField<ConversationRecord>>([
  ['id', { type: 'string', read: (conversation) => conversation.id }],
  ['created_at', { type: 'date', read: (conversation) => conversation.createdAt }],
  ['updated_at', { type: 'date', read: (conversation) => conversation.updatedAt }],
  ['waiting_since', { type: 'date', read: (conversation) => conversation.waitingSince }],
  ['snoozed_until', { type: 'date', read: (conversation) => conversation.snoozedUntil }],
  ['source.type', { type: 'string', read: (conversation) => conversation.source.type }],
  ['source.author.id', { type: 'string', read: (conversation) => conversation.source.author.id }],
  ['source.author.type', { type: 'string', read: (conversation) => conversation.source.author.type }],
  ['contact_ids', { type: 'string', read: (conversation) => conversation.contactIds }],
  [
    'teammate_ids',
    {
      type: 'string',
      read: (conversation) =>
        conversation.adminAssigneeId === null ? null : String(conversation.adminAssigneeId),
    },
  ],
  ['admin_assignee_id', { type: 'integer', read: (conversation) => conversation.adminAssigneeId }],
  ['team_assignee_id', { type: 'integer', read: () => null }],
  ['open', { type: 'boolean', read: (conversation) => conversation.state === 'open' }],
  ['read', { type: 'boolean', read: (conversation) => conversation.read }],
  ['state', { type: 'string', read: (conversation) => conversation.state }],
  [
    'statistics.first_close_at',
    { type: 'date', read: (conversation) => conversation.statistics?.firstCloseAt ?? null },
  ],
  [
    'statistics.last_close_at',
    { type: 'date', read: (conversation) => conversation.statistics?.lastCloseAt ?? null },
  ],
  [
    'statistics.last_closed_by_id',
    { type: 'string', read: (conversation) => conversation.statistics?.lastClosedById ?? null },
  ],
  [
    'statistics.last_contact_reply_at',
    { type: 'date', read: (conversation) => conversation.statistics?.lastContactReplyAt ?? null },
  ],
  [
    'statistics.last_admin_reply_at',
    { type: 'date', read: (conversation) => conversation.statistics?.lastAdminReplyAt ?? null },
  ],
  [
    'statistics.count_reopens',
    { type: 'integer', read: (conversation) => conversation.statistics?.countReopens ?? null },
  ],
  [
    'statistics.count_assignments',
    { type: 'integer', read: (conversation) => conversation.statistics?.countAssignments ?? null },
  ],
  [
    'statistics.count_conversation_parts',
    { type: 'integer', read: (conversation) => conversation.parts.length },
  ],
]);

const CUSTOM = 'custom_attributes.';
const NUMBER_OPERATORS = ['=', '!=', 'IN', 'NIN', '>', '<'] as const;

/** Contacts: dates take `=`, `>` and `<` only; every custom attribute is searchable by its name. */
export function contactDialect(state: WorkspaceState, version: ApiVersion): Dialect<ContactRecord> {
  const { settings } = state;
  const dates =
    settings.contactSearchDates === 'by-version'
      ? isSince(version, '2.17')
        ? 'second'
        : 'day'
      : settings.contactSearchDates;
  const byDayIn = dates === 'second' ? 'UTC' : undefined;
  return {
    field: (name) =>
      CONTACT_FIELDS.get(name) ?? (name.startsWith(CUSTOM) ? attributeField(state, name, byDayIn) : null),
    dates,
    timeZone: settings.timeZone,
    dateOperators: new Set(['=', '>', '<']),
    numberOperators: new Set([...NUMBER_OPERATORS, '>=', '<=']),
    inclusiveBounds: false,
    inLimit: settings.inLimit,
  };
}

/** Conversations: no `>=` and `<=`, and no custom attributes (no version documents them as searchable). */
export function conversationDialect(state: WorkspaceState): Dialect<ConversationRecord> {
  const { settings } = state;
  return {
    field: (name) => CONVERSATION_FIELDS.get(name) ?? null,
    dates: settings.conversationSearchDates,
    timeZone: settings.timeZone,
    dateOperators: new Set(NUMBER_OPERATORS),
    numberOperators: new Set(NUMBER_OPERATORS),
    inclusiveBounds: settings.conversationSearchBounds === 'or-equal',
    inLimit: settings.inLimit,
  };
}

function attributeField(
  state: WorkspaceState,
  name: string,
  byDayIn: string | undefined,
): SearchField<ContactRecord> | null {
  const attributeName = name.slice(CUSTOM.length);
  const attribute = state.attributes.contact.find((known) => known.name === attributeName);
  if (attribute === undefined) return null;
  return {
    type: attribute.dataType,
    byDayIn,
    read: (contact) => contact.customAttributes[attributeName] ?? null,
  };
}
