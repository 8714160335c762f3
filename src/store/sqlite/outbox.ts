import { and, eq, isNotNull, min, sql } from 'drizzle-orm';
import type { Lease, Retry, Settlement } from '../ports/leases.js';
import type { LeasedContact, LeasedWrite, WriteFailure } from '../ports/outbox.js';
import type { Store } from '../ports/store.js';
import type { Connection } from './connection.js';
import { dueOf, NO_LEASE, queued, RANKS } from '../plan/outbox-row.js';
import type { OutboxRow } from '../plan/rows.js';
import { createRenewal, type Renew } from './leases.js';
import { prepareUpsert } from './prepare-upsert.js';
import type { Meta } from './meta.js';
import { prepareRows } from './prepare-rows.js';
import { outbox } from './schema.js';
import type { WorkBell } from '../work-bell.js';
import { causeOf, waitingChange } from '../write-row.js';
import type { Writes } from './writes.js';

/** Contacts that have something to be written: one row, one lease, one request to Intercom for each. */
export interface Outbox {
  readonly find: (contactId: string) => OutboxRow | undefined;
  readonly put: (row: OutboxRow) => void;
  readonly remove: (contactId: string) => void;
  /** The contact has something to be sent again, due at once. */
  readonly putBack: (contactId: string, nowMs: number) => void;
  readonly lease: (lease: Lease) => LeasedWrite[];
  /** The row while `lease` is its current one. */
  readonly findHeld: (held: LeasedContact) => OutboxRow | undefined;
  readonly renew: Renew<string>;
  readonly retry: (failure: WriteFailure & Retry & { readonly outcomeUnknown: boolean }) => Settlement;
  readonly park: (failure: WriteFailure) => Settlement;
  readonly parkChanges: (parked: Parameters<Store['parkChanges']>[0]) => Settlement;
  readonly hold: (held: LeasedContact) => Settlement;
  readonly releaseHeld: () => number;
  readonly nextDueAtMs: () => number | null;
}

