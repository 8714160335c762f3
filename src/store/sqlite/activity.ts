import { desc, eq, getTableColumns, isNotNull, lte, or, sql } from 'drizzle-orm';
import type { RecentNotification, RecentWrite } from '../activity-store.js';
import { contacts, inbox, outbox, writes } from './schema.js';
import type { Tables } from './tables.js';
import { outcomeOf } from './writes.js';

/** Walks the inbox from its end; what has not fallen due yet is skipped. See {@link RecentNotification}. */
export function recentNotifications(
  { connection }: Tables,
  limit: number,
  nowMs: number,
): RecentNotification[] {
  const { body: _body, ...columns } = getTableColumns(inbox);
  return connection.db
    .select(columns)
    .from(inbox)
    .where(or(lte(inbox.receivedAtMs, nowMs), sql`${inbox.status} <> 'waiting'`))
    .orderBy(desc(inbox.id))
    .limit(limit)
    .all()
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
  return connection.db
    .select({ write: writes, state: outbox.state, memberName: contacts.name })
    .from(writes)
    .leftJoin(outbox, eq(outbox.contactId, writes.contactId))
    .leftJoin(contacts, eq(contacts.id, writes.contactId))
    .where(isNotNull(writes.contactId))
    .orderBy(desc(writes.id))
    .limit(limit)
    .all()
    .map(({ write, state, memberName }) => ({
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
