import type { InboxEntry, LeasedNotification } from '../store/ports/inbox.js';
import type { CacheChange } from '../store/ports/changes.js';
import { decideAt } from '../work/apply-work.js';
import type { Hand } from '../work/lease-keeper.js';
import { processNotification, sayApplied, settling, type NotificationDeps } from './process-notification.js';
import { readPayload } from './read-payload.js';

/**
 * The leased notification, and those behind it in its lane as long as nothing but the cache changes by them: under load
 * most do, and cost little more than one. What is left over comes again.
 */
export async function processLane(
  deps: NotificationDeps,
  notification: LeasedNotification,
  hand: Hand,
): Promise<void> {
  if (await processTogether(deps, notification)) return;
  await processNotification(deps, notification, hand);
}

interface Quiet {
  readonly entry: InboxEntry;
  readonly changes: readonly CacheChange[];
}

/** One piece of work for all of them. False: nothing has happened, the first is to be processed by itself. */
async function processTogether(deps: NotificationDeps, first: LeasedNotification): Promise<boolean> {
  if (first.followers.length === 0) return false;
  const { store, clock, settings } = deps;
  const startedAtMs = clock.nowMs();
  const some = takeQuiet(deps, [first, ...first.followers], await deps.ownWorkspaceId(), startedAtMs);
  if (some.length < 2) return false;
  try {
    const isApplied = await store.applyTogether({
      changes: some.flatMap(({ changes }) => changes),
      nowMs: startedAtMs,
      decide: decideAt(settings, startedAtMs),
      lease: first.lease,
      completes: some.map(({ entry, changes }) => ({
        id: entry.id,
        outcome: changes.length === 0 ? 'ignored' : 'applied',
      })),
    });
    if (!isApplied) return false;
  } catch {
    // Whose fault it is shows when each is processed by itself.
    return false;
  }
  for (const { entry } of some) sayApplied(deps, entry, { startedAtMs, result: 'applied', queued: 0 });
  return true;
}

/** As many from the first on as say all themselves, and as nothing is likely to follow from. */
function takeQuiet(
  deps: NotificationDeps,
  entries: readonly InboxEntry[],
  ownWorkspaceId: string | null,
  nowMs: number,
): Quiet[] {
  const some: Quiet[] = [];
  for (const entry of entries) {
    const read = entry.body === null ? null : readPayload(entry, entry.body, ownWorkspaceId);
    if (read?.kind !== 'learned' || read.otherWorkspaceId !== undefined) break;
    // A call that was closed just now.
    if (settling(deps, entry, read.changes, nowMs).length > 0) break;
    some.push({ entry, changes: read.changes });
  }
  return some;
}