export function createOutbox(connection: Connection, writes: Writes, meta: Meta, bell: WorkBell): Outbox {
  const { sqlite, db, transact } = connection;

  // One rank after the other: ordering both in one query would walk past every entry of the first rank that is not
  // due yet.
  const dueOfRank = sqlite
    .prepare<[number, number, number, number], string>(
      `select contact_id from outbox
       where state = 'ready' and rank = ? and due_at_ms <= ? and (lease_owner is null or lease_until_ms <= ?)
       order by due_at_ms limit ?`,
    )
    .pluck();
  const one = prepareRows(
    connection,
    outbox,
    (columns, table) => `select ${columns} from ${table} where contact_id = ?`,
  );
  const find = (contactId: string): OutboxRow | undefined => one.get(contactId);
  const dropOne = db
    .delete(outbox)
    .where(eq(outbox.contactId, sql.placeholder('contactId')))
    .prepare();
  const drop = (contactId: string): void => {
    dropOne.run({ contactId });
  };
  const put = prepareUpsert(connection, outbox, [outbox.contactId]);
  const take = sqlite.prepare<Record<string, string | number>>(
    `update outbox set lease_owner = @owner, leased_at_ms = @nowMs, lease_until_ms = @untilMs,
       lease_token = @token, attempts = @attempts, outcome_unknown = @outcomeUnknown
     where contact_id = @contactId`,
  );
  const update = (contactId: string, set: Partial<OutboxRow>): void => {
    db.update(outbox).set(set).where(eq(outbox.contactId, contactId)).run();
  };

  const findHeld: Outbox['findHeld'] = ({ contactId, lease }) => {
    const row = find(contactId);
    return row?.leaseOwner === lease.owner && row.leaseToken === lease.token ? row : undefined;
  };

  const whileHeld = (held: LeasedContact, work: (row: OutboxRow) => void): Settlement =>
    transact(() => {
      const row = findHeld(held);
      if (row === undefined) return 'lease-lost';
      work(row);
      return 'settled';
    });

  /** Ends an attempt without success; a change that joined after it began is not to suffer for it. */
  const giveBack = ({ contactId, leasedAtMs }: OutboxRow, set: Partial<OutboxRow>): void => {
    const waiting = writes.ready(contactId);
    if (waiting.length === 0) {
      drop(contactId);
      return;
    }
    const isUntried = waiting.some((write) => write.attempts === 0 && write.notBeforeMs <= (leasedAtMs ?? 0));
    update(contactId, { ...NO_LEASE, ...set, ...(isUntried ? { state: 'ready' } : {}) });
    bell.ring('writes');
  };

  return {
    findHeld,
    renew: createRenewal(connection, { table: 'outbox', key: 'contact_id', isOpen: 'true' }),
    find,
    put,
    remove: drop,

    putBack: (contactId, nowMs) => {
      put(queued(contactId, find(contactId), 'soon', { nowMs, dueAtMs: nowMs }));
      bell.ring('writes');
    },

    lease: ({ owner, nowMs, leaseMs, limit }) =>
      transact(() => {
        const due: string[] = [];
        for (const rank of Object.values(RANKS)) {
          if (due.length < limit) due.push(...dueOfRank.all(rank, nowMs, nowMs, limit - due.length));
        }
        if (due.length === 0) return [];
        const leaseUntilMs = nowMs + leaseMs;
        let token = meta.read('lease_token') ?? 0;
        const leased = due.flatMap((contactId): LeasedWrite[] => {
          const row = find(contactId);
          const all = writes.ready(contactId);
          if (row === undefined || all.length === 0) {
            drop(contactId);
            return [];
          }
          // Whoever held the expired lease may have come as far as sending.
          const outcomeUnknown = row.outcomeUnknown || row.leaseOwner !== null;
          const waiting = all.filter((write) => write.notBeforeMs <= nowMs);
          const newest = waiting.at(-1);
          if (newest === undefined) {
            update(contactId, { ...NO_LEASE, outcomeUnknown, dueAtMs: dueOf(all, nowMs) });
            return [];
          }
          const attempts = row.attempts + 1;
          const known = { attempts, outcomeUnknown: outcomeUnknown ? 1 : 0 };
          token += 1;
          take.run({ contactId, owner, nowMs, untilMs: leaseUntilMs, token, ...known });
          writes.countAttempt(contactId, nowMs);
          const write: LeasedWrite = {
            contactId,
            lease: { owner, token },
            leaseUntilMs,
            priority: row.rank === RANKS.soon ? 'soon' : 'sweep',
            changes: waiting.map(waitingChange),
            cause: causeOf(newest),
            attempt: attempts,
            outcomeUnknown,
            queuedAtMs: Math.min(...waiting.map(({ queuedAtMs }) => queuedAtMs)),
          };
          return [write];
        });
        meta.save('lease_token', token);
        return leased;
      }),

    retry: ({ contactId, lease, reason, dueAtMs, outcomeUnknown, waitsForIntercom = false }) =>
      whileHeld({ contactId, lease }, (row) => {
        writes.setReason(contactId, reason);
        if (waitsForIntercom) writes.uncountAttempt(contactId);
        const attempts = waitsForIntercom ? Math.max(0, row.attempts - 1) : row.attempts;
        const isUnknown = outcomeUnknown || row.outcomeUnknown;
        giveBack(row, { reason, dueAtMs, attempts, outcomeUnknown: isUnknown });
      }),

    parkChanges: ({ contactId, lease, changes }) =>
      whileHeld({ contactId, lease }, (row) => writes.park(contactId, changes, row.leasedAtMs ?? 0)),

    park: ({ contactId, lease, reason }) =>
      whileHeld({ contactId, lease }, (row) => {
        writes.setReason(contactId, reason);
        const waiting = writes.ready(contactId);
        const tried = waiting.filter((write) => write.attempts > 0);
        const untried = waiting.filter((write) => write.attempts === 0);
        if (untried.length === 0) {
          giveBack(row, { state: 'parked', reason, parkedAtMs: row.leasedAtMs });
          return;
        }
        // What joined since, or still has to wait because it is fought over, goes on without them.
        const parkedAtMs = row.leasedAtMs ?? 0;
        const parked = tried.map((write) => ({ writeId: write.id, reason }));
        writes.park(contactId, parked, parkedAtMs);
        giveBack(row, { state: 'ready', attempts: 0, reason: null, dueAtMs: dueOf(untried, parkedAtMs) });
      }),

    hold: (held) => whileHeld(held, (row) => giveBack(row, { state: 'held' })),

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
