/**
 * What a topic's `data.item` is about. `…-mention`: an object of another kind (a part, a tag, a subscription) with
 * the conversation or contact inside; it matters only if that can be found.
 */
export type TopicKind =
  | 'ping'
  | 'conversation'
  | 'conversation-deleted'
  | 'conversation-mention'
  | 'contact'
  | 'contact-merged'
  | 'contact-archived'
  | 'contact-unarchived'
  | 'contact-deleted'
  | 'contact-mention'
  | 'ignored';

/**
 * Topics by the names of Intercom's webhook reference; `contact.unarchive` is printed there while real deliveries say
 * `contact.unarchived`, so both spellings of both are known. `conversation.closed` and `contact.updated` are sent by
 * no real workspace, and what begins with `user.`, or `contact.` with one more word, is of the generation before 2.0.
 */
const KINDS: ReadonlyMap<string, TopicKind> = new Map<string, TopicKind>([
  ['ping', 'ping'],
  ...kindFor('conversation', [
    'conversation.admin.closed',
    'conversation.admin.opened',
    'conversation.admin.assigned',
    'conversation.admin.open.assigned',
    'conversation.admin.replied',
    'conversation.admin.replied.translated',
    'conversation.admin.noted',
    'conversation.admin.snoozed',
    'conversation.admin.unsnoozed',
    'conversation.admin.single.created',
    'conversation.user.created',
    'conversation.user.replied',
    'conversation.operator.replied',
    'conversation.rating.added',
    'conversation.priority.updated',
    'conversation.read',
    'conversation.contact.attached',
    'conversation.contact.detached',
    'conversation.company.updated',
    'conversation.closed',
  ]),
  ['conversation.deleted', 'conversation-deleted'],
  ...kindFor('conversation-mention', ['conversation_part.tag.created', 'conversation_part.redacted']),
  ...kindFor('contact', [
    'contact.user.created',
    'contact.user.updated',
    'contact.lead.created',
    'contact.lead.updated',
    'contact.lead.added_email',
    'contact.lead.signed_up',
    'contact.email.updated',
    'contact.updated',
    'contact.created',
    'contact.signed_up',
    'contact.added_email',
    'user.created',
    'user.email.updated',
  ]),
  ['contact.merged', 'contact-merged'],
  ...kindFor('contact-archived', ['contact.archived', 'contact.archive']),
  ...kindFor('contact-unarchived', ['contact.unarchived', 'contact.unarchive']),
  ...kindFor('contact-deleted', ['contact.deleted', 'user.deleted']),
  ...kindFor('contact-mention', [
    'contact.user.tag.created',
    'contact.user.tag.deleted',
    'contact.lead.tag.created',
    'contact.lead.tag.deleted',
    'contact.tag.created',
    'contact.tag.deleted',
    'contact.subscribed',
    'contact.unsubscribed',
    'user.tag.created',
    'user.tag.deleted',
    'user.unsubscribed',
  ]),
]);

/** What the app's webhooks have to be subscribed to; of the others nothing that is kept depends on. */
export const SUBSCRIBED_TOPICS = [
  'conversation.admin.closed',
  'conversation.admin.opened',
  'conversation.admin.assigned',
  'conversation.admin.open.assigned',
  'conversation.admin.snoozed',
  'conversation.admin.unsnoozed',
  'conversation.user.created',
  'conversation.admin.single.created',
  'conversation.contact.attached',
  'conversation.contact.detached',
  'conversation.deleted',
  'contact.user.created',
  'contact.user.updated',
  'contact.lead.created',
  'contact.lead.updated',
  'contact.lead.signed_up',
  'contact.email.updated',
  'contact.merged',
  'contact.archived',
  'contact.unarchived',
  'contact.deleted',
] as const;

/** Prefixes of topics that Intercom may add: what they mention is looked at, everything else is ignored. */
const FAMILIES = [
  ['conversation.', 'conversation-mention'],
  ['conversation_part.', 'conversation-mention'],
  ['contact.', 'contact-mention'],
  ['user.', 'contact-mention'],
] as const satisfies readonly (readonly [string, TopicKind])[];

/** What an item of this topic is about; `ignored` for topics that say nothing about conversations or contacts. */
export function topicKind(topic: string): TopicKind {
  return KINDS.get(topic) ?? FAMILIES.find(([prefix]) => topic.startsWith(prefix))?.[1] ?? 'ignored';
}

/** The topic, if it is one of those we handle by name, else `other`: a label with few values. */
export function knownTopic(topic: string): string {
  return KINDS.has(topic) ? topic : 'other';
}

function kindFor(kind: TopicKind, topics: readonly string[]): [string, TopicKind][] {
  return topics.map((topic) => [topic, kind]);
}
