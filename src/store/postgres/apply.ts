import { compareWork } from '../plan/compare-work.js';
import { planTogether } from '../plan/plan-together.js';
import { planWork, type Planned } from '../plan/plan-work.js';
import type { Applied, Compared, Together, Work } from '../ports/cache.js';
import type { InboxRow } from '../tables/work-tables.js';
import { waitingChange } from '../write-row.js';
import type { Unit } from './database.js';
import { atEngineTime, workAtEngineTime } from './at-engine-time.js';
import { loadSlice } from './load-slice.js';
import { findHeldWrite } from './outbox.js';
import type { Parts } from './parts.js';
import { isRunHeld, saveRunPage } from './runs.js';
import { saveDiff } from './save-diff.js';
import { finishNotification, finishTogether, renewReports } from './settle.js';
import { readyWrites } from './writes.js';

/**
 * Loads what the work can touch, has it planned, saves the plan and settles what was being worked on, in one unit. See
 * {@link CacheStore.apply}.
 */
export async function apply(unit: Unit, parts: Parts, given: Work): Promise<Applied> {
  const work = await workAtEngineTime(unit, parts.time, given);
  const { completes, nowMs } = work;
  const held = await findHeld(unit, parts, work);
  if (held === 'lost') return { kind: 'lease-lost' };
  const slice = await loadSlice(unit, parts.timeZone, work);
  // What was just looked at need not be so any more once the contacts were waited for.
  if (completes.kind === 'write' && (await findHeldWrite(unit, completes)) === undefined) {
    return { kind: 'lease-lost' };
  }
  const plan = planWork(slice, work);
  if (plan.kind === 'needs') return plan;
  await saveDiff(unit, parts, plan.diff, nowMs);
  const waiting = await stillWaiting(unit, work);
  if (completes.kind === 'page') {
    await saveRunPage(unit, completes.page);
  }
  const { tellsOfDeleted, diff } = plan;
  if (completes.kind === 'notification' && held !== null) {
    await finishNotification(unit, parts, held, {
      completes,
      tellsOfDeleted,
      changesReports: diff.changesReports,
      nowMs,
    });
  } else if (diff.changesReports) await renewReports(unit);
  return { kind: 'applied', members: plan.members, queued: plan.queued, waiting };
}

/** See {@link CacheStore.applyTogether}. */
export async function applyTogether(unit: Unit, parts: Parts, given: Together): Promise<boolean> {
  const { inbox, time, timeZone } = parts;
  const { completes, lease } = given;
  const { nowMs, changes } = await atEngineTime(unit, time, given);
  const [first, ...others] = completes;
  const leading = first === undefined ? undefined : await inbox.findHeld(unit, first.id, lease);
  if (leading === undefined) return false;
  // While the first is held nobody else has the others; a person may have erased one.
  const behind = await inbox.findWaiting(
    unit,
    others.map(({ id }) => id),
  );
  if (behind.length < others.length) return false;
  const slice = await loadSlice(unit, timeZone, { changes, nowMs });
  const plan = planTogether(slice, { ...given, changes, nowMs });
  if (plan === null) return false;
  await saveDiff(unit, parts, plan.diff, nowMs);
  const outcomes = new Map(completes.map(({ id, outcome }) => [id, outcome]));
  await finishTogether(unit, parts, [leading, ...behind], {
    outcomes,
    changesReports: plan.diff.changesReports,
    nowMs,
  });
  return true;
}

/** What {@link apply} would do; nothing is changed. See {@link CacheStore.compare}. */
export async function compare(unit: Unit, parts: Parts, given: Work): Promise<Compared> {
  const work = await workAtEngineTime(unit, parts.time, given);
  if ((await findHeld(unit, parts, work)) === 'lost') return { kind: 'lease-lost' };
  return compareWork(await loadSlice(unit, parts.timeZone, work), work);
}

/**
 * Decides these members again. Answers how many of them are members.
 */
export async function decideAgain(
  unit: Unit,
  parts: Parts,
  members: readonly string[],
  work: Pick<Planned, 'cause' | 'nowMs' | 'decide'>,
): Promise<number> {
  if (members.length === 0) return 0;
  const planned: Planned = {
    ...work,
    members,
    changes: [],
    completes: { kind: 'nothing' },
    unknownContacts: 'accept',
    recompute: 'now',
  };
  const slice = await loadSlice(unit, parts.timeZone, planned);
  const plan = planWork(slice, planned);
  if (plan.kind === 'needs') return 0;
  await saveDiff(unit, parts, plan.diff, work.nowMs);
  if (plan.diff.changesReports) await renewReports(unit);
  return plan.members;
}

/** The inbox entry that the work completes, if it is one; `lost` when the lease of the work is no longer the current one. */
async function findHeld(
  unit: Unit,
  { inbox }: Parts,
  { completes }: Work,
): Promise<InboxRow | null | 'lost'> {
  switch (completes.kind) {
    case 'nothing':
      return null;
    case 'notification':
      return (await inbox.findHeld(unit, completes.id, completes.lease)) ?? 'lost';
    case 'write':
      return (await findHeldWrite(unit, completes)) === undefined ? 'lost' : null;
    case 'page':
      return (await isRunHeld(unit, completes.page.runId, completes.page.lease)) ? null : 'lost';
  }
}

async function stillWaiting(unit: Unit, { completes, nowMs }: Work) {
  if (completes.kind !== 'write' || completes.afterwards !== 'keep') return [];
  const ready = await readyWrites(unit, [completes.contactId]);
  return ready.filter((write) => write.notBeforeMs <= nowMs).map(waitingChange);
}
