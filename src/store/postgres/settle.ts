import { withOtherWorkspaces } from '../other-workspaces.js';
import type { Completion } from '../ports/cache.js';
import type { OtherWorkspace } from '../ports/queries.js';
import type { InboxRow } from '../tables/work-tables.js';
import type { Unit } from './database.js';
import { erasePayload } from './erase.js';
import { passGate } from './locks.js';
import { readMeta, saveMeta } from './meta.js';
import type { Parts } from './parts.js';

type Outcome = 'applied' | 'ignored';

/** Settles an entry whose work was saved. The last thing that its unit does: everybody writes the rows of `meta`. */
export async function finishNotification(
  unit: Unit,
  parts: Parts,
  held: InboxRow,
  {
    completes,
    tellsOfDeleted,
    changesReports,
    nowMs,
  }: {
    readonly completes: Extract<Completion, { kind: 'notification' }>;
    readonly tellsOfDeleted: boolean;
    readonly changesReports: boolean;
    readonly nowMs: number;
  },
): Promise<void> {
  const { outcome, otherWorkspaceId } = completes;
  const isOfOther = otherWorkspaceId !== undefined;
  await settleAll(unit, parts, [held], new Map([[held.id, outcome]]), nowMs);
  if (tellsOfDeleted || isOfOther) await erasePayload(unit, held.id);
  else await parts.scrubber.forgetMentions(unit, [held], nowMs);
  if (isOfOther) {
    if (changesReports) await renewReports(unit);
    return noteOtherWorkspaces(unit, [{ id: otherWorkspaceId, count: 1, lastAtMs: nowMs }]);
  }
  await noteApplied(unit, [{ row: held, outcome }], { changesReports, nowMs });
}

/** The same for several at once. */
export async function finishTogether(
  unit: Unit,
  parts: Parts,
  rows: readonly InboxRow[],
  {
    outcomes,
    changesReports,
    nowMs,
  }: {
    readonly outcomes: ReadonlyMap<number, Outcome>;
    readonly changesReports: boolean;
    readonly nowMs: number;
  },
): Promise<void> {
  await settleAll(unit, parts, rows, outcomes, nowMs);
  await parts.scrubber.forgetMentions(unit, rows, nowMs);
  const settled = rows.map((row) => ({ row, outcome: outcomes.get(row.id) ?? 'ignored' }));
  await noteApplied(unit, settled, { changesReports, nowMs });
}

/** Adds to what is known of other workspaces' notifications. */
export async function noteOtherWorkspaces(unit: Unit, seen: readonly OtherWorkspace[]): Promise<void> {
  await passGate(unit, 'meta');
  const { other_workspaces } = await readMeta(unit, ['other_workspaces']);
  await saveMeta(unit, { other_workspaces: withOtherWorkspaces(other_workspaces, seen) });
}

/** Reports answer otherwise from this unit on. */
export function renewReports(unit: Unit): Promise<void> {
  return saveMeta(unit, {}, { renewsReports: true });
}

async function settleAll(
  unit: Unit,
  { inbox }: Parts,
  rows: readonly InboxRow[],
  outcomes: ReadonlyMap<number, Outcome>,
  nowMs: number,
): Promise<void> {
  for (const outcome of ['applied', 'ignored'] as const) {
    const some = rows.filter(({ id }) => (outcomes.get(id) ?? 'ignored') === outcome);
    if (some.length > 0) await inbox.settle(unit, some, outcome === 'applied' ? 'done' : 'ignored', nowMs);
  }
}

/** What is said already is not said again: these rows are everybody's. */
async function noteApplied(
  unit: Unit,
  settled: readonly { readonly row: InboxRow; readonly outcome: Outcome }[],
  { changesReports, nowMs }: { readonly changesReports: boolean; readonly nowMs: number },
): Promise<void> {
  const webhooks = settled.filter(({ row }) => row.origin === 'webhook');
  const known = webhooks.length === 0 ? null : await readMeta(unit, ['applied_at', 'silent_since_at']);
  const isApplied = webhooks.some(({ outcome }) => outcome === 'applied');
  const appliedAt = Math.floor(nowMs / 1000);
  const values = {
    ...(isApplied && known?.applied_at !== appliedAt ? { applied_at: appliedAt } : {}),
    ...(known !== null && known.silent_since_at !== null ? { silent_since_at: null } : {}),
  };
  if (Object.keys(values).length === 0 && !changesReports) return;
  await saveMeta(unit, values, { known: known ?? {}, renewsReports: changesReports });
}
