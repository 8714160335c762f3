import { and, desc, eq, isNotNull, lte, sql } from 'drizzle-orm';
import type { RecentNotification, RecentWrite } from '../ports/activity.js';
import { contacts, inbox, outbox, writes } from './schema.js';
import type { Tables } from './tables.js';
import { MAX_TOGETHER, withWholeLast } from '../whole-decisions.js';
import { outcomeOf } from '../write-row.js';

/**
 * By when they came in, or fell due; what has not yet is left out. Webhooks are walked from the end of the inbox, our own
 * entries, which stand there long before they fall due, along their index. See {@link RecentNotification}.
 */
export function recentNotifications(
  { connection }: Tables,
  limit: number,
  nowMs: number,
): RecentNotification[] {
  const { db } = connection;
  const hasComeIn = lte(inbox.receivedAtMs, nowMs);
  const webhooks = db
    .select()
    .from(inbox)
    .where(and(sql`origin = 'webhook'`, hasComeIn))
    .orderBy(desc(inbox.id))
    .limit(limit)
    .all();
  const own = db
    .select()
    .from(inbox)
    // Written out, so that SQLite sees that the partial index serves it.
    .where(and(sql`origin <> 'webhook'`, hasComeIn))
    .orderBy(desc(inbox.receivedAtMs), desc(inbox.id))
    .limit(limit)
    .all();
  return [...webhooks, ...own]
    .toSorted((one, other) => other.receivedAtMs - one.receivedAtMs || other.id - one.id)
    .slice(0, limit)
    .map((row) => ({
      id: row.id,
      origin: row.origin,
      topic: row.topic,
      subject:
        row.subjectKind === null || row.subjectId === null
          ? null
          : { kind: row.subjectKind, id: row.subjectId },
      status: row.status,
      attempts: row.attempts,
      reason: row.reason,
      receivedAtMs: row.receivedAtMs,
      settledAtMs: row.settledAtMs,
    }));
}

export function recentWrites({ connection }: Tables, limit: number): RecentWrite[] {
  const rows = connection.db
    .select({ write: writes, state: outbox.state, memberName: contacts.name })
    .from(writes)
    .leftJoin(outbox, eq(outbox.contactId, writes.contactId))
    .leftJoin(contacts, eq(contacts.id, writes.contactId))
    .where(isNotNull(writes.contactId))
    .orderBy(desc(writes.id))
    .limit(limit + MAX_TOGETHER)
    .all();
  return withWholeLast(rows, limit, ({ write }) => write).map(({ write, state, memberName }) => ({
    id: write.id,
    contactId: write.contactId ?? '',
    memberName,
    attribute: write.attribute,
    before: write.before,
    after: write.after,
    causeKind: write.causeKind,
    outcome: outcomeOf(write, state),
    reason: write.reason,
    queuedAtMs: write.queuedAtMs,
    settledAtMs: write.settledAtMs,
  }));
}
