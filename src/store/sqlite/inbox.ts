import { and, asc, eq, isNotNull, isNull, min, sql } from 'drizzle-orm';
import { alias } from 'drizzle-orm/sqlite-core';
import type { HeldLease, Settlement, Retry } from '../ports/leases.js';
import type {
  InboxEntry,
  InboxShare,
  InboxStore,
  LeasedNotification,
  NewNotification,
  NotificationFailure,
  NotificationOrigin,
} from '../ports/inbox.js';
import type { Reread } from '../ports/cache.js';
import type { Connection } from './connection.js';
import { NO_LEASE } from '../plan/outbox-row.js';
import { createRenewal, type Renew } from './leases.js';
import { prepareRows } from './prepare-rows.js';
import type { InboxRow } from '../tables/work-tables.js';
import type { Payloads } from './payloads.js';
import { inbox } from './schema.js';
import { inboxEntry, MAX_CONTENTS, originsOf } from '../inbox-entry.js';
import type { Scrubber } from './payload-scrub.js';
import type { WebhookHours } from './webhook-hours.js';
import type { WorkBell } from '../work-bell.js';

/** What is beyond them is found when the loop looks again by itself. */
const MAX_PASSED_OVER = 10_000;

/** What has come in and is worked off lane by lane. */
export interface Inbox {
  /** Stores each once, in one transaction; the answers are in the order of `notifications`. */
  readonly storeAll: (notifications: readonly NewNotification[]) => ('stored' | 'duplicate')[];
  readonly lease: (...request: Parameters<InboxStore['leaseNotifications']>) => LeasedNotification[];
  /** The entry while `lease` is its current one; undefined when it was taken over, settled or erased. */
  readonly findHeld: (id: number, lease: HeldLease) => InboxRow | undefined;
  /** The entry as long as it is not settled. */
  readonly findWaiting: (id: number) => InboxRow | undefined;
  readonly renew: Renew<number>;
  readonly settle: (row: InboxRow, outcome: 'done' | 'ignored', nowMs: number) => void;
  readonly retry: (failure: NotificationFailure & Retry) => Settlement;
  /** `erased`: its payload is gone, because it names somebody who was erased. */
  readonly park: (failure: NotificationFailure) => {
    readonly settlement: Settlement;
    readonly erased: boolean;
  };
  readonly addReread: (reread: Reread) => void;
  readonly nextDueAtMs: (of?: InboxShare) => number | null;
}

export interface InboxParts {
  readonly connection: Connection;
  readonly bell: WorkBell;
  readonly hours: Pick<WebhookHours, 'count'>;
  readonly scrubber: Pick<Scrubber, 'forgetMentions' | 'namesErased'>;
  readonly payloads: Payloads;
  readonly receiving: Pick<Connection, 'transact'>;
}

