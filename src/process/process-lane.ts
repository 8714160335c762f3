import type { LeasedNotification } from '../store/ports/inbox.js';
import { decideAt } from '../work/apply-work.js';
import type { Hand } from '../work/lease-keeper.js';
import { processNotification, sayApplied, settling, type NotificationDeps } from './process-notification.js';
import { readPayload } from './read-payload.js';

/** Notifications of one lane that were leased together, oldest first. */
export type Lane = readonly LeasedNotification[];

export function toLanes(leased: readonly LeasedNotification[]): Lane[] {
  const lanes = Map.groupBy(leased, ({ id, lane }) => lane ?? id);
  return [...lanes.values()];
}

/** Several at once where nothing but the cache changes by them: under load most do, and cost little more than one. */
export async function processLane(deps: NotificationDeps, lane: Lane, hand: Hand): Promise<void> {
  if (lane.length > 1 && (await processTogether(deps, lane))) return;
  for (const notification of lane) await processNotification(deps, notification, hand);
}

/** One piece of work for all of them. False: nothing has happened, each is to be processed by itself. */
async function processTogether(deps: NotificationDeps, lane: Lane): Promise<boolean> {
  const { store, clock, settings } = deps;
  const startedAtMs = clock.nowMs();
  const ownWorkspaceId = await deps.ownWorkspaceId();
  const learned = lane.flatMap((notification) => {
    const { id, lease, body } = notification;
    const one = body === null ? null : readPayload(notification, body, ownWorkspaceId);
    if (one?.kind !== 'learned' || one.otherWorkspaceId !== undefined) return [];
    const { changes } = one;
    if (settling(deps, notification, changes, startedAtMs).length > 0) return [];
    const outcome = changes.length === 0 ? 'ignored' : 'applied';
    return [{ changes, completes: { id, lease, outcome } as const }];
  });
  if (learned.length < lane.length) return false;
  try {
    const isApplied = await store.applyTogether({
      changes: learned.flatMap(({ changes }) => changes),
      nowMs: startedAtMs,
      decide: decideAt(settings, startedAtMs),
      completes: learned.map(({ completes }) => completes),
    });
    if (!isApplied) return false;
  } catch {
    // Whose fault it is shows when each is processed by itself.
    return false;
  }
  for (const one of lane) sayApplied(deps, one, { startedAtMs, result: 'applied', queued: 0 });
  return true;
}
