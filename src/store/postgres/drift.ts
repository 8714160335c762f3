import { ALL_TABLES } from '../tables/all-tables.js';
import type { Row } from '../tables/describe-table.js';
import type { DriftList, SweepStore } from '../ports/sweeps.js';
import type { Query } from './database.js';
import { assertRunHeld, saveRunPage } from './runs.js';
import { createTableRows } from './table-rows.js';

/* How members differed from what Intercom held, for each run. */

const DRIFT = createTableRows(ALL_TABLES.drift, ['runId', 'contactId', 'attribute']);
type DriftRow = Row<typeof ALL_TABLES.drift>;

/** @throws AppError `run_in_progress` */
export async function keepDrift(
  unit: Query,
  { page, differences }: Parameters<SweepStore['keepDrift']>[0],
): Promise<void> {
  const { runId } = page;
  await assertRunHeld(unit, runId, page.lease);
  // Of one attribute the last word counts; a statement takes each row once.
  const rows = new Map<string, DriftRow>();
  for (const { contactId, attribute, before, after, why } of differences) {
    rows.set(`${contactId}.${attribute}`, { runId, contactId, attribute, before, after, why });
  }
  await DRIFT.put(unit, [...rows.values()]);
  await saveRunPage(unit, page);
}

/** See {@link SweepStore.listDrift}. The place is the contact id and the attribute. */
export async function listDrift(
  query: Query,
  { runId, limit, after }: Parameters<SweepStore['listDrift']>[0],
): Promise<DriftList> {
  const [contactId, attribute] = readPlace(after);
  const rows = await DRIFT.find(
    query,
    `run_id = @runId and (contact_id, attribute) > (@contactId, @attribute)
     order by contact_id, attribute limit @most`,
    { runId, contactId, attribute, most: limit + 1 },
  );
  const shown = rows.slice(0, limit);
  const members = await query.rows<{ id: string; externalId: string | null }>(
    'select id, external_id as "externalId" from contacts where id = any (@ids)',
    { ids: shown.map((row) => row.contactId) },
  );
  const userIdOf = new Map(members.map(({ id, externalId }) => [id, externalId]));
  const [total] = await query.rows<{ count: number }>(
    'select count(*) as count from drift where run_id = @runId',
    { runId },
  );
  const last = rows.length > limit ? shown.at(-1) : undefined;
  return {
    differences: shown.map(({ runId: _runId, ...row }) => ({
      ...row,
      memberId: userIdOf.get(row.contactId) ?? row.contactId,
    })),
    total: total?.count ?? 0,
    next: last === undefined ? null : `${last.contactId}.${last.attribute}`,
  };
}

/** A text that is no place means the beginning. Attributes have no full stop. */
function readPlace(after: string | null): readonly [contactId: string, attribute: string] {
  const stop = after?.lastIndexOf('.') ?? -1;
  return after === null || stop === -1 ? ['', ''] : [after.slice(0, stop), after.slice(stop + 1)];
}
