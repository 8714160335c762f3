import type { Connection } from './connection.js';

/** No wait and no lease that this program gives is longer (the longest is a settle delay of a day). */
const LONGEST_WAIT_MS = 25 * 3_600_000;
const LONGEST_LEASE_MS = 3_600_000;
/** What a lease that ends in the far future gets instead: a living owner is done by then. */
const LAST_LEASE_MS = 60_000;

/**
 * After the clock was wrong, and far ahead, work would wait until that time comes: it falls due now instead, and leases
 * end soon. Answers how many rows that concerned; 0 is the rule.
 */
export function mendTimes({ sqlite, transact }: Connection, nowMs: number): number {
  const waits = [nowMs, nowMs + LONGEST_WAIT_MS] as const;
  const leases = [nowMs + LAST_LEASE_MS, nowMs + LONGEST_LEASE_MS] as const;
  return transact(() => {
    let mended = 0;
    const mend = (statement: string, [to, from]: readonly [number, number]): void => {
      mended += sqlite.prepare(statement).run(to, from).changes;
    };
    mend("update inbox set due_at_ms = ? where status = 'waiting' and due_at_ms > ?", waits);
    mend("update outbox set due_at_ms = ? where state = 'ready' and due_at_ms > ?", waits);
    for (const table of ['inbox', 'outbox', 'runs']) {
      mend(
        `update ${table} set lease_until_ms = ? where lease_owner is not null and lease_until_ms > ?`,
        leases,
      );
    }
    return mended;
  });
}
