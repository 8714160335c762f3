import { and, asc, eq, isNotNull, isNull, min, sql } from 'drizzle-orm';
import { alias } from 'drizzle-orm/sqlite-core';
import type {
  InboxShare,
  Lease,
  LeasedNotification,
  NewNotification,
  NotificationFailure,
  NotificationOrigin,
  Reread,
  Retry,
} from '../store.js';
import type { Connection } from './connection.js';
import { inbox } from './schema.js';
import type { WorkBell } from './work-bell.js';

export type InboxRow = typeof inbox.$inferSelect;

/** What has come in and is worked off lane by lane. */
export interface Inbox {
  /** Stores each once, in one transaction; the answers are in the order of `notifications`. */
  readonly storeAll: (notifications: readonly NewNotification[]) => ('stored' | 'duplicate')[];
  readonly lease: (lease: Lease, of?: InboxShare) => LeasedNotification[];
  /** The entry while `owner` holds it; undefined when it was taken over, settled or erased. */
  readonly findHeld: (id: number, owner: string) => InboxRow | undefined;
  readonly settle: (row: InboxRow, outcome: 'done' | 'ignored', nowMs: number) => void;
  readonly retry: (failure: NotificationFailure & Retry) => void;
  readonly park: (failure: NotificationFailure) => void;
  readonly addReread: (reread: Reread) => void;
  readonly nextDueAtMs: (of?: InboxShare) => number | null;
}

