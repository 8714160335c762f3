import { and, eq, isNotNull, min, sql } from 'drizzle-orm';
import type { Cause, Lease, LeasedWrite, Retry, Store, WriteFailure, WritePriority } from '../store.js';
import type { Connection } from './connection.js';
import { outbox } from './schema.js';
import type { WorkBell } from './work-bell.js';
import { causeOf, waitingChange, type Writes } from './writes.js';

type OutboxRow = typeof outbox.$inferSelect;

/** Contacts that have something to be written: one row, one lease, one request to Intercom for each. */
export interface Outbox {
  /** New changes wait for this contact: due now, whatever happened to earlier attempts. */
  readonly queue: (contactId: string, priority: WritePriority, nowMs: number) => void;
  /** The contact has something to be sent again, due at once. */
  readonly putBack: (contactId: string) => void;
  /** Removes the row when nothing waits any more, unless a request is under way: then its end removes it. */
  readonly dropIfEmpty: (contactId: string, nowMs: number) => void;
  readonly lease: (lease: Lease) => LeasedWrite[];
  readonly findHeld: (contactId: string, owner: string) => OutboxRow | undefined;
  /** True when the contact's waiting writes are to be sent without anybody doing anything. */
  readonly isReady: (contactId: string) => boolean;
  /** The attempt is over, and what it could have changed in Intercom is known. */
  readonly settle: (
    contactId: string,
    end: { readonly hasSent: boolean; readonly keepsLease: boolean },
  ) => void;
  readonly retry: (failure: WriteFailure & Retry & { readonly outcomeUnknown: boolean }) => void;
  readonly park: (failure: WriteFailure) => void;
  readonly parkChanges: (parked: Parameters<Store['parkChanges']>[0]) => void;
  readonly hold: (held: { readonly contactId: string; readonly owner: string }) => void;
  readonly releaseHeld: () => number;
  readonly nextDueAtMs: () => number | null;
}

/** What an event or time has caused goes before what a sweep has found. */
const RANKS: Readonly<Record<WritePriority, number>> = { soon: 0, sweep: 1 };

/** Which writes a cause brings about. */
export function priorityOf(cause: Cause): WritePriority {
  switch (cause.kind) {
    case 'notification':
    case 'settle':
    case 'transition':
    case 'write-back':
      return 'soon';
    case 'backfill':
    case 'sweep':
    case 'sync':
      return 'sweep';
  }
}

