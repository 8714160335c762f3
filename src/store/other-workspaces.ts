import type { OtherWorkspace, OtherWorkspaces } from './ports/queries.js';

/** Workspaces that are remembered by their id; of the others only the notifications are counted. */
const MAX_WORKSPACES = 10;

/** What is known of other workspaces' notifications, and these. */
export function withOtherWorkspaces(
  before: OtherWorkspaces | null,
  seen: readonly OtherWorkspace[],
): OtherWorkspaces {
  const known = before ?? { count: 0, lastAtMs: 0, workspaces: [] };
  const byId = new Map(known.workspaces.map((one) => [one.id, one]));
  let { count, lastAtMs } = known;
  for (const one of seen) {
    const earlier = byId.get(one.id);
    byId.set(one.id, {
      id: one.id,
      count: (earlier?.count ?? 0) + one.count,
      lastAtMs: Math.max(earlier?.lastAtMs ?? 0, one.lastAtMs),
    });
    count += one.count;
    lastAtMs = Math.max(lastAtMs, one.lastAtMs);
  }
  const workspaces = [...byId.values()]
    .toSorted((one, other) => other.lastAtMs - one.lastAtMs)
    .slice(0, MAX_WORKSPACES);
  return { count, lastAtMs, workspaces };
}
