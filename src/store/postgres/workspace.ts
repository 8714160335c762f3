import type { Coach } from '../ports/cache.js';
import type { BoundWorkspace } from '../ports/workspace.js';
import type { Unit } from './database.js';
import { passGate } from './locks.js';
import { readMeta, saveMeta } from './meta.js';
import { ROWS } from './row-sets.js';
import { renewReports } from './settle.js';

/** Ties the database to a workspace once; its time zone may change. See {@link WorkspaceStore.bindWorkspace}. */
export async function bindWorkspace(unit: Unit, workspace: BoundWorkspace): Promise<BoundWorkspace> {
  await passGate(unit, 'meta');
  const { workspace: bound } = await readMeta(unit, ['workspace']);
  if (bound !== null && bound.id !== workspace.id) return bound;
  await saveMeta(unit, { workspace });
  return workspace;
}

/** Never shortens what is known already. */
export async function setCoverage(unit: Unit, coverageFromAt: number): Promise<void> {
  await passGate(unit, 'meta');
  const { coverage_from_at: known } = await readMeta(unit, ['coverage_from_at']);
  await saveMeta(unit, {
    coverage_from_at: known === null ? coverageFromAt : Math.min(known, coverageFromAt),
  });
}

/** Coaches that Intercom lists no longer stay, because conversations go on naming them. */
export async function saveCoaches(unit: Unit, listed: readonly Coach[]): Promise<void> {
  const ids = listed.map(({ id }) => id);
  const rows = await ROWS.coaches.find(unit, 'id = any (@ids)', { ids });
  const known = new Map(rows.map((row) => [row.id, row]));
  const byId = new Map(listed.map(({ id, name, email }) => [id, { id, name, email }]));
  const news = [...byId.values()].filter(({ id, name, email }) => {
    const before = known.get(id);
    return before === undefined || before.name !== name || before.email !== email;
  });
  if (news.length === 0) return;
  await ROWS.coaches.put(
    unit,
    news.toSorted((one, other) => (one.id < other.id ? -1 : 1)),
  );
  await renewReports(unit);
}