export function createInbox({ connection, bell, hours, scrubber, payloads, receiving }: InboxParts): Inbox {
  const { sqlite, db, transact } = connection;

  const insert = sqlite.prepare<(string | number | null)[]>(`
    insert into inbox (origin, dedupe_key, topic, subject_kind, subject_id, lane, created_at, received_at_ms, has_payload,
                       status, due_at_ms, attempts, reason, settled_at_ms)
    values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?)
    on conflict (dedupe_key) do nothing`);
  const leasedLanes = sqlite.prepare<[], { readonly lane: string; readonly untilMs: number }>(
    `select lane, lease_until_ms as untilMs from inbox where lease_owner is not null and lane is not null`,
  );
  const endLeasesIn = sqlite.prepare<[string]>(
    `update inbox set lease_owner = null, leased_at_ms = null, lease_until_ms = null
     where lane = ? and lease_owner is not null`,
  );
  // Keys of further contents are the id, a colon and the hash: a semicolon comes right behind a colon.
  const countContents = sqlite
    .prepare<[string, string], number>('select count(*) from inbox where dedupe_key > ? and dedupe_key < ?')
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
  /** Behind an entry in its lane; along inbox_lane, which ends with the id. */
  const following = prepareRows(
    connection,
    inbox,
    (columns, table) =>
      `select ${columns} from ${table} indexed by inbox_lane
       where lane = ? and id > ? and status = 'waiting' and origin = 'webhook' and waits_for_intercom = 0
         and due_at_ms <= ? and lease_owner is null
       order by id limit ?`,
  );
  const take = prepareRows(
    connection,
    inbox,
    (columns, table) =>
      `update ${table} set lease_owner = ?, leased_at_ms = ?, lease_until_ms = ?, lease_token = lease_token + 1,
         attempts = attempts + 1
       where id = ? returning ${columns}`,
  );
  const noLongerWaits = sqlite.prepare<[number]>('update inbox set waits_for_intercom = 0 where id = ?');
  const unsettled = prepareRows(
    connection,
    inbox,
    (columns, table) => `select ${columns} from ${table} where id = ? and status = 'waiting'`,
  );
  const held = prepareRows(
    connection,
    inbox,
    (columns, table) =>
      `select ${columns} from ${table}
       where id = ? and lease_owner = ? and lease_token = ? and status = 'waiting'`,
  );
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
  /** Lanes in which something due was passed over because they were busy. Other processes look by themselves. */
  const passedOver = new Set<string>();

  const settle = sqlite.prepare<['done' | 'ignored', number, number]>(
    `update inbox set lease_owner = null, leased_at_ms = null, lease_until_ms = null, status = ?, reason = null,
       settled_at_ms = ?
     where id = ?`,
  );

  const findHeld: Inbox['findHeld'] = (id, { owner, token }) => held.get(id, owner, token);
  const wakeLane = (lane: string | null): void => {
    if (lane !== null && passedOver.delete(lane)) bell.ring('inbox');
  };

  return {
    storeAll: (notifications) => {
      const answers = receiving.transact(() => {
        const stored = notifications.map((notification) => insertNew(notification));
        const counted = notifications.map(({ receivedAtMs, unreadable }, at) => {
          const isNew = stored[at] === 'stored';
          const result = !isNew ? 'duplicate' : unreadable === null ? 'accepted' : 'parked';
          return { result, atMs: receivedAtMs } as const;
        });
        hours.count(counted);
        return stored;
      });
      const isWork = notifications.some((one, at) => one.unreadable === null && answers[at] === 'stored');
      if (isWork) bell.ring('inbox');
      return answers;
    },

    lease: ({ owner, nowMs, leaseMs, limit, followers = 0, waitingForIntercom = limit }, of) =>
      transact(() => {
        const leased = leasedLanes.all();
        const lanes = new Set(leased.flatMap(({ lane, untilMs }) => (untilMs > nowMs ? [lane] : [])));
        const expired = new Set(leased.map(({ lane }) => lane).filter((lane) => !lanes.has(lane)));
        const chosen: number[] = [];
        const choose = (origin: NotificationOrigin, waits: 0 | 1, most: number): void => {
          if (chosen.length >= most) return;
          for (const { id, lane } of dueEntries.iterate(origin, waits, nowMs, nowMs)) {
            if (lane !== null && lanes.has(lane)) {
              if (passedOver.size < MAX_PASSED_OVER) passedOver.add(lane);
              continue;
            }
            if (lane !== null) lanes.add(lane);
            chosen.push(id);
            if (chosen.length >= most) return;
          }
        };
        for (const origin of originsOf(of)) {
          choose(origin, 0, limit);
          // What waited for Intercom goes last: most of what comes in needs no call and must not wait behind it.
          choose(origin, 1, Math.min(limit, chosen.length + waitingForIntercom));
        }
        // Attempts whose leases have run out may still be running somewhere: their lanes have gone to these.
        for (const lane of expired) if (lanes.has(lane)) endLeasesIn.run(lane);
        return chosen.flatMap((id) => {
          const row = take.get(owner, nowMs, nowMs + leaseMs, id);
          if (row === undefined) return [];
          // A column of the index along which they are taken: it is touched only where that says something.
          if (row.waitsForIntercom) noLongerWaits.run(id);
          const { lane, origin } = row;
          const isLed = followers > 0 && lane !== null && origin === 'webhook' && !row.waitsForIntercom;
          const behind = isLed ? following.all(lane, id, nowMs, followers) : [];
          return [
            {
              ...toEntry(row),
              lease: { owner, token: row.leaseToken },
              leaseUntilMs: nowMs + leaseMs,
              followers: behind.map((one) => ({ ...toEntry(one), attempt: one.attempts + 1 })),
            },
          ];
        });
      }),

    findHeld,
    findWaiting: (id) => unsettled.get(id),
    renew: createRenewal(connection, { table: 'inbox', key: 'id', isOpen: "status = 'waiting'" }),

    settle: (row, outcome, nowMs) => {
      settle.run(outcome, nowMs, row.id);
      wakeLane(row.lane);
    },

    retry: ({ id, lease, reason, dueAtMs, waitsForIntercom = false }) =>
      transact(() => {
        const row = findHeld(id, lease);
        if (row === undefined) return 'lease-lost';
        const attempts = waitsForIntercom ? Math.max(0, row.attempts - 1) : row.attempts;
        db.update(inbox)
          .set({ ...NO_LEASE, dueAtMs, reason, waitsForIntercom, attempts })
          .where(eq(inbox.id, id))
          .run();
        bell.ring('inbox');
        return 'settled';
      }),

    park: ({ id, lease, reason }) =>
      transact(() => {
        const row = findHeld(id, lease);
        if (row === undefined) return { settlement: 'lease-lost', erased: false };
        const settledAtMs = row.leasedAtMs ?? row.receivedAtMs;
        db.update(inbox)
          .set({ ...NO_LEASE, status: 'parked', reason, settledAtMs })
          .where(eq(inbox.id, id))
          .run();
        wakeLane(row.lane);
        return { settlement: 'settled', erased: scrubber.forgetMentions(row, settledAtMs) };
      }),

    addReread: ({ dedupeKey, origin, subject, lane, dueAtMs }) => {
      const { kind, id } = subject;
      insert.run(origin, dedupeKey, null, kind, id, lane, null, dueAtMs, 0, 'waiting', dueAtMs, null, null);
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

  function toEntry(row: InboxRow): InboxEntry {
    return inboxEntry(row, row.hasPayload ? payloads.find(row.id) : null);
  }

  /** An id that is known with another content must not hide what has happened: it is stored under a key of its own. */
  function insertNew(one: NewNotification): 'stored' | 'duplicate' {
    const { dedupeKey, hashContent, body } = one;
    if (insertAs(dedupeKey, one)) return 'stored';
    const known = hashContent === null ? null : payloads.ofKey(dedupeKey);
    if (hashContent === null || known === null) return 'duplicate';
    const hash = hashContent(body);
    if (hash === hashContent(known)) return 'duplicate';
    if ((countContents.get(`${dedupeKey}:`, `${dedupeKey};`) ?? 0) >= MAX_CONTENTS) return 'duplicate';
    return insertAs(`${dedupeKey}:${hash}`, one) ? 'stored' : 'duplicate';
  }

  function insertAs(dedupeKey: string, one: NewNotification): boolean {
    const isParked = one.unreadable !== null;
    // What can be read is looked at when it is settled; this is where an unreadable one already is.
    const isErased = isParked && scrubber.namesErased(one.body);
    const { changes, lastInsertRowid } = insert.run(
      'webhook',
      dedupeKey,
      one.topic,
      one.subject?.kind ?? null,
      one.subject?.id ?? null,
      one.lane,
      one.createdAt,
      one.receivedAtMs,
      isErased ? 0 : 1,
      isErased && one.subject === null ? 'ignored' : isParked ? 'parked' : 'waiting',
      one.receivedAtMs,
      isErased ? 'its payload named a contact that was deleted' : one.unreadable,
      isParked ? one.receivedAtMs : null,
    );
    if (changes === 0) return false;
    if (!isErased) payloads.add(Number(lastInsertRowid), one.body);
    return true;
  }
}
