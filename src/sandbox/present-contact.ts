import type { Json } from '../intercom/json.js';
import type { ContactRecord } from './records.js';
import type { WorkspaceSettings } from './settings.js';
import { isSince, type ApiVersion } from './versions.js';

/** How instants are written: REST has Unix seconds, webhooks mostly ISO texts. */
export type WriteTime = (at: number | null) => number | string | null;

export const unixTime: WriteTime = (at) => at;

/** `2026-01-10T04:39:55.000+00:00`, as webhook contacts have it. */
const contactIsoTime: WriteTime = (at) =>
  at === null ? null : new Date(at * 1000).toISOString().replace('Z', '+00:00');

/** `2026-01-10T04:39:55.000Z`, as webhook statistics have it. */
const statisticsIsoTime: WriteTime = (at) => (at === null ? null : new Date(at * 1000).toISOString());

/** The writers for webhook payloads of this workspace. */
export function webhookTimes(settings: WorkspaceSettings): {
  readonly contact: WriteTime;
  readonly statistics: WriteTime;
} {
  return settings.webhookTimes === 'unix'
    ? { contact: unixTime, statistics: unixTime }
    : { contact: contactIsoTime, statistics: statisticsIsoTime };
}

/** The full contact object of the API (schema `contact`), as `version` writes it. */
export function presentContact(
  contact: ContactRecord,
  settings: WorkspaceSettings,
  version: ApiVersion,
  time: WriteTime = unixTime,
): Json {
  const list = (path: string, data: readonly unknown[] = []): Json => ({
    type: 'list',
    data,
    url: `/contacts/${contact.id}/${path}`,
    total_count: data.length,
    has_more: false,
  });
  const ownerId =
    isSince(version, '2.16') && contact.ownerId !== null ? String(contact.ownerId) : contact.ownerId;
  return {
    type: 'contact',
    id: contact.id,
    workspace_id: settings.appId,
    external_id: contact.externalId,
    role: contact.role,
    email: contact.email,
    phone: contact.phone,
    name: contact.name,
    avatar: null,
    owner_id: ownerId,
    social_profiles: { type: 'list', data: [] },
    has_hard_bounced: false,
    marked_email_as_spam: false,
    unsubscribed_from_emails: contact.unsubscribedFromEmails,
    created_at: time(contact.createdAt),
    updated_at: time(contact.updatedAt),
    signed_up_at: time(contact.signedUpAt),
    last_seen_at: time(contact.lastSeenAt),
    last_replied_at: time(contact.lastRepliedAt),
    last_contacted_at: time(contact.lastContactedAt),
    ...NEVER_FILLED,
    custom_attributes: contact.customAttributes,
    tags: list('tags'),
    notes: list('notes'),
    companies: list('companies'),
    opted_out_subscription_types: list('subscriptions'),
    opted_in_subscription_types: list('subscriptions'),
    ...(isSince(version, '2.12') ? { enabled_push_messaging: null } : {}),
  };
}

/** `merge_history`, part of the answer from 2.16 on when `include_merge_history=true`; users only. */
export function presentMergeHistory(contact: ContactRecord): Json {
  if (contact.role !== 'user') return {};
  return {
    merge_history: contact.mergeHistory.map((entry) => ({
      type: 'merge_history',
      source_contact_id: entry.sourceContactId,
      source_contact_role: entry.sourceContactRole,
      merged_at: entry.mergedAt,
    })),
  };
}

/** What the Messenger and e-mail tracking would fill in; nobody here uses them. */
const NEVER_FILLED: Json = {
  last_email_opened_at: null,
  last_email_clicked_at: null,
  language_override: null,
  browser: null,
  browser_version: null,
  browser_language: null,
  os: null,
  location: {
    type: 'location',
    country: null,
    region: null,
    city: null,
    country_code: null,
    continent_code: null,
  },
  android_app_name: null,
  android_app_version: null,
  android_device: null,
  android_os_version: null,
  android_sdk_version: null,
  android_last_seen_at: null,
  ios_app_name: null,
  ios_app_version: null,
  ios_device: null,
  ios_os_version: null,
  ios_sdk_version: null,
  ios_last_seen_at: null,
  utm_campaign: null,
  utm_content: null,
  utm_medium: null,
  utm_source: null,
  utm_term: null,
  referrer: null,
};
