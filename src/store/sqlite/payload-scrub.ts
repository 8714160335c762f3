import type { ScrubPass } from '../meta-values.js';
import { CHUNK_BYTES, OVERLAP_BYTES, textsOf, textsOfChunk } from '../mentions.js';
import { beginPass, endPass, SCRUB_PIECE, withErasure } from '../scrub-pass.js';
import type { InboxRow } from '../tables/work-tables.js';
import type { Connection } from './connection.js';
import type { Meta } from './meta.js';
import type { Payloads } from './payloads.js';
import type { PersonMarks } from './person-marks.js';

/** What is looked at may be looked at again after a crash: progress is not worth a forced write for each piece. */
const SAVE_EVERY_PIECES = 50;

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

  let pass: ScrubPass | null = null;
  let unsavedPieces = 0;
  const namesErased = (texts: Iterable<string>): boolean => {
    for (const text of texts) if (marks.isOfErased(text)) return true;
    return false;
  };

  const end = (ended: ScrubPass): boolean => {
    const { erasures, hasMore } = endPass(meta.read('erasures'), ended);
    meta.save('erasures', erasures);
    meta.save('scrub_pass', null);
    return hasMore;
  };

  /** Looks on from `from`; answers where it came to, null at the end, and what is to be erased. */
  const look = (from: ScrubPass): { readonly at: ScrubPass | null; readonly found: readonly number[] } => {
    const { maxRows, maxBytes, maxMs, minBytes } = SCRUB_PIECE;
    const endsAtMs = performance.now() + maxMs;
    const found: number[] = [];
    let at = from;
    let bytes = 0;
    let foundBytes = 0;
    const open = at.offset > 0 ? same.get(at.beforeId) : undefined;
    const candidates = [
      ...(open === undefined ? [] : [open]),
      ...next.all(at.beforeMs, at.beforeId, maxRows),
    ];
    for (const { id, receivedAtMs, bytes: length } of candidates) {
      let offset = id === open?.id ? at.offset : 0;
      while (offset < length) {
        if (
          bytes >= maxBytes ||
          foundBytes >= maxBytes ||
          (bytes >= minBytes && performance.now() > endsAtMs)
        ) {
          return { at: offset === 0 ? at : { ...at, beforeMs: receivedAtMs, beforeId: id, offset }, found };
        }
        const chunk = payloads.readPiece(id, offset, CHUNK_BYTES + OVERLAP_BYTES);
        bytes += CHUNK_BYTES < length - offset ? CHUNK_BYTES : length - offset;
        offset += CHUNK_BYTES;
        if (chunk === null || !namesErased(textsOfChunk(chunk))) continue;
        found.push(id);
        foundBytes += length;
        break;
      }
      at = { ...at, beforeMs: receivedAtMs, beforeId: id, offset: 0 };
    }
    return { at: candidates.length < maxRows ? null : at, found };
  };

  return {
    begin: (nowMs, isKnown) => meta.save('erasures', withErasure(meta.read('erasures'), nowMs, isKnown)),

    takePiece: (nowMs) => {
      const from = pass ?? meta.read('scrub_pass') ?? beginPass(meta.read('erasures'), nowMs);
      if (from === null) return { erased: 0, hasMore: false };
      const { at, found } = look(from);
      unsavedPieces += 1;
      if (found.length > 0 || at === null || unsavedPieces >= SAVE_EVERY_PIECES) {
        unsavedPieces = 0;
        pass = null;
        return transact(() => {
          const erased = found.filter((id) => forget(id, nowMs)).length;
          const hasMore = at === null ? end(from) : true;
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
      return body !== null && namesErased(textsOf(body)) && forget(id, nowMs);
    },

    namesErased: (body) => hasErased() && namesErased(textsOf(body)),
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
