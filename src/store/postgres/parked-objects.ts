import { isParkedDue, MAX_PARKED_DELAY_MS, parkedDelayMs, parkedObjectItem } from '../plan/parked-object.js';
import type { ParkedPlace } from '../plan/parked-list.js';
import type { ParkedObject, ParkObject } from '../ports/parked.js';
import type { ParkedItem } from '../ports/queries.js';
import type { Subject } from '../ports/subject.js';
import { ALL_TABLES } from '../tables/all-tables.js';
import type { Query } from './database.js';
import { createTableRows } from './table-rows.js';

/* Objects of Intercom's that can't be read for now. */

const PARKED = createTableRows(ALL_TABLES.parkedObjects, ['kind', 'id']);

/** See {@link ParkedStore.parkObject}. */
export async function parkObject(unit: Query, object: ParkObject): Promise<'new' | 'again' | 'known'> {
  const { kind, id, field, likelyOwnerId, nowMs, runId } = object;
  const contactId = likelyOwnerId ?? (kind === 'conversation' ? await ownerInCache(unit, id) : id);
  for (;;) {
    const dueAtMs = nowMs + parkedDelayMs(1);
    const inserted = await unit.run(
      `insert into parked_objects (kind, id, field, contact_id, attempts, parked_at_ms, due_at_ms, run_id)
       values (@kind, @id, @field, @contactId, 1, @nowMs, @dueAtMs, @runId) on conflict do nothing`,
      { kind, id, field, contactId, nowMs, dueAtMs, runId },
    );
    if (inserted > 0) return 'new';
    const [known] = await PARKED.find(unit, 'kind = @kind and id = @id for update', { kind, id });
    // Released just now by somebody else.
    if (known === undefined) continue;
    const isKnown = runId !== null && known.runId === runId;
    const attempts = known.attempts + 1;
    await PARKED.put(unit, [
      isKnown
        ? { ...known, contactId: known.contactId ?? contactId }
        : {
            ...known,
            field,
            attempts,
            runId,
            contactId: contactId ?? known.contactId,
            dueAtMs: nowMs + parkedDelayMs(attempts),
          },
    ]);
    return isKnown ? 'known' : 'again';
  }
}

async function ownerInCache(query: Query, conversationId: string): Promise<string | null> {
  const [row] = await query.rows<{ contactId: string | null }>(
    'select contact_id as "contactId" from conversations where id = @conversationId',
    { conversationId },
  );
  return row?.contactId ?? null;
}

export async function findParkedObject(
  query: Query,
  { kind, id }: Subject,
  nowMs: number,
): Promise<ParkedObject | null> {
  const [row] = await PARKED.find(query, 'kind = @kind and id = @id', { kind, id });
  if (row === undefined) return null;
  const { field, contactId: likelyOwnerId, runId, dueAtMs } = row;
  return { kind, id, field, likelyOwnerId, runId, isDue: isParkedDue(dueAtMs, nowMs) };
}

/** Those that can be asked for by id and are to be read again, the longest due first. */
export function listDueObjects(query: Query, nowMs: number, limit: number): Promise<Subject[]> {
  return query.rows<Subject>(
    `select kind, id from parked_objects
     where (due_at_ms <= @nowMs or due_at_ms > @aheadMs) and id not like '#%' order by due_at_ms limit @limit`,
    { nowMs, aheadMs: nowMs + MAX_PARKED_DELAY_MS, limit },
  );
}

/** They could be read, or are gone. */
export async function releaseObjects(unit: Query, subjects: readonly Subject[]): Promise<void> {
  if (subjects.length === 0) return;
  await unit.run(
    `delete from parked_objects where (kind, id) in (select * from unnest(@kinds::text[], @ids::text[]))`,
    listsOf(subjects),
  );
}

/** See {@link ParkedStore.releaseNameless}. */
export async function releaseNameless(
  unit: Query,
  kind: Subject['kind'],
  exceptRunId: string,
): Promise<void> {
  await unit.run(
    `delete from parked_objects where kind = @kind and id like '#%' and run_id is distinct from @exceptRunId`,
    { kind, exceptRunId },
  );
}

export async function countParkedObjects(query: Query, kind: Subject['kind']): Promise<number> {
  const [row] = await query.rows<{ count: number }>(
    'select count(*) as count from parked_objects where kind = @kind',
    { kind },
  );
  return row?.count ?? 0;
}

/** Behind `place`, by time, kind and id. */
export async function listParkedObjects(
  query: Query,
  { sinceMs, afterObject: [kind, id] }: ParkedPlace,
  limit: number,
): Promise<ParkedItem[]> {
  const rows = await PARKED.find(
    query,
    '(parked_at_ms, kind, id) > (@sinceMs, @kind, @id) order by parked_at_ms, kind, id limit @limit',
    { sinceMs, kind, id, limit },
  );
  return rows.map(parkedObjectItem);
}

/** To be read again at once. Answers which of them are parked. */
export function makeDue(unit: Query, subjects: readonly Subject[]): Promise<Subject[]> {
  return unit.rows<Subject>(
    `update parked_objects set due_at_ms = 0, attempts = 0, run_id = null
     where (kind, id) in (select * from unnest(@kinds::text[], @ids::text[])) returning kind, id`,
    listsOf(subjects),
  );
}

/** All that are parked, by kind and id. */
export function allParkedObjects(query: Query): Promise<Subject[]> {
  return query.rows<Subject>('select kind, id from parked_objects order by kind, id');
}

function listsOf(subjects: readonly Subject[]) {
  return { kinds: subjects.map(({ kind }) => kind), ids: subjects.map(({ id }) => id) };
}
