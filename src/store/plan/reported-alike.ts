import type { ConversationRow } from './rows.js';
import type { Draft } from './draft.js';

/** What reports never read: it changes with every event. */
const UNREPORTED: ReadonlySet<string> = new Set<keyof ConversationRow>(['updatedAt', 'seenAtMs', 'wasRead']);

/**
 * Whether reports would read the same of a contact as the slice has it: then nothing that is stored for them need be
 * worked out again. Most events are replies, which change nothing but times that no report shows.
 */
export function isReportedAlike(
  { contacts, members, conversations, conversationsOf, slice }: Draft,
  contactId: string,
): boolean {
  const family = slice.families.get(contactId);
  if (contacts.get(contactId) !== (slice.contacts.get(contactId) ?? undefined)) return false;
  if (members.get(contactId) !== (family?.member ?? undefined)) return false;
  const before = family?.conversationIds ?? [];
  return (
    conversationsOf(contactId).length === before.length &&
    before.every((id) => isAlike(conversations.get(id), slice.conversations.get(id)))
  );
}

function isAlike(now: ConversationRow | undefined, before: ConversationRow | null | undefined): boolean {
  if (now === before) return true;
  if (now === undefined || before === undefined || before === null) return false;
  const was = new Map<string, unknown>(Object.entries(before));
  return Object.entries(now).every(([column, value]) => UNREPORTED.has(column) || was.get(column) === value);
}
