import { statSync } from 'node:fs';
import type { Backlog, Freshness, MemberRecord } from '../ports/queries.js';
import { contactFacts } from '../plan/contact-row.js';
import { storedDecision } from '../plan/member-row.js';
import type { Tables } from './tables.js';

/** How many of a member's writes are shown. */
const TIMELINE = 200;

/** One member with its evidence, conversations and writes. See {@link Store.findMember}. */
export function findMember(tables: Tables, id: string): MemberRecord | null {
  const { contacts, conversations, members, writes } = tables;
  const member = members.find(id) ?? members.find(members.idByUserId(id) ?? '');
  if (member === undefined) return null;
  const { contactId } = member;
  const contact = contacts.find(contactId);
  if (contact === undefined) return null;
  return {
    contact: contactFacts(contact),
    decision: storedDecision(member),
    conversations: conversations.ofContactWithCoach(contactId),
    writes: writes.timeline(contactId, TIMELINE),
  };
}

/** How current the cache is. */
export function readFreshness({ meta }: Tables): Freshness {
  return {
    appliedAt: meta.read('applied_at'),
    sweptAt: meta.read('swept_at'),
    sweptUntilAt: meta.read('swept_until_at'),
    completeAt: meta.read('complete_at'),
    coverageFromAt: meta.read('coverage_from_at'),
    silentSinceAt: meta.read('silent_since_at'),
  };
}

/** What waits and what is parked. Our own entries wait from the moment at which they fall due. */
export function countBacklog({ connection, fights, meta }: Tables, nowMs: number): Backlog {
  const row = connection.sqlite
    .prepare<
      { readonly nowMs: number },
      Partial<Record<keyof Backlog | 'oldestReceivedMs' | 'oldestQueuedMs', number | null>>
    >(
      `select
        (select count(*) from inbox where status = 'waiting' and received_at_ms <= :nowMs) as notificationsWaiting,
        (select min(received_at_ms) from inbox where status = 'waiting') as oldestReceivedMs,
        (select count(*) from inbox where status = 'parked') as notificationsParked,
        (select count(*) from outbox where state = 'ready') as writesWaiting,
        (select min(queued_at_ms) from writes join outbox using (contact_id)
          where outcome = 'waiting' and state = 'ready' and not_before_ms <= :nowMs
            and writes.parked_at_ms is null) as oldestQueuedMs,
        (select count(*) from (
          select contact_id from outbox where state = 'parked'
          union select contact_id from writes where outcome = 'waiting' and parked_at_ms is not null
        )) as writesParked,
        (select count(*) from parked_objects) as objectsParked,
        (select count(*) from members) as members,
        (select count(*) from conversations) as conversations`,
    )
    .get({ nowMs });
  const ageMs = (sinceMs: number | null | undefined): number | null =>
    typeof sinceMs === 'number' ? Math.max(0, nowMs - sinceMs) : null;
  return {
    notificationsWaiting: row?.notificationsWaiting ?? 0,
    oldestNotificationAgeMs: ageMs(row?.oldestReceivedMs),
    notificationsParked: row?.notificationsParked ?? 0,
    writesWaiting: row?.writesWaiting ?? 0,
    oldestWriteAgeMs: ageMs(row?.oldestQueuedMs),
    writesParked: row?.writesParked ?? 0,
    attributesFoughtOver: fights.count(nowMs),
    objectsParked: row?.objectsParked ?? 0,
    members: row?.members ?? 0,
    conversations: row?.conversations ?? 0,
    erasureAgeMs: ageMs(meta.read('erasures')?.sinceMs),
    logBytes: statSync(`${connection.sqlite.name}-wal`, { throwIfNoEntry: false })?.size ?? 0,
  };
}
