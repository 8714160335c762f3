import type { Json } from '../intercom/json.js';
import { unixTime, type WriteTime } from './present-contact.js';
import type { Author, ConversationRecord, PartRecord, StatisticsRecord } from './records.js';
import type { WorkspaceState } from './state.js';
import { isSince, type ApiVersion } from './versions.js';

/** `GET /conversations/{id}` answers at most this many parts, the newest ones. */
const MAX_PARTS = 500;

/** An item of a search answer (schema `conversation_list_item`): everything but the parts. */
export function presentConversation(
  state: WorkspaceState,
  conversation: ConversationRecord,
  version: ApiVersion,
  statisticsTime: WriteTime = unixTime,
): Json {
  const { source, adminAssigneeId } = conversation;
  const firstContactReplyAt = conversation.statistics?.firstContactReplyAt ?? null;
  return {
    type: 'conversation',
    id: conversation.id,
    created_at: conversation.createdAt,
    updated_at: conversation.updatedAt,
    waiting_since: conversation.waitingSince,
    snoozed_until: conversation.snoozedUntil,
    source: {
      type: source.type,
      id: String(Number(conversation.id) % 1_000_000_000),
      delivered_as: source.author.type === 'admin' ? 'admin_initiated' : 'customer_initiated',
      subject: '',
      body: source.body,
      author: presentAuthor(state, source.author),
      attachments: [],
      url: null,
      redacted: false,
    },
    contacts: {
      type: 'contact.list',
      contacts: conversation.contactIds.map((id) => ({
        type: 'contact',
        id,
        external_id: state.contacts.get(id)?.externalId ?? null,
      })),
    },
    first_contact_reply:
      firstContactReplyAt === null
        ? null
        : { type: 'conversation', created_at: firstContactReplyAt, url: null },
    admin_assignee_id: adminAssigneeId,
    team_assignee_id: null,
    open: conversation.state === 'open',
    state: conversation.state,
    read: conversation.read,
    tags: { type: 'tag.list', tags: [] },
    priority: isSince(version, '2.16') ? 'none' : 'not_priority',
    sla_applied: null,
    statistics:
      conversation.statistics === null
        ? null
        : presentStatistics(conversation, conversation.statistics, version, statisticsTime),
    conversation_rating: null,
    teammates: {
      type: 'admin.list',
      teammates: adminAssigneeId === null ? [] : [{ type: 'admin', id: String(adminAssigneeId) }],
    },
    title: conversation.title,
    custom_attributes: conversation.customAttributes,
    topics: { type: 'topic.list', topics: [], total_count: 0 },
    ticket: null,
    linked_objects: { type: 'list', data: [], total_count: 0, has_more: false },
    ...(isSince(version, '2.11') ? { ai_agent: null, ai_agent_participated: false } : {}),
    ...(isSince(version, '2.15') ? { company: null } : {}),
    ...(isSince(version, '2.16')
      ? { channel: null, external_references: [], sales_agent: null, sales_agent_participated: false }
      : {}),
  };
}

/** `GET /conversations/{id}` (schema `conversation`): with its parts. */
export function presentWithParts(
  state: WorkspaceState,
  conversation: ConversationRecord,
  version: ApiVersion,
): Json {
  return {
    ...presentConversation(state, conversation, version),
    conversation_parts: presentParts(
      state,
      conversation.parts.slice(-MAX_PARTS),
      conversation.parts.length,
      version,
    ),
  };
}

/** The part list; `total` counts all parts, listed or not. */
export function presentParts(
  state: WorkspaceState,
  parts: readonly PartRecord[],
  total: number,
  version: ApiVersion,
): Json {
  return {
    type: 'conversation_part.list',
    conversation_parts: parts.map((part) => presentPart(state, part, version)),
    total_count: total,
  };
}

function presentPart(state: WorkspaceState, part: PartRecord, version: ApiVersion): Json {
  return {
    type: 'conversation_part',
    id: part.id,
    part_type: part.partType,
    body: part.body,
    created_at: part.createdAt,
    updated_at: part.createdAt,
    notified_at: part.createdAt,
    assigned_to: part.assignedTo === null ? null : { type: 'admin', id: part.assignedTo },
    author: presentAuthor(state, part.author),
    attachments: [],
    external_id: null,
    redacted: false,
    ...(isSince(version, '2.13')
      ? {
          state: part.state,
          tags: [],
          event_details: null,
          app_package_code: null,
          email_message_metadata: null,
        }
      : {}),
  };
}

function presentAuthor(state: WorkspaceState, author: Author): Json {
  if (author.type === 'bot') {
    return {
      type: 'bot',
      id: author.id,
      name: 'Operator',
      email: `operator+${state.settings.appId}@sandbox.example`,
    };
  }
  if (author.type === 'admin') {
    const admin = state.admins.find((known) => String(known.id) === author.id);
    return {
      type: 'admin',
      id: author.id,
      name: admin?.name ?? 'Former teammate',
      email: admin?.email ?? 'former.teammate@sandbox.example',
    };
  }
  const contact = state.contacts.get(author.id);
  return {
    type: author.type,
    id: author.id,
    name: contact?.name ?? null,
    email: contact?.email ?? 'nobody@sandbox.example',
  };
}

/** Times that never came are null, although the descriptions don't say so. */
function presentStatistics(
  conversation: ConversationRecord,
  statistics: StatisticsRecord,
  version: ApiVersion,
  time: WriteTime,
): Json {
  const since = (at: number | null): number | null => (at === null ? null : at - conversation.createdAt);
  return {
    type: 'conversation_statistics',
    time_to_assignment: since(statistics.firstAssignmentAt),
    time_to_admin_reply: since(statistics.firstAdminReplyAt),
    time_to_first_close: since(statistics.firstCloseAt),
    time_to_last_close: since(statistics.lastCloseAt),
    median_time_to_reply: null,
    first_contact_reply_at: time(statistics.firstContactReplyAt),
    first_assignment_at: time(statistics.firstAssignmentAt),
    first_admin_reply_at: time(statistics.firstAdminReplyAt),
    first_close_at: time(statistics.firstCloseAt),
    last_assignment_at: time(statistics.lastAssignmentAt),
    last_assignment_admin_reply_at: null,
    last_contact_reply_at: time(statistics.lastContactReplyAt),
    last_admin_reply_at: time(statistics.lastAdminReplyAt),
    last_close_at: time(statistics.lastCloseAt),
    last_closed_by_id: statistics.lastClosedById,
    count_reopens: statistics.countReopens,
    count_assignments: statistics.countAssignments,
    count_conversation_parts: conversation.parts.length,
    ...(isSince(version, '2.12') ? { assigned_team_first_response_time: [] } : {}),
    ...(isSince(version, '2.13')
      ? {
          assigned_team_first_response_time_in_office_hours: [],
          handling_time: 0,
          adjusted_handling_time: null,
        }
      : {}),
  };
}
