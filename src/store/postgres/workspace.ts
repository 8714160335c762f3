import type { Coach } from '../ports/cache.js';
import type { BoundWorkspace } from '../ports/workspace.js';
import type { Unit } from './database.js';
import { lockObjects, passGate } from './locks.js';
import { readMeta, saveMeta } from './meta.js';
import type { Parts } from './parts.js';
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

/** Ends the leases of owners that `isDead`; the work itself stays where it was. Answers how many. */
export async function releaseDeadLeases(
  unit: Unit,
  { bell }: Parts,
  isDead: (owner: string) => boolean,
): Promise<number> {
  const found = await unit.rows<{ readonly owner: string }>(
    `select lease_owner as owner from inbox where lease_owner is not null
     union select lease_owner from outbox where lease_owner is not null
     union select lease_owner from runs where lease_owner is not null`,
  );
  const owners = found.flatMap(({ owner }) => (isDead(owner) ? [owner] : []));
  if (owners.length === 0) return 0;
  const free = 'lease_owner = null, lease_until_ms = null';
  const isTheirs = 'lease_owner = any (@owners)';
  let released = await unit.run(`update inbox set ${free} where ${isTheirs}`, { owners });
  const contacts = await unit.rows<{ readonly id: string }>(
    `select contact_id as id from outbox where ${isTheirs}`,
    { owners },
  );
  await lockObjects(
    unit,
    contacts.map(({ id }) => id),
  );
  // Dead owners may have come as far as sending.
  released += await unit.run(`update outbox set ${free}, outcome_unknown = true where ${isTheirs}`, {
    owners,
  });
  released += await unit.run(`update runs set ${free} where ${isTheirs}`, { owners });
  unit.afterCommit(() => {
    bell.ring('inbox');
    bell.ring('writes');
  });
  return released;
}