export function createInbox(connection: Connection, bell: WorkBell): Inbox {
  const { sqlite, db, transact } = connection;

  const insert = sqlite.prepare<(string | number | Uint8Array | null)[]>(`
    insert into inbox (origin, dedupe_key, topic, subject_kind, subject_id, lane, created_at, received_at_ms, body,
                       status, due_at_ms, attempts, reason, settled_at_ms)
    values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?)
    on conflict (dedupe_key) do nothing`);
  const busyLanes = sqlite
    .prepare<[number], string>(
      'select lane from inbox where lease_owner is not null and lease_until_ms > ? and lane is not null',
    )
    .pluck();
  // Walks inbox_waiting in order, one origin after the other, and stops at the limit. Choosing one row per lane in SQL
  // (window function or NOT EXISTS per row) would look at every waiting row each time.
  const dueEntries = sqlite.prepare<
    [NotificationOrigin, 0 | 1, number, number],
    { readonly id: number; readonly lane: string | null }
  >(`
    select id, lane from inbox
    where status = 'waiting' and origin = ? and waits_for_intercom = ? and due_at_ms <= ? and (lease_owner is null or lease_until_ms <= ?)
    order by due_at_ms, id`);
  const take = db
    .update(inbox)
    .set({
      leaseOwner: sql`${sql.placeholder('owner')}`,
      leasedAtMs: sql`${sql.placeholder('nowMs')}`,
      leaseUntilMs: sql`${sql.placeholder('untilMs')}`,
      attempts: sql`${inbox.attempts} + 1`,
      waitsForIntercom: sql`0`,
    })
    .where(eq(inbox.id, sql.placeholder('id')))
    .returning()
    .prepare();
  const held = db
    .select()
    .from(inbox)
    .where(
      and(
        eq(inbox.id, sql.placeholder('id')),
        eq(inbox.leaseOwner, sql.placeholder('owner')),
        eq(inbox.status, 'waiting'),
      ),
    )
    .prepare();
  const blocking = alias(inbox, 'blocking');
  const nextFree = db
    .select({ dueAtMs: inbox.dueAtMs })
    .from(inbox)
    .where(
      and(
        eq(inbox.status, sql`'waiting'`),
        eq(inbox.origin, sql.placeholder('origin')),
        eq(inbox.waitsForIntercom, sql.placeholder('waitsForIntercom')),
        isNull(inbox.leaseOwner),
        sql`not exists (select 1 from ${inbox} as ${sql.identifier('blocking')}
          where ${blocking.lane} = ${inbox.lane} and ${blocking.leaseOwner} is not null)`,
      ),
    )
    .orderBy(asc(inbox.dueAtMs), asc(inbox.id))
    .limit(1)
    .prepare();
  const nextLeaseEnd = db
    .select({ untilMs: min(inbox.leaseUntilMs) })
    .from(inbox)
    .where(isNotNull(inbox.leaseOwner))
    .prepare();
  const moreInLane = sqlite
    .prepare<[string], number>("select 1 from inbox where lane = ? and status = 'waiting' limit 1")
    .pluck();

  const free = { leaseOwner: null, leasedAtMs: null, leaseUntilMs: null };
  const settle = db
    .update(inbox)
    .set({
      ...free,
      status: sql`${sql.placeholder('outcome')}`,
      reason: null,
      settledAtMs: sql`${sql.placeholder('nowMs')}`,
    })
    .where(eq(inbox.id, sql.placeholder('id')))
    .prepare();

  const wakeLane = (lane: string | null): void => {
    if (lane !== null && moreInLane.get(lane) !== undefined) bell.ring('inbox');
  };

  return {
    storeAll: (notifications) => {
      const answers = transact(() => notifications.map((notification) => insertNew(notification)));
      const isWork = notifications.some((one, at) => one.unreadable === null && answers[at] === 'stored');
      if (isWork) bell.ring('inbox');
      return answers;
    },

    lease: ({ owner, nowMs, leaseMs, limit, waitingForIntercom = limit }, of) =>
      transact(() => {
        const lanes = new Set(busyLanes.all(nowMs));
        const chosen: number[] = [];
        const choose = (origin: NotificationOrigin, waits: 0 | 1, most: number): void => {
          if (chosen.length >= most) return;
          for (const entry of dueEntries.iterate(origin, waits, nowMs, nowMs)) {
            if (entry.lane !== null && lanes.has(entry.lane)) continue;
            if (entry.lane !== null) lanes.add(entry.lane);
            chosen.push(entry.id);
            if (chosen.length >= most) return;
          }
        };
        for (const origin of originsOf(of)) {
          choose(origin, 0, limit);
          // What waited for Intercom goes last: most of what comes in needs no call and must not wait behind it.
          choose(origin, 1, Math.min(limit, chosen.length + waitingForIntercom));
        }
        const lease = { owner, nowMs, untilMs: nowMs + leaseMs };
        return chosen.map((id) => toLeased(take.get({ ...lease, id })));
      }),

    findHeld: (id, owner) => held.get({ id, owner }),

    settle: (row, outcome, nowMs) => {
      settle.run({ id: row.id, outcome, nowMs });
      wakeLane(row.lane);
    },

    retry: ({ id, owner, reason, dueAtMs, waitsForIntercom = false }) =>
      transact(() => {
        const row = held.get({ id, owner });
        if (row === undefined) return;
        const attempts = waitsForIntercom ? Math.max(0, row.attempts - 1) : row.attempts;
        db.update(inbox)
          .set({ ...free, dueAtMs, reason, waitsForIntercom, attempts })
          .where(eq(inbox.id, id))
          .run();
        bell.ring('inbox');
      }),

    park: ({ id, owner, reason }) =>
      transact(() => {
        const row = held.get({ id, owner });
        if (row === undefined) return;
        const settledAtMs = row.leasedAtMs ?? row.receivedAtMs;
        db.update(inbox)
          .set({ ...free, status: 'parked', reason, settledAtMs })
          .where(eq(inbox.id, id))
          .run();
        wakeLane(row.lane);
      }),

    addReread: ({ dedupeKey, origin, subject, lane, dueAtMs }) => {
      const { kind, id } = subject;
      insert.run(
        origin,
        dedupeKey,
        null,
        kind,
        id,
        lane,
        null,
        dueAtMs,
        null,
        'waiting',
        dueAtMs,
        null,
        null,
      );
      bell.ring('inbox');
    },

    nextDueAtMs: (of) => {
      // Entries behind a leased one become free with it at the earliest, so its end stands for the whole lane.
      const waiting = originsOf(of).flatMap((origin) =>
        [0, 1].map((waitsForIntercom) => nextFree.get({ origin, waitsForIntercom })?.dueAtMs),
      );
      const times = [...waiting, nextLeaseEnd.get()?.untilMs];
      const known = times.filter((time) => typeof time === 'number');
      return known.length === 0 ? null : Math.min(...known);
    },
  };

  function insertNew(one: NewNotification): 'stored' | 'duplicate' {
    const isParked = one.unreadable !== null;
    const { changes } = insert.run(
      'webhook',
      one.dedupeKey,
      one.topic,
      one.subject?.kind ?? null,
      one.subject?.id ?? null,
      one.lane,
      one.createdAt,
      one.receivedAtMs,
      one.body,
      isParked ? 'parked' : 'waiting',
      one.receivedAtMs,
      one.unreadable,
      isParked ? one.receivedAtMs : null,
    );
    return changes === 1 ? 'stored' : 'duplicate';
  }
}

function originsOf(of: InboxShare | undefined): readonly NotificationOrigin[] {
  switch (of) {
    case 'webhooks':
      return ['webhook'];
    case 'own':
      return ['settle', 'reread'];
    case undefined:
      return ['webhook', 'settle', 'reread'];
  }
}

function toLeased(row: InboxRow): LeasedNotification {
  return {
    id: row.id,
    origin: row.origin,
    dedupeKey: row.dedupeKey,
    topic: row.topic,
    subject:
      row.subjectKind === null || row.subjectId === null
        ? null
        : { kind: row.subjectKind, id: row.subjectId },
    createdAt: row.createdAt,
    receivedAtMs: row.receivedAtMs,
    body: row.body,
    attempt: row.attempts,
  };
}