export function createOutbox(connection: Connection, writes: Writes, bell: WorkBell): Outbox {
  const { sqlite, db, transact } = connection;
  const free = { leaseOwner: null, leasedAtMs: null, leaseUntilMs: null };

  // One rank after the other: ordering both in one query would walk past every entry of the first rank that is not
  // due yet.
  const dueOfRank = sqlite
    .prepare<[number, number, number, number], string>(
      `select contact_id from outbox
       where state = 'ready' and rank = ? and due_at_ms <= ? and (lease_owner is null or lease_until_ms <= ?)
       order by due_at_ms limit ?`,
    )
    .pluck();
  const one = db
    .select()
    .from(outbox)
    .where(eq(outbox.contactId, sql.placeholder('contactId')))
    .prepare();
  const find = (contactId: string): OutboxRow | undefined => one.get({ contactId });
  const dropOne = db
    .delete(outbox)
    .where(eq(outbox.contactId, sql.placeholder('contactId')))
    .prepare();
  const drop = (contactId: string): void => {
    dropOne.run({ contactId });
  };
  const queueOne = sqlite.prepare<{ contactId: string; rank: number; nowMs: number }>(
    `insert into outbox (contact_id, rank, state, due_at_ms, attempts, outcome_unknown)
     values (@contactId, @rank, 'ready', @nowMs, 0, 0)
     on conflict (contact_id) do update set rank = min(rank, @rank), state = 'ready', due_at_ms = @nowMs,
       attempts = 0, reason = null, parked_at_ms = null`,
  );
  const take = sqlite.prepare<Record<string, string | number>>(
    `update outbox set lease_owner = @owner, leased_at_ms = @nowMs, lease_until_ms = @untilMs,
       attempts = @attempts, outcome_unknown = @outcomeUnknown
     where contact_id = @contactId`,
  );
  const update = (contactId: string, set: Partial<OutboxRow>): void => {
    db.update(outbox).set(set).where(eq(outbox.contactId, contactId)).run();
  };

  const findHeld: Outbox['findHeld'] = (contactId, owner) => {
    const row = find(contactId);
    return row?.leaseOwner === owner ? row : undefined;
  };

  /** Ends an attempt without success; a change that joined after it began is not to suffer for it. */
  const giveBack = (contactId: string, set: Partial<OutboxRow>): void => {
    const waiting = writes.ready(contactId);
    if (waiting.length === 0) {
      drop(contactId);
      return;
    }
    const isUntried = waiting.some((write) => write.attempts === 0);
    update(contactId, { ...free, ...set, ...(isUntried ? { state: 'ready', parkedAtMs: null } : {}) });
    bell.ring('writes');
  };

  return {
    findHeld,
    isReady: (contactId) => find(contactId)?.state === 'ready',

    queue: (contactId, priority, nowMs) => {
      queueOne.run({ contactId, rank: RANKS[priority], nowMs });
      bell.ring('writes');
    },

    putBack: (contactId) => {
      // Due since ever: the port's replay knows no time.
      queueOne.run({ contactId, rank: RANKS.soon, nowMs: 0 });
      bell.ring('writes');
    },

    dropIfEmpty: (contactId, nowMs) => {
      const row = find(contactId);
      if (row === undefined || writes.ready(contactId).length > 0) return;
      const isUnderWay = row.leaseOwner !== null && (row.leaseUntilMs ?? 0) > nowMs;
      if (!isUnderWay) drop(contactId);
    },

    lease: ({ owner, nowMs, leaseMs, limit }) =>
      transact(() => {
        const due: string[] = [];
        for (const rank of Object.values(RANKS)) {
          if (due.length < limit) due.push(...dueOfRank.all(rank, nowMs, nowMs, limit - due.length));
        }
        return due.flatMap((contactId) => {
          const row = find(contactId);
          const waiting = writes.ready(contactId);
          const newest = waiting.at(-1);
          if (row === undefined || newest === undefined) {
            drop(contactId);
            return [];
          }
          // Whoever held the expired lease may have come as far as sending.
          const outcomeUnknown = row.outcomeUnknown || row.leaseOwner !== null;
          const attempts = row.attempts + 1;
          const known = { attempts, outcomeUnknown: outcomeUnknown ? 1 : 0 };
          take.run({ contactId, owner, nowMs, untilMs: nowMs + leaseMs, ...known });
          writes.countAttempt(contactId);
          return {
            contactId,
            priority: row.rank === RANKS.soon ? 'soon' : 'sweep',
            changes: waiting.map(waitingChange),
            cause: causeOf(newest),
            attempt: attempts,
            outcomeUnknown,
            queuedAtMs: Math.min(...waiting.map((write) => write.queuedAtMs)),
          };
        });
      }),

    settle: (contactId, { hasSent, keepsLease }) => {
      if (keepsLease) {
        writes.joinAttempt(contactId);
        update(contactId, { outcomeUnknown: false });
        return;
      }
      if (writes.ready(contactId).length === 0) {
        drop(contactId);
        return;
      }
      update(contactId, {
        ...free,
        outcomeUnknown: false,
        ...(hasSent ? { attempts: 0, reason: null } : {}),
      });
      bell.ring('writes');
    },

    retry: ({ contactId, owner, reason, dueAtMs, outcomeUnknown, waitsForIntercom = false }) =>
      transact(() => {
        const row = findHeld(contactId, owner);
        if (row === undefined) return;
        writes.setReason(contactId, reason);
        if (waitsForIntercom) writes.uncountAttempt(contactId);
        const attempts = waitsForIntercom ? Math.max(0, row.attempts - 1) : row.attempts;
        const isUnknown = outcomeUnknown || row.outcomeUnknown;
        giveBack(contactId, { reason, dueAtMs, attempts, outcomeUnknown: isUnknown });
      }),

    parkChanges: ({ contactId, owner, changes }) =>
      transact(() => {
        const row = findHeld(contactId, owner);
        if (row !== undefined) writes.park(contactId, changes, row.leasedAtMs ?? 0);
      }),

    park: ({ contactId, owner, reason }) =>
      transact(() => {
        const row = findHeld(contactId, owner);
        if (row === undefined) return;
        writes.setReason(contactId, reason);
        giveBack(contactId, { state: 'parked', reason, parkedAtMs: row.leasedAtMs });
      }),

    hold: ({ contactId, owner }) =>
      transact(() => {
        if (findHeld(contactId, owner) !== undefined) giveBack(contactId, { state: 'held' });
      }),

    releaseHeld: () =>
      transact(() => {
        const released = db
          .update(outbox)
          .set({ state: 'ready', attempts: 0 })
          .where(eq(outbox.state, 'held'))
          .run().changes;
        if (released > 0) bell.ring('writes');
        return released;
      }),

    nextDueAtMs: () => {
      const isReady = sql`${outbox.state} = 'ready'`;
      const waiting = Object.values(RANKS).map((rank) =>
        db
          .select({ at: min(outbox.dueAtMs) })
          .from(outbox)
          .where(and(isReady, eq(outbox.rank, rank), sql`${outbox.leaseOwner} is null`))
          .get(),
      );
      const leased = db
        .select({ at: min(outbox.leaseUntilMs) })
        .from(outbox)
        .where(isNotNull(outbox.leaseOwner))
        .get();
      const known = [...waiting, leased].flatMap((row) => (typeof row?.at === 'number' ? [row.at] : []));
      return known.length === 0 ? null : Math.min(...known);
    },
  };
}
