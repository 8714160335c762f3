import type { Applied, Compared, Together, Work } from '../ports/cache.js';
import { waitingChange } from '../write-row.js';
import { compareWork } from '../plan/compare-work.js';
import { planTogether } from '../plan/plan-together.js';
import { planWork, type Planned } from '../plan/plan-work.js';
import { erasePayload } from './erase.js';
import { loadSlice } from './load-slice.js';
import { noteOtherWorkspaces } from './other-workspaces.js';
import { saveDiff } from './save-diff.js';
import type { InboxRow } from '../tables/work-tables.js';
import type { Tables } from './tables.js';

/**
 * Loads what the work can touch, has it planned, saves the plan and settles what was being worked on, in one
 * transaction. See {@link CacheStore.apply}.
 * @param onErased called after the commit of a work that has erased personal data.
 */
export function apply(tables: Tables, work: Work, onErased: () => void): Applied {
  let hasErased = false;
  const applied = tables.connection.transact((): Applied => {
    const held = findHeld(tables, work);
    if (held === 'lost') return { kind: 'lease-lost' };
    const slice = loadSlice(tables, work);
    const plan = planWork(slice, work);
    if (plan.kind === 'needs') return plan;
    saveDiff(tables, slice, plan.diff, work.nowMs);
    complete(tables, work, held);
    hasErased = plan.hasErased || erasePayloadOf(tables, work, held, plan.tellsOfDeleted);
    const { members, queued } = plan;
    return { kind: 'applied', members, queued, waiting: stillWaiting(tables, work) };
  });
  if (hasErased) onErased();
  return applied;
}

/** See {@link CacheStore.applyTogether}. @param onErased as above */
export function applyTogether(tables: Tables, work: Together, onErased: () => void): boolean {
  const { connection, inbox, scrubber } = tables;
  const { changes, completes, lease, nowMs } = work;
  let hasErased = false;
  const isApplied = connection.transact(() => {
    const held = completes.flatMap(({ id }, place) =>
      // While the first is held nobody else has the others; a person may have erased one.
      place === 0 ? (inbox.findHeld(id, lease) ?? []) : (inbox.findWaiting(id) ?? []),
    );
    if (held.length < completes.length) return false;
    const slice = loadSlice(tables, { changes, nowMs });
    const plan = planTogether(slice, work);
    if (plan === null) return false;
    saveDiff(tables, slice, plan.diff, nowMs);
    for (const [place, row] of held.entries()) {
      settle(tables, row, completes[place]?.outcome ?? 'ignored', nowMs);
      hasErased = scrubber.forgetMentions(row, nowMs) || hasErased;
    }
    return true;
  });
  if (isApplied && hasErased) onErased();
  return isApplied;
}

/** What {@link apply} would do; nothing is changed. See {@link CacheStore.compare}. */
export function compare(tables: Tables, work: Work): Compared {
  return tables.connection.transact(() =>
    findHeld(tables, work) === 'lost' ? { kind: 'lease-lost' } : compareWork(loadSlice(tables, work), work),
  );
}

/** Decides these members again. Answers how many of them are members. */
export function decideAgain(
  tables: Tables,
  members: readonly string[],
  work: Pick<Planned, 'cause' | 'nowMs' | 'decide'>,
): number {
  const planned: Planned = {
    ...work,
    members,
    changes: [],
    completes: { kind: 'nothing' },
    unknownContacts: 'accept',
    recompute: 'now',
  };
  const slice = loadSlice(tables, planned);
  const plan = planWork(slice, planned);
  if (plan.kind === 'needs') return 0;
  saveDiff(tables, slice, plan.diff, work.nowMs);
  return plan.members;
}

/** The inbox entry that the work completes, if it is one; `lost` when the lease of the work is no longer the current one. */
function findHeld({ inbox, outbox, runs }: Tables, { completes }: Work): InboxRow | null | 'lost' {
  switch (completes.kind) {
    case 'nothing':
      return null;
    case 'notification':
      return inbox.findHeld(completes.id, completes.lease) ?? 'lost';
    case 'write':
      return outbox.findHeld(completes) === undefined ? 'lost' : null;
    case 'page':
      return runs.isHeld(completes.page.runId, completes.page.lease) ? null : 'lost';
  }
}

function complete(tables: Tables, { completes, nowMs }: Work, held: InboxRow | null): void {
  const { inbox, runs } = tables;
  if (completes.kind === 'page') runs.savePage(completes.page);
  if (completes.kind !== 'notification' || held === null) return;
  const { otherWorkspaceId, outcome } = completes;
  if (otherWorkspaceId === undefined) return settle(tables, held, outcome, nowMs);
  inbox.settle(held, outcome === 'applied' ? 'done' : 'ignored', nowMs);
  noteOtherWorkspaces(tables, [{ id: otherWorkspaceId, count: 1, lastAtMs: nowMs }]);
}

function settle(
  { inbox, meta }: Tables,
  held: InboxRow,
  outcome: 'applied' | 'ignored',
  nowMs: number,
): void {
  inbox.settle(held, outcome === 'applied' ? 'done' : 'ignored', nowMs);
  if (held.origin !== 'webhook') return;
  if (outcome === 'applied') meta.save('applied_at', Math.floor(nowMs / 1000));
  if (meta.read('silent_since_at') !== null) meta.save('silent_since_at', null);
}

/** Answers whether the payload of the entry had to go. */
function erasePayloadOf(
  tables: Tables,
  { completes, nowMs }: Work,
  held: InboxRow | null,
  tellsOfDeleted: boolean,
): boolean {
  if (held === null) return false;
  const isOfOther = completes.kind === 'notification' && completes.otherWorkspaceId !== undefined;
  if (!tellsOfDeleted && !isOfOther) return tables.scrubber.forgetMentions(held, nowMs);
  erasePayload(tables, held.id);
  return true;
}

function stillWaiting({ writes }: Tables, { completes, nowMs }: Work): ReturnType<typeof waitingChange>[] {
  if (completes.kind !== 'write' || completes.afterwards !== 'keep') return [];
  const due = writes.ready(completes.contactId).filter((write) => write.notBeforeMs <= nowMs);
  return due.map(waitingChange);
}
