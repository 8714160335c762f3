import { NO_ERASURES, type Erasures, type ScrubPass } from '../meta-values.js';
import { CHUNK_BYTES, OVERLAP_BYTES, chunkNamesErased, namesErased } from './mentions.js';
import type { InboxRow } from '../tables/work-tables.js';
import type { Connection } from './connection.js';
import type { Meta } from './meta.js';
import type { Payloads } from './payloads.js';
import type { PersonMarks } from './person-marks.js';

/** What one piece may cost the thread that receives webhooks. */
const MAX_ROWS = 64;
const MAX_BYTES = 1_000_000;
const MAX_MS = 5;
/** So much is looked at however slow it is: a busy machine gets there too, and the result depends on no time. */
const MIN_BYTES = 128 * 1024;
/** What is looked at may be looked at again after a crash: progress is not worth a forced write for each piece. */
const SAVE_EVERY_PIECES = 50;
const UNKNOWN_WAIT_MS = 86_400_000;

export interface Scrubber {
  /** One more contact is erased. `isKnown`: the cache or the inbox had something of it. In the caller's transaction. */
  readonly begin: (nowMs: number | null, isKnown: boolean) => void;
  /** See {@link Store.scrubPayloads}. */
  readonly takePiece: (nowMs: number) => { readonly erased: number; readonly hasMore: boolean };
  /** Erases the payload of this entry if it names somebody who was erased. In the caller's transaction. */
  readonly forgetMentions: (row: Pick<InboxRow, 'id' | 'hasPayload'>, nowMs: number) => boolean;
  /** Whether this payload, which is not stored yet, names somebody who was erased. */
  readonly namesErased: (body: Uint8Array) => boolean;
}

interface Candidate {
  readonly id: number;
  readonly receivedAtMs: number;
  readonly bytes: number;
}

interface ScrubberTables {
  readonly connection: Connection;
  readonly meta: Meta;
  readonly marks: PersonMarks;
  readonly payloads: Payloads;
}

