import { randomUUID } from 'node:crypto';
import { signBody } from '../../src/intercom/signature.js';
import type { Shot } from './load.js';

/** A closed call as Intercom's webhook carries it (invented), about 2.5 kB. */
export function closedConversationItem(id: string, contactId: string): object {
  const closedAt = new Date(1_790_000_000_000).toISOString();
  return {
    type: 'conversation',
    id,
    created_at: 1_789_990_000,
    updated_at: 1_790_000_000,
    waiting_since: null,
    snoozed_until: null,
    source: {
      type: 'conversation',
      id: `9${id}`,
      delivered_as: 'customer_initiated',
      subject: '',
      body: `<p>${'Can we talk about my sleep this week? '.repeat(12)}</p>`,
      author: { type: 'user', id: contactId, name: 'Invented Member', email: 'invented@example.com' },
      attachments: [],
      url: null,
      redacted: false,
    },
    contacts: {
      type: 'contact.list',
      contacts: [{ type: 'contact', id: contactId, external_id: `M-${contactId}` }],
    },
    first_contact_reply: null,
    admin_assignee_id: 5_210_001,
    team_assignee_id: null,
    open: false,
    state: 'closed',
    read: true,
    tags: { type: 'tag.list', tags: [] },
    priority: 'not_priority',
    sla_applied: null,
    statistics: {
      type: 'conversation_statistics',
      time_to_assignment: 0,
      time_to_admin_reply: 320,
      time_to_first_close: 4000,
      time_to_last_close: 10_000,
      median_time_to_reply: 200,
      first_contact_reply_at: closedAt,
      first_assignment_at: closedAt,
      first_admin_reply_at: closedAt,
      first_close_at: closedAt,
      last_assignment_at: closedAt,
      last_contact_reply_at: closedAt,
      last_admin_reply_at: closedAt,
      last_close_at: closedAt,
      last_closed_by_id: 5_210_001,
      count_reopens: 0,
      count_assignments: 1,
      count_conversation_parts: 9,
    },
    conversation_rating: null,
    teammates: { type: 'admin.list', admins: [{ type: 'admin', id: '5210001' }] },
    title: null,
    custom_attributes: { Channel: 'Phone', 'Service Code': 'Health Coaching 001', 'Copilot used': false },
    topics: {},
    ticket: null,
    linked_objects: { type: 'list', data: [], total_count: 0, has_more: false },
    ai_agent: null,
    ai_agent_participated: false,
    conversation_parts: {
      type: 'conversation_part.list',
      total_count: 1,
      conversation_parts: [
        {
          type: 'conversation_part',
          id: `8${id}`,
          part_type: 'close',
          body: null,
          created_at: 1_790_000_000,
          author: { type: 'admin', id: '5210001' },
        },
      ],
    },
  };
}

/** Signed notifications of closed calls, each of another conversation; of contacts that nobody knows unless given. */
export function notificationShots(
  count: number,
  clientSecret: string,
  contactIds: readonly string[] = [],
): Shot[] {
  return Array.from({ length: count }, (_, index) => {
    const body = Buffer.from(
      JSON.stringify({
        type: 'notification_event',
        app_id: 'sandbox1',
        id: `notif_${randomUUID()}`,
        topic: 'conversation.admin.closed',
        created_at: 1_790_000_000,
        first_sent_at: 1_790_000_000,
        delivery_attempts: 1,
        delivery_status: 'pending',
        data: {
          type: 'notification_event_data',
          item: closedConversationItem(
            String(100_000 + index),
            contactIds[index % contactIds.length] ?? `c${index % 5000}`,
          ),
        },
      }),
    );
    return {
      body,
      headers: {
        'content-type': 'application/json',
        'x-hub-signature': signBody(body, clientSecret),
      },
    };
  });
}
