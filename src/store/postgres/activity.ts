import type { RecentNotification, RecentWrite } from '../ports/activity.js';
import { MAX_TOGETHER, withWholeLast } from '../whole-decisions.js';
import { outcomeOf } from '../write-row.js';
import type { Query } from './database.js';
import { ROWS } from './row-sets.js';

/** By when they came in, or fell due; see {@link ActivityStore.recentNotifications}. */
export async function recentNotifications(
  query: Query,
  limit: number,
  nowMs: number,
): Promise<RecentNotification[]> {
  const webhooks = await ROWS.inbox.find(
    query,
    `origin = 'webhook' and received_at_ms <= @nowMs order by id desc limit @limit`,
    { nowMs, limit },
  );
  const own = await ROWS.inbox.find(
    query,
    `origin <> 'webhook' and received_at_ms <= @nowMs order by received_at_ms desc, id desc limit @limit`,
    { nowMs, limit },
  );
  return [...webhooks, ...own]
    .toSorted((one, other) => other.receivedAtMs - one.receivedAtMs || other.id - one.id)
    .slice(0, limit)
    .map(({ id, origin, topic, subjectKind, subjectId, status, attempts, reason, ...times }) => ({
      id,
      origin,
      topic,
      subject: subjectKind === null || subjectId === null ? null : { kind: subjectKind, id: subjectId },
      status,
      attempts,
      reason,
      receivedAtMs: times.receivedAtMs,
      settledAtMs: times.settledAtMs,
    }));
}

export async function recentWrites(query: Query, limit: number): Promise<RecentWrite[]> {
  const found = await ROWS.writes.find(query, 'contact_id is not null order by id desc limit @limit', {
    limit: limit + MAX_TOGETHER,
  });
  const rows = withWholeLast(found, limit, (write) => write);
  const contactIds = [...new Set(rows.flatMap(({ contactId }) => contactId ?? []))];
  const known = await query.rows<{
    readonly id: string;
    readonly name: string | null;
    readonly state: Parameters<typeof outcomeOf>[1];
  }>(
    `select given.id, contacts.name, outbox.state from unnest(@contactIds::text[]) as given (id)
     left join contacts on contacts.id = given.id left join outbox on outbox.contact_id = given.id`,
    { contactIds },
  );
  const knownOf = new Map(known.map((one) => [one.id, one]));
  return rows.map((write) => ({
    id: write.id,
    contactId: write.contactId ?? '',
    memberName: knownOf.get(write.contactId ?? '')?.name ?? null,
    attribute: write.attribute,
    before: write.before,
    after: write.after,
    causeKind: write.causeKind,
    outcome: outcomeOf(write, knownOf.get(write.contactId ?? '')?.state ?? null),
    reason: write.reason,
    queuedAtMs: write.queuedAtMs,
    settledAtMs: write.settledAtMs,
  }));
}
