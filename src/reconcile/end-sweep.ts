import { conversationsChangedSince } from '../intercom/search.js';
import { addDaysOn, dateOf, startOfDayAt } from '../rules/calendar.js';
import type { RunResult } from '../store/ports/runs.js';
import { findMissingAttributes } from './missing-attributes.js';
import {
  asking,
  endOf,
  giveUpWhereHopeless,
  noted,
  pageOf,
  type Frame,
  type RunEnd,
  type Step,
} from './run-frame.js';
import { isWhole, sweepSettings, windowFromAt } from './sweep-scope.js';

/** How many conversations Intercom counts; contacts were counted when they were read. */
export async function countTotals(frame: Frame, step: Step): Promise<Step> {
  const { deps, call } = frame;
  const fromAt = await countedFromAt(frame);
  const search = { ...conversationsChangedSince(fromAt), perPage: 1 };
  const page = await asking(
    frame,
    () => deps.intercom.searchConversations(search, call),
    (error, attempt) => giveUpWhereHopeless(frame, error, attempt),
  );
  // A total that is missing, or smaller than what stands beside it, is none.
  const { totalCount } = page;
  const isCounted = totalCount !== null && totalCount >= page.items.length + page.unreadable.length;
  const counted = isCounted ? noted(step, { counted: 1, conversations: totalCount }) : step;
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
    tally['counted'] === undefined || tally['contacts'] === undefined
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
    erased: tally['erased'] ?? 0,
    left: tally['left'] ?? 0,
    lostConversations: tally['lostConversations'] ?? 0,
    totals,
  };
  if (tally['guarded'] !== undefined) {
    const missing = await findMissingAttributes(frame);
    return {
      status: 'guarded',
      reason: guardedReason(deps.maxChangeShare, result, tally['members'] ?? 0, missing),
      result,
    };
  }
  const [parkedContacts, parkedConversations] = [
    await store.countParkedObjects('contact'),
    await store.countParkedObjects('conversation'),
  ];
  const isComplete =
    totals !== null &&
    doAgree(totals.contacts, parkedContacts) &&
    doAgree(totals.conversations, parkedConversations);
  const { sweptUntilAt, coverageFromAt } = await store.freshness();
  const fromAt = await windowFromAt(frame);
  // A window that begins behind the last sweep leaves a gap: the next sweep still has to look at it.
  const hasGap = run.job !== 'sweep' && sweptUntilAt !== null && fromAt > sweptUntilAt;
  if (isWhole(run.job) && !dryRun && !hasGap) await store.setCoverage(fromAt);
  // Before anything is covered a sweep of what has changed lately knows nothing of the rest.
  const isKnown = isWhole(run.job) || (run.job === 'sweep' && coverageFromAt !== null);
  return {
    status: 'done',
    reason: null,
    result,
    ...(dryRun || hasGap || !isKnown ? {} : { sweptUntilAt: startedAt }),
    ...(isComplete && isKnown ? { completeAt: Math.floor(clock.nowMs() / 1000) } : {}),
  };
}

/** The same number, but for objects that can't be read: each of them is named where people look. */
function doAgree({ intercom, cache }: { intercom: number; cache: number }, parked: number): boolean {
  return cache <= intercom && intercom <= cache + parked;
}

function guardedReason(
  share: number,
  { guard, erased = 0, left = 0, lostConversations = 0 }: RunResult,
  members: number,
  missing: readonly string[],
): string {
  const losses = [
    erased === 0 ? '' : `erased ${erased} that Intercom says are gone or merged`,
    left === 0 ? '' : `ended ${left} that are leads now or archived`,
    lostConversations === 0 ? '' : `taken conversations from ${lostConversations}`,
  ].filter((text) => text !== '');
  const lost = losses.length === 0 ? '' : `; of ${members} members it would have ${losses.join(', ')}`;
  return (
    `it would have changed ${guard.changed} of the ${guard.of} members that were right before${lost}. That is more than ` +
    `MAX_SWEEP_CHANGE_SHARE (${share}) allows; nothing was written and nothing erased. ${causeOf(missing, erased)}? ` +
    'If the changes are meant, run it again with force'
  );
}

function causeOf(missing: readonly string[], erased: number): string {
  if (missing.length > 0) {
    const names = missing.map((name) => `"${name}"`).join(', ');
    return `Intercom has no attribute ${names} any more: was it renamed`;
  }
  return erased > 0
    ? 'Were so many contacts deleted or merged in Intercom'
    : 'Was an attribute renamed in Intercom';
}
