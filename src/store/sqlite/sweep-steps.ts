import type { DriftList, Found, FoundMembers, SweepStore, WritesOfRun } from '../ports/sweeps.js';
import { findNews } from '../plan/find-news.js';
import { foundRow, NOBODY } from '../plan/found-row.js';
import { silentSince, toldUntilAt, usualFromMs } from '../plan/silence.js';
import { loadSlice } from './load-slice.js';
import { readValue } from './stored-value.js';
import type { Tables } from './tables.js';

/** Keeps what the page tells that is new to the cache. See {@link SweepStore.keepFound}. */
export function keepFound(tables: Tables, { page, changes, seen, nowMs }: Found): void {
  const { connection, runs, sweeps, parkedObjects } = tables;
  connection.transact(() => {
    tables.runs.assertLease(page.runId, page.lease);
    const { news, known } = findNews(loadSlice(tables, { changes, nowMs }, 'of-gone'), changes, nowMs);
    for (const one of news) sweeps.keepFound(foundRow(one));
    // The cache holds already what could not be read for a while: nothing is left to apply.
    for (const { kind, id } of known) parkedObjects.release(kind, id);
    sweeps.keepSeen(seen);
    runs.savePage(page);
  });
}

export function nextFound(
  { contacts, sweeps }: Tables,
  { runId, scope, afterContactId, limit }: Parameters<SweepStore['nextFound']>[0],
): FoundMembers {
  const found = sweeps.contactsAfter(runId, afterContactId ?? '', limit);
  const others = scope === 'all' ? contacts.userIdsAfter(afterContactId, limit) : [];
  const ids = [...new Set([...found, ...others])].sort().slice(0, limit);
  return {
    contactIds: ids.filter((id) => id !== NOBODY),
    changes: ids.length === 0 ? [] : sweeps.changesOf(ids),
    lastContactId: ids.at(-1) ?? null,
  };
}

export function keepDrift(
  tables: Tables,
  { page, differences }: Parameters<SweepStore['keepDrift']>[0],
): void {
  tables.connection.transact(() => {
    tables.runs.assertLease(page.runId, page.lease);
    for (const { contactId, attribute, before, after, why } of differences) {
      tables.sweeps.keepDrift({ runId: page.runId, contactId, attribute, before, after, why });
    }
    tables.runs.savePage(page);
  });
}

interface DriftEntry {
  readonly place: number;
  readonly contactId: string;
  readonly memberId: string | null;
  readonly attribute: DriftList['differences'][number]['attribute'];
  readonly before: string | null;
  readonly after: string | null;
  readonly why: string;
}

export function listDrift(
  { connection }: Tables,
  { runId, limit, after }: Parameters<SweepStore['listDrift']>[0],
): DriftList {
  const place = after !== null && /^\d{1,15}$/.test(after) ? Number(after) : 0;
  const rows = connection.sqlite
    .prepare<[string, number, number], DriftEntry>(
      `select drift.rowid as place, drift.contact_id as contactId, coalesce(external_id, drift.contact_id) as memberId,
         attribute, before, after, why
       from drift left join contacts on contacts.id = drift.contact_id
       where run_id = ? and drift.rowid > ? order by drift.rowid limit ?`,
    )
    .all(runId, place, limit + 1);
  const total = connection.sqlite
    .prepare<[string], number>('select count(*) from drift where run_id = ?')
    .pluck()
    .get(runId);
  const shown = rows.slice(0, limit);
  return {
    differences: shown.map((row) => ({
      contactId: row.contactId,
      memberId: row.memberId ?? row.contactId,
      attribute: row.attribute,
      before: readValue(row.before),
      after: readValue(row.after),
      why: row.why,
    })),
    total: total ?? 0,
    next: rows.length > limit ? String(shown.at(-1)?.place ?? '') : null,
  };
}

export function countCached(
  { connection }: Tables,
  conversationsFromAt: number,
): { readonly members: number; readonly conversations: number } {
  const row = connection.sqlite
    .prepare<[number], { members: number; conversations: number }>(
      `select (select count(*) from members) as members,
              (select count(*) from conversations where updated_at >= ?) as conversations`,
    )
    .get(conversationsFromAt);
  return row ?? { members: 0, conversations: 0 };
}

export function countWritesOf({ connection }: Tables, runId: string): WritesOfRun {
  const row = connection.sqlite
    .prepare<[string], WritesOfRun>(
      `select
         count(distinct case when outcome = 'waiting' and state = 'ready' and writes.parked_at_ms is null
           then contact_id end) as waiting,
         count(distinct case when outcome = 'waiting' and state = 'ready' and writes.parked_at_ms is null
           and writes.reason is not null then contact_id end) as failing,
         count(distinct case when outcome = 'waiting' and state = 'held' then contact_id end) as held,
         count(distinct case when outcome = 'waiting' and (state = 'parked' or writes.parked_at_ms is not null)
           then contact_id end) as parked,
         count(distinct case when outcome = 'sent' then contact_id end) as sent
       from writes left join outbox using (contact_id)
       where cause_ref = ? and cause_kind in ('sweep', 'sync', 'backfill')`,
    )
    .get(runId);
  return row ?? { waiting: 0, failing: 0, held: 0, parked: 0, sent: 0 };
}

/** See {@link SweepStore.detectSilence}. */
export function detectSilence({ connection, hours, sweeps, meta }: Tables, nowMs: number): void {
  const { sqlite, transact } = connection;
  if (sweeps.countFound(toldUntilAt(nowMs)) === 0) return;
  // Without any webhook yet: since this service has been at work.
  const firstRun = sqlite.prepare<[], number | null>('select min(started_at_ms) from runs').pluck();
  const sinceMs = hours.lastAtMs() ?? firstRun.get() ?? nowMs;
  const since = silentSince(nowMs, sinceMs, hours.longestPausesMs(usualFromMs(nowMs)));
  if (since !== null) transact(() => meta.save('silent_since_at', since));
}
