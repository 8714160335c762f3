import { CHUNK_BYTES, OVERLAP_BYTES, textsOf, textsOfChunk } from '../mentions.js';
import type { ScrubPass } from '../meta-values.js';
import type { Piece } from '../ports/upkeep.js';
import { beginPass, endPass, SCRUB_PIECE, withErasure } from '../scrub-pass.js';
import type { InboxRow } from '../tables/work-tables.js';
import type { Database, Query, Unit } from './database.js';
import { passGate } from './locks.js';
import { readMeta, saveMeta } from './meta.js';
import { findPayloads, removePayloads } from './payloads.js';
import type { PersonMarks } from './person-marks.js';

export interface Scrubber {
  /** One more contact is erased. `isKnown`: the cache or the inbox had something of it. */
  readonly begin: (unit: Unit, nowMs: number, isKnown: boolean) => Promise<void>;
  /** See {@link UpkeepStore.scrubPayloads}. */
  readonly takePiece: (nowMs: number) => Promise<Piece>;
  /** Erases the payloads of these entries that name somebody who was erased. Answers how many those were. */
  readonly forgetMentions: (
    unit: Unit,
    rows: readonly Pick<InboxRow, 'id' | 'hasPayload'>[],
    nowMs: number,
  ) => Promise<number>;
  /** Whether this payload, which is not stored yet, names somebody who was erased. */
  readonly namesErased: (query: Query, body: Uint8Array) => Promise<boolean>;
}

interface Candidate {
  readonly id: number;
  readonly receivedAtMs: number;
  readonly bytes: number;
}

export function createScrubber(database: Database, marks: PersonMarks): Scrubber {
  const nameErased = async (query: Query, texts: Iterable<string>): Promise<boolean> =>
    (await marks.ofErased(query, texts)).size > 0;

  const forget = (unit: Unit, ids: readonly number[], nowMs: number): Promise<number> =>
    removePayloads(unit, ids).then(() =>
      unit.run(
        `update inbox set has_payload = false,
           reason = case when status in ('waiting', 'parked') and subject_id is null
             then 'its payload named a contact that was deleted' else reason end,
           settled_at_ms = case when status in ('waiting', 'parked') and subject_id is null
             then @nowMs::bigint else settled_at_ms end,
           status = case when status in ('waiting', 'parked') and subject_id is null then 'ignored' else status end
         where id = any (@ids) and has_payload`,
        { ids, nowMs },
      ),
    );

  /** Looks on from `from`; answers where it came to, null at the end, and what is to be erased. */
  const look = async (
    query: Query,
    from: ScrubPass,
  ): Promise<{ readonly at: ScrubPass | null; readonly found: readonly number[] }> => {
    const { maxRows, maxBytes, maxMs, minBytes } = SCRUB_PIECE;
    const endsAtMs = performance.now() + maxMs;
    const found: number[] = [];
    let at = from;
    let bytes = 0;
    const open = at.offset > 0 ? await findOne(query, at.beforeId) : [];
    const candidates = [...open, ...(await findNext(query, at, maxRows))];
    for (const { id, receivedAtMs, bytes: length } of candidates) {
      let offset = id === open[0]?.id ? at.offset : 0;
      const body = (await findPayloads(query, [id])).get(id) ?? new Uint8Array();
      while (offset < length) {
        if (bytes >= maxBytes || (bytes >= minBytes && performance.now() > endsAtMs)) {
          return { at: offset === 0 ? at : { ...at, beforeMs: receivedAtMs, beforeId: id, offset }, found };
        }
        const chunk = body.subarray(offset, offset + CHUNK_BYTES + OVERLAP_BYTES);
        bytes += Math.min(CHUNK_BYTES, length - offset);
        offset += CHUNK_BYTES;
        if (!(await nameErased(query, textsOfChunk(chunk)))) continue;
        found.push(id);
        break;
      }
      at = { ...at, beforeMs: receivedAtMs, beforeId: id, offset: 0 };
    }
    return { at: candidates.length < maxRows ? null : at, found };
  };

  return {
    begin: async (unit, nowMs, isKnown) => {
      await passGate(unit, 'meta');
      const { erasures } = await readMeta(unit, ['erasures']);
      await saveMeta(unit, { erasures: withErasure(erasures, nowMs, isKnown) });
    },

    takePiece: async (nowMs) => {
      const { scrub_pass, erasures } = await database.read((query) =>
        readMeta(query, ['scrub_pass', 'erasures']),
      );
      const from = scrub_pass ?? beginPass(erasures, nowMs);
      if (from === null) return { erased: 0, hasMore: false };
      const { at, found } = await database.read((query) => look(query, from));
      return database.unit(
        async (unit) => {
          const erased = await forget(unit, found, nowMs);
          await passGate(unit, 'meta');
          if (at !== null) {
            await saveMeta(unit, { scrub_pass: at });
            return { erased, hasMore: true };
          }
          const end = endPass((await readMeta(unit, ['erasures'])).erasures, from);
          await saveMeta(unit, { erasures: end.erasures, scrub_pass: null });
          return { erased, hasMore: end.hasMore };
        },
        { isDurable: false },
      );
    },

    forgetMentions: async (unit, rows, nowMs) => {
      const ids = rows.flatMap(({ id, hasPayload }) => (hasPayload ? [id] : []));
      if (ids.length === 0 || !(await hasErased(unit))) return 0;
      const named: number[] = [];
      for (const [id, body] of await findPayloads(unit, ids)) {
        if (await nameErased(unit, textsOf(body))) named.push(id);
      }
      return named.length === 0 ? 0 : forget(unit, named, nowMs);
    },

    namesErased: async (query, body) => (await hasErased(query)) && nameErased(query, textsOf(body)),
  };
}

/** Before anybody was erased nothing needs looking at. */
async function hasErased(query: Query): Promise<boolean> {
  return (await readMeta(query, ['erasures'])).erasures !== null;
}

function findOne(query: Query, id: number): Promise<Candidate[]> {
  return query.rows<Candidate>(
    `select id, received_at_ms as "receivedAtMs", size as bytes from inbox join payloads on inbox_id = id
     where id = @id`,
    { id },
  );
}

/** Along inbox_payloads, which leaves out the weeks of entries without payload. */
function findNext(query: Query, { beforeMs, beforeId }: ScrubPass, limit: number): Promise<Candidate[]> {
  return query.rows<Candidate>(
    `select id, received_at_ms as "receivedAtMs", size as bytes from inbox join payloads on inbox_id = id
     where has_payload and (received_at_ms, id) < (@beforeMs, @beforeId)
     order by received_at_ms desc, id desc limit @limit`,
    { beforeMs, beforeId, limit },
  );
}
