import { contactFacts } from '../plan/contact-row.js';
import { conversationFacts } from '../plan/conversation-row.js';
import { storedDecision } from '../plan/member-row.js';
import type { Backlog, Freshness, MemberRecord } from '../ports/queries.js';
import type { Query } from './database.js';
import { countFights } from './fights.js';
import { readMeta } from './meta.js';
import { ROWS } from './row-sets.js';
import { listTimeline } from './writes.js';

/** How many of a member's writes are shown. */
const TIMELINE = 200;

/** One member with its evidence, conversations and writes. See {@link QueryStore.findMember}. */
export async function findMember(query: Query, id: string): Promise<MemberRecord | null> {
  const [member] = await ROWS.members.find(
    query,
    `contact_id = any (array(
       select contact_id from members where contact_id = @id
       union all select members.contact_id from contacts join members on members.contact_id = contacts.id
         where contacts.external_id = @id))
     order by (contact_id = @id) desc limit 1`,
    { id },
  );
  if (member === undefined) return null;
  const { contactId } = member;
  const [contact] = await ROWS.contacts.find(query, 'id = @contactId', { contactId });
  if (contact === undefined) return null;
  const conversations = await ROWS.conversations.find(
    query,
    'contact_id = @contactId order by created_at desc, id desc',
    { contactId },
  );
  const coachIds = [...new Set(conversations.flatMap(({ coachId }) => coachId ?? []))];
  const coaches = await ROWS.coaches.find(query, 'id = any (@coachIds)', { coachIds });
  const nameOf = new Map(coaches.map((coach) => [coach.id, coach.name]));
  return {
    contact: contactFacts(contact),
    decision: storedDecision(member),
    conversations: conversations.map((row) => ({
      ...conversationFacts(row),
      coachName: nameOf.get(row.coachId ?? '') ?? null,
    })),
    writes: await listTimeline(query, contactId, TIMELINE),
  };
}

/** How current the cache is. */
export async function readFreshness(query: Query): Promise<Freshness> {
  const known = await readMeta(query, [
    'applied_at',
    'swept_at',
    'swept_until_at',
    'complete_at',
    'coverage_from_at',
    'silent_since_at',
  ]);
  return {
    appliedAt: known.applied_at,
    sweptAt: known.swept_at,
    sweptUntilAt: known.swept_until_at,
    completeAt: known.complete_at,
    coverageFromAt: known.coverage_from_at,
    silentSinceAt: known.silent_since_at,
  };
}

type Counted = Readonly<
  Record<
    | 'notificationsWaiting'
    | 'notificationsParked'
    | 'writesWaiting'
    | 'writesParked'
    | 'objectsParked'
    | 'members'
    | 'conversations',
    number
  >
> & { readonly oldestReceivedMs: number | null; readonly oldestQueuedMs: number | null };

/** What waits and what is parked. Our own entries wait from the moment at which they fall due. */
export async function countBacklog(query: Query, nowMs: number): Promise<Backlog> {
  const [row] = await query.rows<Counted>(
    `select
       (select count(*) from inbox where status = 'waiting' and received_at_ms <= @nowMs) as "notificationsWaiting",
       (select min(received_at_ms) from inbox where status = 'waiting') as "oldestReceivedMs",
       (select count(*) from inbox where status = 'parked') as "notificationsParked",
       (select count(*) from outbox where state = 'ready') as "writesWaiting",
       (select min(queued_at_ms) from writes join outbox using (contact_id)
         where outcome = 'waiting' and state = 'ready' and not_before_ms <= @nowMs
           and writes.parked_at_ms is null) as "oldestQueuedMs",
       (select count(*) from (
         select contact_id from outbox where state = 'parked'
         union select contact_id from writes where outcome = 'waiting' and parked_at_ms is not null
       ) as parked) as "writesParked",
       (select count(*) from parked_objects) as "objectsParked",
       (select count(*) from members) as members,
       (select count(*) from conversations) as conversations`,
    { nowMs },
  );
  if (row === undefined) throw new TypeError('counts without an answer');
  const { oldestReceivedMs, oldestQueuedMs, ...counts } = row;
  const { erasures } = await readMeta(query, ['erasures']);
  const ageMs = (sinceMs: number | null | undefined): number | null =>
    typeof sinceMs === 'number' ? Math.max(0, nowMs - sinceMs) : null;
  return {
    ...counts,
    oldestNotificationAgeMs: ageMs(oldestReceivedMs),
    oldestWriteAgeMs: ageMs(oldestQueuedMs),
    attributesFoughtOver: await countFights(query, nowMs),
    erasureAgeMs: ageMs(erasures?.sinceMs),
    // The log is the server's.
    logBytes: 0,
  };
}
