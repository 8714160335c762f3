import type { Query } from './database.js';

/** What one transaction may cost: some milliseconds. */
const MAX_ROWS = 200;
const MAX_BYTES = 2_000_000;

/**
 * Erases raw payloads that came in before `beforeMs`, oldest first, as many as one short transaction takes. Answers how
 * many.
 *
 * A payload that still waits is needed. One that was parked counts from when it was parked, so that a person has as
 * long to replay it; afterwards the object can still be read from Intercom by its id. Where not even an id could be
 * read there is nothing left to do, and the entry counts as ignored.
 */
export async function eraseOldPayloads(unit: Query, beforeMs: number): Promise<number> {
  // Walks an index over the entries that still have a payload (`inbox_payloads`). What a person replays at the same
  // moment is passed over.
  const candidates = await unit.rows<{ id: number; bytes: number }>(
    `select id, size as bytes from inbox join payloads on inbox_id = id
     where has_payload and received_at_ms < @beforeMs
       and (status in ('done', 'ignored') or (status = 'parked' and settled_at_ms < @beforeMs))
     order by received_at_ms limit ${MAX_ROWS} for update of inbox skip locked`,
    { beforeMs },
  );
  const ids: number[] = [];
  let bytes = 0;
  for (const candidate of candidates) {
    if (ids.length > 0 && bytes + candidate.bytes > MAX_BYTES) break;
    ids.push(candidate.id);
    bytes += candidate.bytes;
  }
  if (ids.length === 0) return 0;
  await unit.run('delete from payloads where inbox_id = any (@ids)', { ids });
  await unit.run(
    `update inbox set has_payload = false,
       status = case when status = 'parked' and subject_id is null then 'ignored' else status end,
       reason = case when status = 'parked' and subject_id is null
         then 'nobody replayed it before its payload was erased; ' || coalesce(reason, '') else reason end
     where id = any (@ids)`,
    { ids },
  );
  return ids.length;
}
