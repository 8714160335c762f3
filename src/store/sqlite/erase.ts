import type { Subject } from '../ports/subject.js';
import type { PlanStep } from '../plan/slice.js';
import type { Tables } from './tables.js';

/** What one transaction may overwrite: milliseconds, and webhooks wait that long. */
const MAX_ROWS = 100;
const MAX_BYTES = 500_000;
/** Payloads that can't be read name no subject: so many of them are looked through at once, the newest. */
const MAX_UNREADABLE = 20;

interface Payload {
  readonly id: number;
  readonly topic: string | null;
  readonly bytes: number | null;
}

/**
 * Erases what no slice holds of a contact: its stored payloads, what was found of it, and who its writes were about. What
 * stays are hashes by which it is recognized in later payloads, and the audit without names. Runs inside the caller's
 * transaction; the write-ahead log has to be emptied after the commit. More payloads than fit are left to
 * {@link eraseLeft}.
 */
export function eraseContact(
  tables: Tables,
  { contactIds, conversationIds, person, isNew, wasKnown }: Extract<PlanStep, { kind: 'erased' }>,
  nowMs: number,
): void {
  const { fights, marks, parkedObjects, scrubber, sweeps, writes } = tables;
  const [contactId] = contactIds;
  marks.rememberIds(contactId, contactIds);
  if (person !== null) marks.remember(contactId, person);
  const hadPayloads = eraseOwnPayloads(tables, contactIds, conversationIds, nowMs);
  for (const id of contactIds) {
    writes.supersede(
      writes.waiting(id).map((write) => write.id),
      nowMs,
    );
  }
  // A second notice of the same deletion has nothing new to look for.
  if (isNew) scrubber.begin(nowMs, wasKnown || hadPayloads);
  writes.anonymize(contactIds);
  sweeps.forgetContacts(contactIds);
  fights.forgetContacts(contactIds);
  parkedObjects.forgetContacts(contactIds);
}

/** The payload of one entry, whatever it is about. */
export function erasePayload({ connection, payloads }: Tables, inboxId: number): void {
  payloads.remove(inboxId);
  connection.sqlite
    .prepare(
      'update inbox set has_payload = 0, lane = null, subject_kind = null, subject_id = null where id = ?',
    )
    .run(inboxId);
}

/** The next piece of what a deletion has left. Answers how many payloads were erased, and whether there may be more. */
export function eraseLeft(
  tables: Tables,
  nowMs: number,
): { readonly erased: number; readonly hasMore: boolean } {
  const { sqlite, transact } = tables.connection;
  const left = sqlite.prepare<[], Subject>('select kind, id from erasing limit 1').get();
  if (left === undefined) return { erased: 0, hasMore: false };
  return transact(() => {
    const budget = { rows: MAX_ROWS, bytes: MAX_BYTES };
    const piece = prepareEraser(tables).eraseSome(left, nowMs, budget);
    if (!piece.hasMore) {
      sqlite.prepare('delete from erasing where kind = ? and id = ?').run(left.kind, left.id);
    }
    return { erased: piece.erased, hasMore: true };
  });
}

/** Answers whether there was any payload besides the notices of the deletion itself. */
function eraseOwnPayloads(
  tables: Tables,
  contactIds: readonly string[],
  conversationIds: readonly string[],
  nowMs: number,
): boolean {
  const subjects: readonly Subject[] = [
    ...contactIds.map((id) => ({ kind: 'contact', id }) as const),
    ...conversationIds.map((id) => ({ kind: 'conversation', id }) as const),
  ];
  const { sqlite } = tables.connection;
  const leave = sqlite.prepare<[string, string]>(
    'insert into erasing (kind, id) values (?, ?) on conflict do nothing',
  );
  const budget = { rows: MAX_ROWS, bytes: MAX_BYTES };
  const eraser = prepareEraser(tables);
  let hadAny = eraseUnreadable(tables, eraser, contactIds, nowMs);
  for (const subject of subjects) {
    const piece = eraser.eraseSome(subject, nowMs, budget);
    hadAny ||= piece.tellsMore;
    if (piece.hasMore) leave.run(subject.kind, subject.id);
  }
  return hadAny;
}