export function createScrubber({ connection, meta, marks, payloads }: ScrubberTables): Scrubber {
  const { sqlite, transact } = connection;
  // Along inbox_payloads, which leaves out the weeks of entries without payload.
  const next = sqlite.prepare<[number, number, number], Candidate>(
    `select id, received_at_ms as receivedAtMs, size as bytes
     from inbox cross join payloads on inbox_id = id
     where has_payload = 1 and (received_at_ms, id) < (?, ?)
     order by received_at_ms desc, id desc limit ?`,
  );
  const same = sqlite.prepare<[number], Candidate>(
    `select id, received_at_ms as receivedAtMs, size as bytes
     from inbox join payloads on inbox_id = id where id = ?`,
  );
  const markForgotten = sqlite.prepare<{ id: number; nowMs: number }>(
    `update inbox set has_payload = 0,
       reason = case when status in ('waiting', 'parked') and subject_id is null
         then 'its payload named a contact that was deleted' else reason end,
       settled_at_ms = case when status in ('waiting', 'parked') and subject_id is null
         then @nowMs else settled_at_ms end,
       status = case when status in ('waiting', 'parked') and subject_id is null then 'ignored' else status end
     where id = @id and has_payload = 1`,
  );
  const forget = (id: number, nowMs: number): boolean => {
    payloads.remove(id);
    return markForgotten.run({ id, nowMs }).changes > 0;
  };

  const erasures = (): Erasures => meta.read('erasures') ?? NO_ERASURES;
  let pass: ScrubPass | null = null;
  let unsavedPieces = 0;

  const beginPass = (nowMs: number): ScrubPass | null => {
    const { last, scrubbed, unknownSinceMs } = erasures();
    const unknownAreDue = unknownSinceMs !== null && nowMs - unknownSinceMs >= UNKNOWN_WAIT_MS;
    if (scrubbed >= last && !unknownAreDue) return null;
    const end = Number.MAX_SAFE_INTEGER;
    return { covers: last, beganAtMs: nowMs, beforeMs: end, beforeId: end, offset: 0 };
  };

  const endPass = ({ covers, beganAtMs }: ScrubPass): boolean => {
    const now = erasures();
    const isUnknownDone = now.unknownSinceMs !== null && now.unknownSinceMs < beganAtMs;
    const ended: Erasures = {
      last: now.last,
      scrubbed: Math.max(now.scrubbed, covers),
      sinceMs: now.last > covers ? beganAtMs : null,
      unknownSinceMs: isUnknownDone ? null : now.unknownSinceMs,
    };
    meta.save('erasures', ended);
    meta.save('scrub_pass', null);
    return ended.last > ended.scrubbed;
  };

  /** Looks on from `from`; answers where it came to, null at the end, and what is to be erased. */
  const look = (from: ScrubPass): { readonly at: ScrubPass | null; readonly found: readonly number[] } => {
    const endsAtMs = performance.now() + MAX_MS;
    const found: number[] = [];
    let at = from;
    let bytes = 0;
    let foundBytes = 0;
    const open = at.offset > 0 ? same.get(at.beforeId) : undefined;
    const candidates = [
      ...(open === undefined ? [] : [open]),
      ...next.all(at.beforeMs, at.beforeId, MAX_ROWS),
    ];
    for (const { id, receivedAtMs, bytes: length } of candidates) {
      let offset = id === open?.id ? at.offset : 0;
      while (offset < length) {
        if (
          bytes >= MAX_BYTES ||
          foundBytes >= MAX_BYTES ||
          (bytes >= MIN_BYTES && performance.now() > endsAtMs)
        ) {
          return { at: offset === 0 ? at : { ...at, beforeMs: receivedAtMs, beforeId: id, offset }, found };
        }
        const chunk = payloads.readPiece(id, offset, CHUNK_BYTES + OVERLAP_BYTES);
        bytes += CHUNK_BYTES < length - offset ? CHUNK_BYTES : length - offset;
        offset += CHUNK_BYTES;
        if (chunk === null || !chunkNamesErased(marks, chunk)) continue;
        found.push(id);
        foundBytes += length;
        break;
      }
      at = { ...at, beforeMs: receivedAtMs, beforeId: id, offset: 0 };
    }
    return { at: candidates.length < MAX_ROWS ? null : at, found };
  };

  return {
    begin: (nowMs, isKnown) => {
      const now = erasures();
      meta.save(
        'erasures',
        isKnown
          ? { ...now, last: now.last + 1, sinceMs: now.sinceMs ?? nowMs }
          : { ...now, unknownSinceMs: now.unknownSinceMs ?? nowMs },
      );
    },

    takePiece: (nowMs) => {
      const from = pass ?? meta.read('scrub_pass') ?? beginPass(nowMs);
      if (from === null) return { erased: 0, hasMore: false };
      const { at, found } = look(from);
      unsavedPieces += 1;
      if (found.length > 0 || at === null || unsavedPieces >= SAVE_EVERY_PIECES) {
        unsavedPieces = 0;
        pass = null;
        return transact(() => {
          const erased = found.filter((id) => forget(id, nowMs)).length;
          const hasMore = at === null ? endPass(from) : true;
          if (at !== null) meta.save('scrub_pass', at);
          return { erased, hasMore };
        });
      }
      pass = at;
      return { erased: 0, hasMore: true };
    },

    forgetMentions: ({ id, hasPayload }, nowMs) => {
      if (!hasPayload || !hasErased()) return false;
      const body = payloads.find(id);
      return body !== null && namesErased(marks, body) && forget(id, nowMs);
    },

    namesErased: (body) => hasErased() && namesErased(marks, body),
  };

  /** Before anybody was erased nothing needs looking at. */
  function hasErased(): boolean {
    return meta.read('erasures') !== null;
  }
}

/** For a database of an older version: contacts that it has erased are looked for once more, and in what comes in. */
export function beginForOlder({
  connection: { sqlite, transact },
  meta,
  marks,
  scrubber,
}: Omit<ScrubberTables, 'payloads'> & { readonly scrubber: Scrubber }): void {
  if (meta.read('erasures') !== null) return;
  const erased = sqlite
    .prepare<[], string>("select id from lifecycles where kind = 'contact' and state = 'deleted'")
    .pluck()
    .all();
  const absorbedBy = sqlite
    .prepare<[string], string>('select id from lifecycles where merged_into_id = ?')
    .pluck();
  if (erased.length === 0) return;
  transact(() => {
    for (const id of erased) marks.rememberIds(id, [id, ...absorbedBy.all(id)]);
    scrubber.begin(null, true);
  });
}
