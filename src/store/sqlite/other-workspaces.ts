import type { OtherWorkspace } from '../ports/queries.js';
import type { Meta } from './meta.js';

/** Workspaces that are remembered by their id; of the others only the notifications are counted. */
const MAX_WORKSPACES = 10;

/** Adds to what is known of other workspaces' notifications, inside the caller's transaction. */
export function noteOtherWorkspaces(
  { meta }: { readonly meta: Meta },
  seen: readonly OtherWorkspace[],
): void {
  const known = meta.read('other_workspaces') ?? { count: 0, lastAtMs: 0, workspaces: [] };
  const byId = new Map(known.workspaces.map((one) => [one.id, one]));
  let { count, lastAtMs } = known;
  for (const one of seen) {
    const before = byId.get(one.id);
    byId.set(one.id, {
      id: one.id,
      count: (before?.count ?? 0) + one.count,
      lastAtMs: Math.max(before?.lastAtMs ?? 0, one.lastAtMs),
    });
    count += one.count;
    lastAtMs = Math.max(lastAtMs, one.lastAtMs);
  }
  const workspaces = [...byId.values()]
    .toSorted((one, other) => other.lastAtMs - one.lastAtMs)
    .slice(0, MAX_WORKSPACES);
  meta.save('other_workspaces', { count, lastAtMs, workspaces });
}
