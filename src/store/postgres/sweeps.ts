import type { CacheChange } from '../ports/changes.js';
import type { Subject } from '../ports/subject.js';
import type { SweepStore, Unseen } from '../ports/sweeps.js';
import type { FoundRow } from '../plan/found-row.js';
import { keyOf } from '../ports/subject.js';
import { ALL_TABLES } from '../tables/all-tables.js';
import type { Query } from './database.js';
import { createTableRows } from './table-rows.js';

/* What the unfinished run has found and seen. */

const FOUND = createTableRows(ALL_TABLES.sweepFound, ['kind', 'id']);

/** Of each object the newest stays. */
export async function keepFoundRows(unit: Query, rows: readonly FoundRow[]): Promise<void> {
  const newest = new Map<string, FoundRow>();
  for (const row of rows) {
    const known = newest.get(keyOf(row));
    if (known === undefined || isNotOlder(row, known)) newest.set(keyOf(row), row);
  }
  if (newest.size === 0) return;
  const kept = [...newest.values()];
  await unit.run(
    `insert into sweep_found (kind, id, contact_id, former_contact_id, updated_at, change)
     select * from unnest(@kinds::text[], @ids::text[], @contactIds::text[], @formerContactIds::text[],
       @updatedAts::bigint[], @changes::text[])
     on conflict (kind, id) do update set
       contact_id = excluded.contact_id, updated_at = excluded.updated_at, change = excluded.change,
       former_contact_id = excluded.former_contact_id
     where sweep_found.updated_at is null or excluded.updated_at is null
       or excluded.updated_at >= sweep_found.updated_at`,
    {
      kinds: kept.map(({ kind }) => kind),
      ids: kept.map(({ id }) => id),
      contactIds: kept.map(({ contactId }) => contactId),
      formerContactIds: kept.map(({ formerContactId }) => formerContactId),
      updatedAts: kept.map(({ updatedAt }) => updatedAt),
      changes: kept.map(({ change }) => JSON.stringify(change)),
    },
  );
}

function isNotOlder(row: FoundRow, known: FoundRow): boolean {
  return known.updatedAt === null || row.updatedAt === null || row.updatedAt >= known.updatedAt;
}

export async function keepSeen(unit: Query, subjects: readonly Subject[]): Promise<void> {
  if (subjects.length === 0) return;
  await unit.run(
    `insert into sweep_seen (kind, id) select * from unnest(@kinds::text[], @ids::text[]) on conflict do nothing`,
    { kinds: subjects.map(({ kind }) => kind), ids: subjects.map(({ id }) => id) },
  );
}

/** Contact ids behind `afterId` about which the run has found something or kept a difference, in order. */
export async function contactsAfter(
  query: Query,
  runId: string,
  afterId: string,
  limit: number,
): Promise<string[]> {
  // Each part stops at the limit by itself: without that every batch would walk all that was found.
  const rows = await query.rows<{ id: string }>(
    `select id from (
       (select distinct contact_id as id from sweep_found where contact_id > @afterId order by 1 limit @limit)
       union
       (select distinct former_contact_id from sweep_found where former_contact_id > @afterId order by 1 limit @limit)
       union
       (select distinct contact_id from drift where run_id = @runId and contact_id > @afterId order by 1 limit @limit)
     ) as named order by id limit @limit`,
    { runId, afterId, limit },
  );
  return rows.map(({ id }) => id);
}

export async function changesOf(query: Query, contactIds: readonly string[]): Promise<CacheChange[]> {
  const rows = await FOUND.find(
    query,
    // What is said of a contact comes before what is said of its conversations.
    'contact_id = any (@ids) or former_contact_id = any (@ids) order by kind, id',
    { ids: contactIds },
  );
  return rows.map(({ change }) => change);
}

/** How many of the objects found changed by `untilAt`. */
export async function countFound(query: Query, untilAt: number): Promise<number> {
  const [row] = await query.rows<{ count: number }>(
    'select count(*) as count from sweep_found where updated_at <= @untilAt',
    { untilAt },
  );
  return row?.count ?? 0;
}

interface Looked {
  readonly id: string;
  readonly isUnseen: boolean;
}

/** See {@link SweepStore.listUnseen}: a bounded number of rows at a time, whether anything is missing or not. */
export async function listUnseen(
  query: Query,
  { changed, after, limit }: Parameters<SweepStore['listUnseen']>[0],
): Promise<Unseen> {
  const { fromAt, untilAt } = changed;
  if (after?.kind !== 'conversation') {
    const members = await query.rows<Looked>(
      `select contact_id as id,
         coalesce(contacts.created_at, 0) <= @untilAt
           and not exists (select 1 from sweep_seen where kind = 'contact' and sweep_seen.id = contact_id)
           as "isUnseen"
       from members join contacts on contacts.id = members.contact_id
       where contact_id > @afterId order by contact_id limit @limit`,
      { afterId: after?.id ?? '', limit, untilAt },
    );
    if (members.length > 0) return unseenOf('contact', members);
  }
  const conversations = await query.rows<Looked>(
    `select id,
       updated_at between @fromAt and @untilAt
         and not exists (select 1 from sweep_seen where kind = 'conversation' and sweep_seen.id = conversations.id)
         as "isUnseen"
     from conversations where id > @afterId order by id limit @limit`,
    { afterId: after?.kind === 'conversation' ? after.id : '', limit, fromAt, untilAt },
  );
  return unseenOf('conversation', conversations);
}

function unseenOf(kind: Subject['kind'], looked: readonly Looked[]): Unseen {
  const last = looked.at(-1);
  return {
    subjects: looked.filter(({ isUnseen }) => isUnseen).map(({ id }) => ({ kind, id })),
    last: last === undefined ? null : { kind, id: last.id },
  };
}
