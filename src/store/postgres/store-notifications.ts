import { MAX_CONTENTS } from '../inbox-entry.js';
import type { NewNotification } from '../ports/inbox.js';
import type { Unit } from './database.js';
import type { Scrubber } from './payload-scrub.js';
import { addPayloads, findPayloadOfKey } from './payloads.js';

type Stored = 'stored' | 'duplicate';

/** A notification under the key that it is to have. */
interface Incoming {
  readonly key: string;
  readonly one: NewNotification;
  /** Only of those that can't be read: the others are looked at when they are settled. */
  readonly isErased: boolean;
}

interface Clock {
  readonly scrubber: Scrubber;
  /** The engine's time; null where the callers' is all there is. */
  readonly nowMs: number | null;
}

/** Stores each once; the answers are in the order of `notifications`. */
export async function storeNotifications(
  unit: Unit,
  notifications: readonly NewNotification[],
  clock: Clock,
): Promise<Stored[]> {
  const first = new Map<string, NewNotification>();
  for (const one of notifications) {
    const key = asHeld(one.dedupeKey);
    if (!first.has(key)) first.set(key, one);
  }
  const fresh = await insertAll(
    unit,
    [...first].map(([key, one]) => ({ key, one })),
    clock,
  );
  const answers: Stored[] = [];
  for (const one of notifications) {
    const key = asHeld(one.dedupeKey);
    if (first.get(key) === one && fresh.has(key)) answers.push('stored');
    else answers.push(await storeOtherContent(unit, one, clock));
  }
  return answers;
}

/** An id that is known with another content must not hide what has happened: it is stored under a key of its own. */
async function storeOtherContent(unit: Unit, one: NewNotification, clock: Clock): Promise<Stored> {
  const { dedupeKey, hashContent, body } = one;
  const known = hashContent === null ? null : await findPayloadOfKey(unit, dedupeKey);
  if (hashContent === null || known === null) return 'duplicate';
  const hash = hashContent(body);
  if (hash === hashContent(known)) return 'duplicate';
  const [row] = await unit.rows<{ readonly contents: number }>(
    // Keys of further contents are the id, a colon and the hash: a semicolon comes right behind a colon.
    'select count(*) as contents from inbox where dedupe_key > @from and dedupe_key < @to',
    { from: `${dedupeKey}:`, to: `${dedupeKey};` },
  );
  if ((row?.contents ?? 0) >= MAX_CONTENTS) return 'duplicate';
  const key = asHeld(`${dedupeKey}:${hash}`);
  return (await insertAll(unit, [{ key, one }], clock)).has(key) ? 'stored' : 'duplicate';
}

/** Answers the keys of those that were not known. */
async function insertAll(
  unit: Unit,
  given: readonly Omit<Incoming, 'isErased'>[],
  { scrubber, nowMs }: Clock,
): Promise<ReadonlySet<string>> {
  const all: Incoming[] = [];
  for (const { key, one } of given) {
    const isErased = one.unreadable !== null && (await scrubber.namesErased(unit, one.body));
    all.push({ key, one, isErased });
  }
  const rows = all.map(({ key, one, isErased }) => {
    const { topic, subject, lane, createdAt, receivedAtMs, unreadable } = one;
    const isParked = unreadable !== null;
    const status = isErased && subject === null ? 'ignored' : isParked ? 'parked' : 'waiting';
    const reason = isErased ? 'its payload named a contact that was deleted' : unreadable;
    // What came in is due, whatever the clock of whoever received it says.
    const dueAtMs = nowMs === null ? receivedAtMs : Math.min(receivedAtMs, nowMs);
    return {
      key,
      topic,
      subject,
      lane,
      createdAt,
      receivedAtMs,
      isErased,
      isParked,
      status,
      reason,
      dueAtMs,
    };
  });
  const inserted = await unit.rows<{ readonly id: number; readonly key: string }>(
    `insert into inbox (origin, dedupe_key, topic, subject_kind, subject_id, lane, created_at, received_at_ms, has_payload,
       status, due_at_ms, attempts, reason, settled_at_ms)
     select 'webhook', key, topic, subject_kind, subject_id, lane, created_at, received_at_ms, has_payload, status,
       due_at_ms, 0, reason, settled_at_ms
     from unnest(@keys::text[], @topics::text[], @subjectKinds::text[], @subjectIds::text[], @lanes::text[],
       @created::bigint[], @received::bigint[], @hasPayloads::boolean[], @statuses::text[], @due::bigint[],
       @reasons::text[], @settled::bigint[])
       with ordinality as given (key, topic, subject_kind, subject_id, lane, created_at, received_at_ms, has_payload,
         status, due_at_ms, reason, settled_at_ms, place)
     order by place on conflict (dedupe_key) do nothing returning id, dedupe_key as key`,
    {
      keys: rows.map(({ key }) => key),
      topics: rows.map(({ topic }) => topic),
      subjectKinds: rows.map(({ subject }) => subject?.kind ?? null),
      subjectIds: rows.map(({ subject }) => subject?.id ?? null),
      lanes: rows.map(({ lane }) => lane),
      created: rows.map(({ createdAt }) => createdAt),
      received: rows.map(({ receivedAtMs }) => receivedAtMs),
      hasPayloads: rows.map(({ isErased }) => !isErased),
      statuses: rows.map(({ status }) => status),
      due: rows.map(({ dueAtMs }) => dueAtMs),
      reasons: rows.map(({ reason }) => reason),
      settled: rows.map(({ isParked, receivedAtMs }) => (isParked ? receivedAtMs : null)),
    },
  );
  const idOf = new Map(inserted.map(({ id, key }) => [key, id]));
  await addPayloads(
    unit,
    all.flatMap(({ key, one, isErased }) => {
      const id = idOf.get(key);
      return id === undefined || isErased ? [] : [{ id, bytes: one.body }];
    }),
  );
  return new Set(idOf.keys());
}

/** Halves of surrogate pairs come back as U+FFFD. */
function asHeld(key: string): string {
  return key.toWellFormed();
}