/**
 * What can't be read names no subject, but may well hold the contact. The pass through all payloads finds the rest; what
 * a person would look at first goes at once.
 */
function eraseUnreadable(
  { connection: { sqlite }, payloads }: Tables,
  eraser: Eraser,
  contactIds: readonly string[],
  nowMs: number,
): boolean {
  const unreadable = sqlite
    .prepare<[number], { readonly id: number; readonly bytes: number }>(
      `select id, size as bytes from inbox cross join payloads on inbox_id = id
       where subject_id is null and has_payload = 1 order by id desc limit ?`,
    )
    .all(MAX_UNREADABLE);
  let bytes = 0;
  let hadAny = false;
  for (const one of unreadable) {
    bytes += one.bytes;
    if (bytes > MAX_BYTES) break;
    const payload = Buffer.from(payloads.find(one.id) ?? []);
    if (!contactIds.some((id) => payload.includes(`"${id}"`))) continue;
    eraser.eraseOne(one.id, nowMs);
    hadAny = true;
  }
  return hadAny;
}

interface Eraser {
  /** Takes what it erases off `budget`, of which the last payload may take more than is left. */
  readonly eraseSome: (
    subject: Subject,
    nowMs: number,
    budget: { rows: number; bytes: number },
  ) => { readonly erased: number; readonly hasMore: boolean; readonly tellsMore: boolean };
  /**
   * An entry that has not been handled yet can't be handled without its payload, and has nothing to say any more: it
   * counts as ignored, whoever holds its lease.
   */
  readonly eraseOne: (id: number, nowMs: number) => void;
}

function prepareEraser({ connection: { sqlite }, payloads }: Tables): Eraser {
  const entries = `select id, topic, (select size from payloads where inbox_id = id) as bytes from inbox`;
  const inLane = sqlite.prepare<[string, number], Payload>(`${entries} where lane = ? limit ?`);
  const ofSubject = sqlite.prepare<[string, Subject['kind'], number], Payload>(
    `${entries} where subject_id = ? and subject_kind = ? and has_payload = 1 limit ?`,
  );
  const erase = sqlite.prepare<{ id: number; nowMs: number }>(
    `update inbox set has_payload = 0, lane = null, subject_kind = null, subject_id = null, lease_owner = null,
       settled_at_ms = case when status in ('waiting', 'parked') then @nowMs else settled_at_ms end,
       reason = case when status in ('waiting', 'parked') then 'the contact was deleted' else reason end,
       status = case when status in ('waiting', 'parked') then 'ignored' else status end
     where id = @id`,
  );
  const eraseOne = (id: number, nowMs: number): void => {
    payloads.remove(id);
    erase.run({ id, nowMs });
  };
  return {
    eraseOne,
    eraseSome: ({ kind, id }, nowMs, budget) => {
      const limit = budget.rows + 1;
      const some = new Map<number, Payload>();
      if (kind === 'contact') for (const payload of inLane.all(id, limit)) some.set(payload.id, payload);
      for (const payload of ofSubject.all(id, kind, limit)) some.set(payload.id, payload);
      let erased = 0;
      let tellsMore = false;
      for (const { id: entry, topic, bytes } of some.values()) {
        if (budget.rows <= 0 || budget.bytes <= 0) return { erased, hasMore: true, tellsMore };
        eraseOne(entry, nowMs);
        erased += 1;
        tellsMore ||= topic?.endsWith('.deleted') !== true;
        budget.rows -= 1;
        budget.bytes -= bytes ?? 0;
      }
      return { erased, hasMore: false, tellsMore };
    },
  };
}
