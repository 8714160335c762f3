import { findNews } from '../plan/find-news.js';
import { foundRow, NOBODY } from '../plan/found-row.js';
import { silentSince, toldUntilAt, usualFromMs } from '../plan/silence.js';
import type { Found, FoundMembers, SweepStore, WritesOfRun } from '../ports/sweeps.js';
import type { CoreParts, MetaPart } from './core-parts.js';
import type { Query, Unit } from './database.js';
import { releaseObjects } from './parked-objects.js';
import { assertRunHeld, saveRunPage } from './runs.js';
import { changesOf, contactsAfter, countFound, keepFoundRows, keepSeen } from './sweeps.js';

/** Keeps what the page tells that is new to the cache. See {@link SweepStore.keepFound}. */
export async function keepFound(
  unit: Unit,
  loadSlice: CoreParts['loadSlice'],
  { page, changes, seen, nowMs }: Found,
): Promise<void> {
  await assertRunHeld(unit, page.runId, page.lease);
  const slice = await loadSlice(unit, { changes, nowMs }, 'of-gone');
  const { news, known } = findNews(slice, changes, nowMs);
  await keepFoundRows(unit, news.map(foundRow));
  // The cache holds already what could not be read for a while: nothing is left to apply.
  await releaseObjects(unit, known);
  await keepSeen(unit, seen);
  await saveRunPage(unit, page);
}

export async function nextFound(
  query: Query,
  { runId, scope, afterContactId, limit }: Parameters<SweepStore['nextFound']>[0],
): Promise<FoundMembers> {
  const afterId = afterContactId ?? '';
  const found = await contactsAfter(query, runId, afterId, limit);
  const others =
    scope === 'all'
      ? await query.rows<{ id: string }>(
          "select id from contacts where role = 'user' and id > @afterId order by id limit @limit",
          { afterId, limit },
        )
      : [];
  const ids = [...new Set([...found, ...others.map(({ id }) => id)])].sort().slice(0, limit);
  return {
    contactIds: ids.filter((id) => id !== NOBODY),
    changes: ids.length === 0 ? [] : await changesOf(query, ids),
    lastContactId: ids.at(-1) ?? null,
  };
}

export async function countCached(
  query: Query,
  conversationsFromAt: number,
): Promise<{ readonly members: number; readonly conversations: number }> {
  const [row] = await query.rows<{ members: number; conversations: number }>(
    `select (select count(*) from members) as members,
            (select count(*) from conversations where updated_at >= @conversationsFromAt) as conversations`,
    { conversationsFromAt },
  );
  return row ?? { members: 0, conversations: 0 };
}

export async function countSynced(query: Query): Promise<number> {
  const [row] = await query.rows<{ synced: number }>('select count(synced_at_ms) as synced from members');
  return row?.synced ?? 0;
}

export async function countWritesOf(query: Query, runId: string): Promise<WritesOfRun> {
  const [row] = await query.rows<WritesOfRun>(
    `select
       count(distinct contact_id) filter (where outcome = 'waiting' and state = 'ready'
         and writes.parked_at_ms is null) as waiting,
       count(distinct contact_id) filter (where outcome = 'waiting' and state = 'ready'
         and writes.parked_at_ms is null and writes.reason is not null) as failing,
       count(distinct contact_id) filter (where outcome = 'waiting' and state = 'held') as held,
       count(distinct contact_id) filter (where outcome = 'waiting'
         and (state = 'parked' or writes.parked_at_ms is not null)) as parked,
       count(distinct contact_id) filter (where outcome = 'sent') as sent
     from writes left join outbox using (contact_id)
     where cause_ref = @runId and cause_kind in ('sweep', 'sync', 'backfill')`,
    { runId },
  );
  return row ?? { waiting: 0, failing: 0, held: 0, parked: 0, sent: 0 };
}

/** See {@link SweepStore.detectSilence}. */
export async function detectSilence(unit: Unit, meta: MetaPart, nowMs: number): Promise<void> {
  if ((await countFound(unit, toldUntilAt(nowMs))) === 0) return;
  const [known] = await unit.rows<{ lastAtMs: number | null; firstRunAtMs: number | null }>(
    `select (select last_at_ms from webhook_hours where last_at_ms is not null
              order by hour_at desc, last_at_ms desc limit 1) as "lastAtMs",
            (select min(started_at_ms) from runs) as "firstRunAtMs"`,
  );
  const pauses = await unit.rows<{ longestMs: number }>(
    `select max(longest_pause_ms) as "longestMs" from webhook_hours
     where hour_at > @fromAt - 3600 and longest_pause_ms is not null group by hour_at / 86400 order by 1`,
    { fromAt: Math.floor(usualFromMs(nowMs) / 1000) },
  );
  // Without any webhook yet: since this service has been at work.
  const sinceMs = known?.lastAtMs ?? known?.firstRunAtMs ?? nowMs;
  const since = silentSince(
    nowMs,
    sinceMs,
    pauses.map(({ longestMs }) => longestMs),
  );
  if (since !== null) await meta.save(unit, { silent_since_at: since });
}
