import type { Cause } from '../ports/changes.js';
import type { WritePriority } from '../ports/outbox.js';
import type { OutboxRow, WaitingWrite } from './rows.js';

/** What an event or time has caused goes before what a sweep has found. */
export const RANKS: Readonly<Record<WritePriority, number>> = { soon: 0, sweep: 1 };

/** A contact that failed so often in a row is not tried out of turn, whatever new is to be written. */
const FAILING_ATTEMPTS = 3;
/** Before a contact is taken again for which an attempt has changed nothing; attempts that fail say themselves when. */
const NO_PROGRESS_PAUSE_MS = 60_000;

export const NO_LEASE = { leaseOwner: null, leasedAtMs: null, leaseUntilMs: null } as const;

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

/**
 * New changes wait for this contact, due at `dueAtMs`. Parked ones get a new chance with them; a contact that is being
 * retried keeps its count, and after a few failures its delay too.
 */
export function queued(
  contactId: string,
  before: OutboxRow | undefined,
  priority: WritePriority,
  { nowMs, dueAtMs }: { readonly nowMs: number; readonly dueAtMs: number },
): OutboxRow {
  const rank = RANKS[priority];
  const nothing = { ...NO_LEASE, leaseToken: 0, outcomeUnknown: false, parkedAtMs: null };
  const fresh = { contactId, rank, state: 'ready', dueAtMs, attempts: 0, reason: null } as const;
  if (before === undefined) return { ...nothing, ...fresh };
  const moved = { ...before, rank: Math.min(before.rank, rank), parkedAtMs: null };
  if (before.state !== 'ready') return { ...moved, state: 'ready', dueAtMs, attempts: 0, reason: null };
  const keepsDelay = before.attempts >= FAILING_ATTEMPTS && before.dueAtMs > nowMs;
  if (keepsDelay) return moved;
  return { ...moved, dueAtMs: dueAtMs > nowMs ? Math.min(before.dueAtMs, dueAtMs) : dueAtMs };
}

/** True while a request may be under way: then its end removes the row. */
export function isUnderWay(row: OutboxRow, nowMs: number): boolean {
  return row.leaseOwner !== null && (row.leaseUntilMs ?? 0) > nowMs;
}

/** The row after an attempt whose effect on Intercom is known; null when nothing waits any more. */
export function settled(
  row: OutboxRow,
  ready: readonly WaitingWrite[],
  { nowMs, hasSent }: { readonly nowMs: number; readonly hasSent: boolean },
): OutboxRow | null {
  if (ready.length === 0) return null;
  const isStuck = !hasSent && ready.some((write) => write.attempts > 0);
  return {
    ...row,
    ...NO_LEASE,
    outcomeUnknown: false,
    dueAtMs: isStuck ? nowMs + NO_PROGRESS_PAUSE_MS : dueOf(ready, nowMs),
    ...(hasSent ? { attempts: 0, reason: null } : {}),
  };
}

/** When the first of them may go. */
export function dueOf(ready: readonly Pick<WaitingWrite, 'notBeforeMs'>[], nowMs: number): number {
  return Math.max(nowMs, Math.min(...ready.map((write) => write.notBeforeMs)));
}
