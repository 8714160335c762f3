import type { CacheStore, Recompute } from '../ports/cache.js';
import { decideAgain } from './apply.js';
import type { Query, Unit } from './database.js';
import { lockObjects } from './locks.js';
import type { Parts } from './parts.js';

/** Somebody else may have decided all that were found: then there may be others. */
const MAX_LOOKS = 5;

/** See {@link CacheStore.applyDueTransitions}. */
export async function applyDueTransitions(
  unit: Unit,
  parts: Parts,
  { nowAt, limit, decide }: Parameters<CacheStore['applyDueTransitions']>[0],
): Promise<number> {
  for (let looks = 1; looks <= MAX_LOOKS; looks += 1) {
    const found = await findDue(unit, nowAt, limit, null);
    if (found.length === 0) return 0;
    await lockObjects(unit, found);
    const due = await findDue(unit, nowAt, limit, found);
    if (due.length === 0) continue;
    const cause = { kind: 'transition', ref: null } as const;
    const nowMs = (await parts.time.now(unit)) ?? nowAt * 1000;
    await decideAgain(unit, parts, due, { cause, nowMs, decide });
    return due.length;
  }
  return 0;
}

export async function nextTransitionAt(query: Query): Promise<number | null> {
  const [row] = await query.rows<{ readonly at: number | null }>(
    'select min(next_change_at) as at from members where next_change_at is not null',
  );
  return row?.at ?? null;
}

/** See {@link CacheStore.recomputeMembers}. */
export async function recomputeMembers(
  unit: Unit,
  parts: Parts,
  { afterContactId, limit, ...work }: Recompute,
): Promise<{ readonly members: number; readonly lastContactId: string | null }> {
  const rows = await unit.rows<{ readonly id: string }>(
    `select id from contacts where role = 'user' and id > @after order by id limit @limit`,
    { after: afterContactId ?? '', limit },
  );
  const ids = rows.map(({ id }) => id);
  const nowMs = await parts.time.at(unit, work.nowMs);
  const members = await decideAgain(unit, parts, ids, { ...work, nowMs });
  return { members, lastContactId: ids.length < limit ? null : (ids.at(-1) ?? null) };
}

async function findDue(
  unit: Unit,
  nowAt: number,
  limit: number,
  among: readonly string[] | null,
): Promise<string[]> {
  const rows = await unit.rows<{ readonly id: string }>(
    `select contact_id as id from members
     where next_change_at is not null and next_change_at <= @nowAt
       and (@isAny::boolean or contact_id = any (@among::text[]))
     order by next_change_at limit @limit`,
    { nowAt, limit, isAny: among === null, among: among ?? [] },
  );
  return rows.map(({ id }) => id);
}
