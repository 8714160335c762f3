import type { Backlog, Freshness, MemberRecord, ParkedItem } from '../look-store.js';
import { contactFacts } from './contacts.js';
import { storedDecision } from './members.js';
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
export function countBacklog({ connection }: Tables, nowMs: number): Backlog {
  const row = connection.sqlite
    .prepare<
      { readonly nowMs: number },
      Record<keyof Backlog | 'oldestReceivedMs' | 'oldestQueuedMs', number | null>
    >(
      `select
        (select count(*) from inbox where status = 'waiting' and received_at_ms <= :nowMs) as notificationsWaiting,
        (select min(received_at_ms) from inbox where status = 'waiting') as oldestReceivedMs,
        (select count(*) from inbox where status = 'parked') as notificationsParked,
        (select count(*) from outbox where state = 'ready') as writesWaiting,
        (select min(queued_at_ms) from writes join outbox using (contact_id)
          where outcome = 'waiting' and state = 'ready' and writes.parked_at_ms is null) as oldestQueuedMs,
        (select count(*) from (
          select contact_id from outbox where state = 'parked'
          union select contact_id from writes where outcome = 'waiting' and parked_at_ms is not null
        )) as writesParked,
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
    members: row?.members ?? 0,
    conversations: row?.conversations ?? 0,
  };
}

interface ParkedRow {
  readonly id: string | number;
  readonly topic: string | null;
  readonly reason: string | null;
  readonly attempts: number;
  readonly sinceMs: number | null;
}

/** Everything that waits for a person, oldest first. */
export function listParked({ connection, writes }: Tables): ParkedItem[] {
  const { sqlite } = connection;
  const notifications = sqlite
    .prepare<[], ParkedRow>(
      `select id, topic, reason, attempts, settled_at_ms as sinceMs from inbox
       where status = 'parked' order by settled_at_ms, id`,
    )
    .all()
    .map((row) => ({ kind: 'notification', ...parkedItem(row), attributes: [] }) as const);
  const whole = sqlite
    .prepare<[], ParkedRow>(
      `select contact_id as id, null as topic, reason, attempts, parked_at_ms as sinceMs from outbox
       where state = 'parked' order by parked_at_ms`,
    )
    .all();
  const alone = sqlite
    .prepare<[], ParkedRow>(
      `select contact_id as id, null as topic, group_concat(distinct reason) as reason, max(attempts) as attempts,
         min(parked_at_ms) as sinceMs
       from writes where outcome = 'waiting' and parked_at_ms is not null and contact_id is not null
       group by contact_id`,
    )
    .all();
  const contacts = mergeById(whole, alone).map(({ row, isWhole }) => {
    const attributes = writes
      .waiting(String(row.id))
      .filter((write) => isWhole || write.parkedAtMs !== null)
      .map((write) => write.attribute);
    return { kind: 'write', ...parkedItem(row), attributes } as const;
  });
  return [...notifications, ...contacts].sort((one, other) => one.sinceMs - other.sinceMs);
}

/** One item for each contact: of some only single attributes are parked, of some everything. */
function mergeById(
  whole: readonly ParkedRow[],
  alone: readonly ParkedRow[],
): { readonly row: ParkedRow; readonly isWhole: boolean }[] {
  const aloneById = new Map(alone.map((row) => [row.id, row]));
  const wholeIds = new Set(whole.map((row) => row.id));
  return [
    ...whole.map((row) => {
      const reasons = [row.reason, aloneById.get(row.id)?.reason].filter(
        (reason) => typeof reason === 'string',
      );
      return { row: { ...row, reason: reasons.join('; ') }, isWhole: true };
    }),
    ...alone.filter((row) => !wholeIds.has(row.id)).map((row) => ({ row, isWhole: false })),
  ];
}

function parkedItem(row: ParkedRow): Omit<ParkedItem, 'kind' | 'attributes'> {
  const { topic, attempts } = row;
  return { id: String(row.id), topic, reason: row.reason ?? '', attempts, sinceMs: row.sinceMs ?? 0 };
}
