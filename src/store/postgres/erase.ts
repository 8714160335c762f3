import type { PlanStep } from '../plan/slice.js';
import type { Subject } from '../ports/subject.js';
import type { Piece } from '../ports/upkeep.js';
import type { Database, Unit } from './database.js';
import { forgetFights } from './fights.js';
import type { Scrubber } from './payload-scrub.js';
import { findPayloads, removePayloads } from './payloads.js';
import type { PersonMarks } from './person-marks.js';
import { anonymizeWrites } from './writes.js';

/** What one transaction may overwrite: milliseconds, and others wait that long. */
const MAX_ROWS = 100;
const MAX_BYTES = 500_000;
/** Payloads that can't be read name no subject: so many of them are looked through at once, the newest. */
const MAX_UNREADABLE = 20;

interface Parts {
  readonly marks: PersonMarks;
  readonly scrubber: Scrubber;
}

/**
 * Erases what no slice holds of a contact: its stored payloads, what was found of it, and who its writes were about. What
 * stays are hashes by which it is recognized in later payloads, and the audit without names. More payloads than fit are
 * left to {@link eraseLeft}.
 */
export async function eraseContact(
  unit: Unit,
  { marks, scrubber }: Parts,
  { contactIds, conversationIds, person, isNew, wasKnown }: Extract<PlanStep, { kind: 'erased' }>,
  nowMs: number,
): Promise<void> {
  const [contactId] = contactIds;
  await marks.rememberIds(unit, contactId, contactIds);
  if (person !== null) await marks.remember(unit, contactId, person);
  const hadUnreadable = await eraseUnreadable(unit, contactIds, nowMs);
  const subjects: readonly Subject[] = [
    ...contactIds.map((id) => ({ kind: 'contact', id }) as const),
    ...conversationIds.map((id) => ({ kind: 'conversation', id }) as const),
  ];
  const piece = await eraseSome(unit, subjects, nowMs);
  if (piece.hasMore) {
    await unit.run(
      `insert into erasing (kind, id) select * from unnest(@kinds::text[], @ids::text[]) on conflict do nothing`,
      { kinds: subjects.map(({ kind }) => kind), ids: subjects.map(({ id }) => id) },
    );
  }
  await anonymizeWrites(unit, contactIds, nowMs);
  const ids = { contactIds };
  await unit.run(
    'delete from sweep_found where contact_id = any (@contactIds) or former_contact_id = any (@contactIds)',
    ids,
  );
  await unit.run('delete from sweep_seen where id = any (@contactIds)', ids);
  await unit.run('delete from sweep_counted where entry = any (@contactIds)', ids);
  await unit.run('delete from drift where contact_id = any (@contactIds)', ids);
  await forgetFights(unit, contactIds);
  await unit.run('delete from parked_objects where contact_id = any (@contactIds)', ids);
  // A second notice of the same deletion has nothing new to look for. Last: others wait for it.
  if (isNew) await scrubber.begin(unit, nowMs, wasKnown || hadUnreadable || piece.tellsMore);
}

/** The payload of one entry, whatever it is about. */
export async function erasePayload(unit: Unit, inboxId: number): Promise<void> {
  await removePayloads(unit, [inboxId]);
  await unit.run(
    `update inbox set has_payload = false, lane = null, subject_kind = null, subject_id = null where id = @inboxId`,
    { inboxId },
  );
}

/** The next piece of what a deletion has left. Answers how many payloads were erased, and whether there may be more. */
export function eraseLeft(database: Database, nowMs: number): Promise<Piece> {
  return database.unit(
    async (unit) => {
      const [left] = await unit.rows<Subject>('select kind, id from erasing limit 1 for update skip locked');
      if (left === undefined) return { erased: 0, hasMore: false };
      const { erased, hasMore } = await eraseSome(unit, [left], nowMs);
      if (!hasMore) {
        await unit.run('delete from erasing where kind = @kind and id = @id', {
          kind: left.kind,
          id: left.id,
        });
      }
      return { erased, hasMore: true };
    },
    { isDurable: false },
  );
}

/**
 * What can't be read names no subject, but may well hold the contact. The pass through all payloads finds the rest; what
 * a person would look at first goes at once.
 */
async function eraseUnreadable(unit: Unit, contactIds: readonly string[], nowMs: number): Promise<boolean> {
  const unreadable = await unit.rows<{ readonly id: number; readonly bytes: number }>(
    `select id, size as bytes from inbox join payloads on inbox_id = id
     where subject_id is null and has_payload order by id desc limit @limit`,
    { limit: MAX_UNREADABLE },
  );
  let bytes = 0;
  const some = unreadable.filter((one) => (bytes += one.bytes) <= MAX_BYTES).map(({ id }) => id);
  const named = [...(await findPayloads(unit, some))].flatMap(([id, body]) => {
    const payload = Buffer.from(body);
    return contactIds.some((contactId) => payload.includes(`"${contactId}"`)) ? [id] : [];
  });
  await eraseEntries(unit, named, nowMs);
  return named.length > 0;
}

/** As many as one transaction takes. `tellsMore`: there was one beside the notices of the deletion itself. */
async function eraseSome(
  unit: Unit,
  subjects: readonly Subject[],
  nowMs: number,
): Promise<Piece & { readonly tellsMore: boolean }> {
  const found = await unit.rows<{
    readonly id: number;
    readonly topic: string | null;
    readonly bytes: number;
  }>(
    `select id, topic, coalesce((select size from payloads where inbox_id = id), 0) as bytes from inbox
     where lane = any (@lanes) or (has_payload and (subject_kind, subject_id) in (
       select * from unnest(@kinds::text[], @ids::text[])))
     order by id limit @limit`,
    {
      lanes: subjects.flatMap(({ kind, id }) => (kind === 'contact' ? [id] : [])),
      kinds: subjects.map(({ kind }) => kind),
      ids: subjects.map(({ id }) => id),
      limit: MAX_ROWS + 1,
    },
  );
  let bytes = 0;
  const some = found.slice(0, MAX_ROWS).filter((one) => {
    const fits = bytes < MAX_BYTES;
    bytes += one.bytes;
    return fits;
  });
  await eraseEntries(
    unit,
    some.map(({ id }) => id),
    nowMs,
  );
  const tellsMore = some.some(({ topic }) => topic?.endsWith('.deleted') !== true);
  return { erased: some.length, hasMore: some.length < found.length, tellsMore };
}

/**
 * An entry that has not been handled yet can't be handled without its payload, and has nothing to say any more: it
 * counts as ignored, whoever holds its lease.
 */
async function eraseEntries(unit: Unit, ids: readonly number[], nowMs: number): Promise<void> {
  if (ids.length === 0) return;
  await removePayloads(unit, ids);
  await unit.run(
    `update inbox set has_payload = false, lane = null, subject_kind = null, subject_id = null, lease_owner = null,
       settled_at_ms = case when status in ('waiting', 'parked') then @nowMs::bigint else settled_at_ms end,
       reason = case when status in ('waiting', 'parked') then 'the contact was deleted' else reason end,
       status = case when status in ('waiting', 'parked') then 'ignored' else status end
     where id = any (@ids)`,
    { ids, nowMs },
  );
}
