import type { Tables } from './tables.js';

interface Candidate {
  readonly id: number;
  readonly bytes: number;
}

/** What one transaction may cost: overwriting this much takes some milliseconds, and webhooks wait that long. */
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
export function eraseOldPayloads({ connection, payloads }: Tables, beforeMs: number): number {
  const { sqlite, transact } = connection;
  return transact(() => {
    // Walks an index over the entries that still have a payload (`inbox_payloads`).
    const candidates = sqlite
      .prepare<[number, number, number], Candidate>(
        `select id, size as bytes from inbox cross join payloads on inbox_id = id
         where has_payload = 1 and received_at_ms < ?
           and (status in ('done', 'ignored') or (status = 'parked' and settled_at_ms < ?))
         order by received_at_ms limit ?`,
      )
      .all(beforeMs, beforeMs, MAX_ROWS);
    const erase = sqlite.prepare(
      `update inbox set has_payload = 0,
         status = case when status = 'parked' and subject_id is null then 'ignored' else status end,
         reason = case when status = 'parked' and subject_id is null
           then 'nobody replayed it before its payload was erased; ' || coalesce(reason, '') else reason end
       where id = ?`,
    );
    let bytes = 0;
    let erased = 0;
    for (const candidate of candidates) {
      if (erased > 0 && bytes + candidate.bytes > MAX_BYTES) break;
      payloads.remove(candidate.id);
      erase.run(candidate.id);
      bytes += candidate.bytes;
      erased += 1;
    }
    return erased;
  });
}
