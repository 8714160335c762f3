import type { Unit } from './database.js';

/*
 * Locks that last until the end of the transaction. Units take them in this order, so that none waits for another in a
 * circle: the gate, the row of the inbox, contacts and conversations.
 */

/** Waits for each contact and conversation, in the order of their ids. */
export async function lockObjects(unit: Unit, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  await unit.rows(
    `select pg_advisory_xact_lock(hashtextextended(id, 0))
     from (select id from unnest(@ids::text[]) as given (id) order by id collate "C") as ordered`,
    { ids },
  );
}

/** Those of the contacts that nobody else has at the moment; they are the caller's from now on. */
export async function tryLockContacts(unit: Unit, ids: readonly string[]): Promise<string[]> {
  if (ids.length === 0) return [];
  const rows = await unit.rows<{ readonly id: string }>(
    `select id from unnest(@ids::text[]) with ordinality as given (id, place)
     where pg_try_advisory_xact_lock(hashtextextended(id, 0)) order by place`,
    { ids },
  );
  return rows.map(({ id }) => id);
}

/** Which leases one process at a time gives out; numbers that nothing else is likely to use. */
const GATES = { inbox: 4_711_202_612, outbox: 4_711_202_613, meta: 4_711_202_614 } as const;

/** `inbox`, `outbox`: one process at a time leases, so that two never choose the same. `meta`: a value is read and changed. */
export async function passGate(unit: Unit, gate: keyof typeof GATES): Promise<void> {
  await unit.rows('select pg_advisory_xact_lock(@gate::bigint)', { gate: GATES[gate] });
}
