import type { HeldLease } from '../ports/leases.js';
import type { Connection } from './connection.js';

interface Held<Key> {
  readonly key: Key;
  readonly lease: HeldLease;
}

/** Prolongs leases of one table in one transaction. Answers the keys of those that are no longer the current ones. */
export type Renew<Key> = (held: readonly Held<Key>[], leaseUntilMs: number) => Key[];

/** `isOpen`: what has to be true of a row that can be leased at all. */
export function createRenewal<Key extends string | number>(
  { sqlite, transact }: Connection,
  of: { readonly table: 'inbox' | 'outbox' | 'runs'; readonly key: string; readonly isOpen: string },
): Renew<Key> {
  const renew = sqlite.prepare<[number, Key, string, number]>(
    `update ${of.table} set lease_until_ms = ?
     where ${of.key} = ? and lease_owner = ? and lease_token = ? and ${of.isOpen}`,
  );
  return (held, leaseUntilMs) =>
    transact(() =>
      held.flatMap(({ key, lease }) =>
        renew.run(leaseUntilMs, key, lease.owner, lease.token).changes === 0 ? [key] : [],
      ),
    );
}
