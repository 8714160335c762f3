import { keepPayload, readPayload } from '../payload-form.js';
import type { Query, Unit } from './database.js';

interface Held {
  readonly id: number;
  readonly body: Buffer;
  readonly size: number;
}

/** The raw bytes of notifications. `has_payload` of their inbox entry says whether there are any. */
export async function addPayloads(
  unit: Unit,
  added: readonly { readonly id: number; readonly bytes: Uint8Array }[],
): Promise<void> {
  if (added.length === 0) return;
  const kept = added.map(({ bytes }) => keepPayload(bytes));
  await unit.run(
    `insert into payloads (inbox_id, body, size) select * from unnest(@ids::bigint[], @bodies::bytea[], @sizes::bigint[])`,
    {
      ids: added.map(({ id }) => id),
      bodies: kept.map(({ body }) => body),
      sizes: kept.map(({ size }) => size),
    },
  );
}

export async function findPayloads(
  query: Query,
  inboxIds: readonly number[],
): Promise<ReadonlyMap<number, Uint8Array>> {
  if (inboxIds.length === 0) return new Map();
  const rows = await query.rows<Pick<Held, 'id' | 'body' | 'size'>>(
    'select inbox_id as id, body, size from payloads where inbox_id = any (@inboxIds)',
    { inboxIds },
  );
  return new Map(rows.map((row) => [row.id, readPayload(row)]));
}

export async function findPayloadOfKey(query: Query, dedupeKey: string): Promise<Uint8Array | null> {
  const [row] = await query.rows<Pick<Held, 'body' | 'size'>>(
    'select body, size from inbox join payloads on inbox_id = id where dedupe_key = @dedupeKey',
    { dedupeKey },
  );
  return row === undefined ? null : readPayload(row);
}

export async function removePayloads(unit: Unit, inboxIds: readonly number[]): Promise<void> {
  await unit.run('delete from payloads where inbox_id = any (@inboxIds)', { inboxIds });
}
