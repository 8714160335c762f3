import { conversationsChangedSince } from '../intercom/search.js';
import { addDaysOn, dateOf, startOfDayAt } from '../rules/calendar.js';
import type { RunResult } from '../store/run-store.js';
import { findMissingAttributes } from './missing-attributes.js';
import { asking, endOf, pageOf, tallied, type Frame, type RunEnd, type Step } from './run-frame.js';
import { isWhole, sweepSettings, windowFromAt } from './sweep-scope.js';

/** How many conversations Intercom counts; contacts were counted when they were read. */
export async function countTotals(frame: Frame, step: Step): Promise<Step> {
  const { deps, call } = frame;
  const fromAt = await countedFromAt(frame);
  const search = { ...conversationsChangedSince(fromAt), perPage: 1 };
  const page = await asking(frame, step, () => deps.intercom.searchConversations(search, call));
  const counted = tallied(step, { counted: 1, conversations: page.totalCount });
  const next = endOf({ ...counted, progress: { ...counted.progress, calls: counted.progress.calls + 1 } });
  await deps.store.advanceRun(pageOf(frame, next));
  return next;
}

/**
 * From a midnight of the workspace, where counting by day and counting by second come to the same; behind the day on
 * which the coverage begins.
 */
async function countedFromAt({ deps, startedAt }: Frame): Promise<number> {
  const { coverageFromAt } = await deps.store.freshness();
  const timeZone = (await deps.store.readWorkspace())?.timeZone ?? deps.settings.timeZone;
  return startOfDayAt(addDaysOn(dateOf(coverageFromAt ?? startedAt, timeZone), 1), timeZone);
}

/** What the run says of itself in the end. */
export async function endSweep(frame: Frame, step: Step): Promise<RunEnd> {
  const { deps, run, startedAt } = frame;
  const { store, clock } = deps;
  const { tally } = step.checkpoint;
  const { dryRun } = sweepSettings(frame);
  const writes = await store.countWritesOf(run.id);
  const of = await store.countSynced();
  const guard = { changed: tally['changedSynced'] ?? 0, of };
  const cache = await store.countCached(await countedFromAt(frame));
  const totals =
    tally['counted'] === undefined
      ? null
      : {
          contacts: { intercom: tally['contacts'] ?? 0, cache: cache.members },
          conversations: { intercom: tally['conversations'] ?? 0, cache: cache.conversations },
        };
  const result: RunResult = {
    compared: tally['compared'] ?? 0,
    changed: tally['changed'] ?? 0,
    failed: writes.failing,
    parked: writes.parked,
    guard,
    totals,
  };
  if (tally['guarded'] !== undefined) {
    const missing = await findMissingAttributes(frame);
    return { status: 'guarded', reason: guardedReason(deps.maxChangeShare, guard, missing), result };
  }
  const isComplete =
    totals !== null &&
    totals.contacts.intercom === totals.contacts.cache &&
    totals.conversations.intercom === totals.conversations.cache;
  const { sweptUntilAt } = await store.freshness();
  const fromAt = await windowFromAt(frame);
  // A window that begins behind the last sweep leaves a gap: the next sweep still has to look at it.
  const hasGap = run.job !== 'sweep' && sweptUntilAt !== null && fromAt > sweptUntilAt;
  if (isWhole(run.job) && !dryRun && !hasGap) await store.setCoverage(fromAt);
  return {
    status: 'done',
    reason: null,
    result,
    ...(totals === null || hasGap ? {} : { sweptUntilAt: startedAt }),
    ...(isComplete ? { completeAt: Math.floor(clock.nowMs() / 1000) } : {}),
  };
}

function guardedReason(
  share: number,
  { changed, of }: RunResult['guard'],
  missing: readonly string[],
): string {
  const names = missing.map((name) => `"${name}"`).join(', ');
  const cause =
    missing.length === 0
      ? 'Look whether an attribute was renamed in Intercom'
      : `Intercom has no attribute ${names} any more: was it renamed`;
  return (
    `it would have changed ${changed} of the ${of} members that were right before, more than MAX_SWEEP_CHANGE_SHARE ` +
    `(${share}) allows; nothing was written. ${cause}? If the changes are meant, run it again with force`
  );
}
