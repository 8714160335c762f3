import type { Tables } from './tables.js';

/** Erased contacts whose mentions in other payloads are still looked for. */
export interface Scrubbing {
  readonly contactIds: readonly string[];
  /** Entries with a higher id have been looked at already. */
  readonly belowId: number;
}

interface Payload {
  readonly id: number;
  readonly bytes: number;
}

/** What one transaction may read: it takes some milliseconds, and webhooks wait that long. */
const MOST_ROWS = 500;
const MOST_BYTES = 2_000_000;

/** Begins, from the newest entry, to look for mentions of these contacts. Inside the caller's transaction. */
export function beginScrubbing({ connection, meta }: Tables, contactIds: readonly string[]): void {
  const newest = connection.sqlite.prepare<[], number | null>('select max(id) from inbox').pluck().get();
  const before = meta.read('scrubbing')?.contactIds ?? [];
  const all = [...new Set([...before, ...contactIds])];
  meta.save('scrubbing', { contactIds: all, belowId: (newest ?? 0) + 1 });
}

/**
 * Looks through the next payloads for contacts that were erased, and erases those that name one: conversations of
 * several people hold the names of all of them. What is still to be handled is then read from Intercom by its id.
 * Answers how many were erased, and whether there are more to look through.
 */
export function scrubPayloads({ connection, meta }: Tables): {
  readonly erased: number;
  readonly hasMore: boolean;
} {
  const { sqlite, transact } = connection;
  const pending = meta.read('scrubbing');
  if (pending === null || pending.contactIds.length === 0) return { erased: 0, hasMore: false };
  return transact(() => {
    const payloads = sqlite
      .prepare<[number, number], Payload>(
        `select id, length(body) as bytes from inbox
         where id < ? and body is not null order by id desc limit ?`,
      )
      .all(pending.belowId, MOST_ROWS);
    const some = withinBytes(payloads);
    const isMention = pending.contactIds.map(() => 'instr(body, cast(? as blob)) > 0').join(' or ');
    const erase = sqlite.prepare(
      `update inbox set body = null,
         status = case when status in ('waiting', 'parked') and subject_id is null then 'ignored' else status end
       where id = ? and (${isMention})`,
    );
    const quoted = pending.contactIds.map((id) => `"${id}"`);
    const erased = some.reduce((sum, { id }) => sum + erase.run(id, ...quoted).changes, 0);
    const hasMore = some.length < payloads.length || payloads.length === MOST_ROWS;
    const belowId = some.at(-1)?.id ?? 0;
    meta.save('scrubbing', hasMore ? { ...pending, belowId } : { contactIds: [], belowId: 0 });
    return { erased, hasMore };
  });
}

/** At least one, however long it is. */
function withinBytes(payloads: readonly Payload[]): readonly Payload[] {
  let bytes = 0;
  const end = payloads.findIndex((payload, index) => {
    bytes += payload.bytes;
    return index > 0 && bytes > MOST_BYTES;
  });
  return end === -1 ? payloads : payloads.slice(0, end);
}
