import { READ_CALLS } from '../intercom/call-health.js';
import type { InboxShare, LeasedNotification } from '../store/ports/inbox.js';
import { LEASE_MS } from '../work/lease-keeper.js';
import { createWorkLoop, joinLoops, type WorkLoop } from '../work/work-loop.js';
import { rememberWorkspaceId } from '../work/workspace-id.js';
import { processLane } from './process-lane.js';
import type { ProcessDeps } from './process-notification.js';

/** Lanes. */
const CONCURRENCY = 32;
const OWN_CONCURRENCY = 8;
/** Leased in one turn of the event loop: they are read in one go, and what comes in waits that long. */
const MAX_LANES_AT_ONCE = 8;
/** Of one contact, to be applied together with the one that is leased. */
const MAX_FOLLOWERS = 7;

/**
 * Works off the inbox: notification → cache → recomputed member → waiting write, in one transaction each. What comes in
 * and our own wishes to look again have places of their own: most webhooks need no call to Intercom, and must not wait
 * behind reads that do while Intercom is slow, down or has paused us.
 */
export function createProcessor(deps: ProcessDeps): WorkLoop {
  return joinLoops([
    createShareLoop(deps, 'webhooks', CONCURRENCY),
    createShareLoop(deps, 'own', OWN_CONCURRENCY),
  ]);
}

function createShareLoop(deps: ProcessDeps, share: InboxShare, concurrency: number): WorkLoop {
  const { store, breaker, clock, log, owner } = deps;
  const ownWorkspaceId = rememberWorkspaceId(store);
  const lease = (free: number, waitingForIntercom: number): Promise<LeasedNotification[]> => {
    const limit = Math.min(free, MAX_LANES_AT_ONCE);
    const nowMs = clock.nowMs();
    return store.leaseNotifications(
      { owner, nowMs, leaseMs: LEASE_MS, limit, followers: MAX_FOLLOWERS, waitingForIntercom },
      share,
    );
  };
  return createWorkLoop<LeasedNotification>({
    loop: share === 'webhooks' ? 'process' : 'look again',
    clock,
    log,
    concurrency,
    take: async (limit) => {
      const room = breaker.room(limit, READ_CALLS);
      // Our own entries all need a call; of what comes in only those that were found to.
      if (share === 'webhooks') return lease(limit, room);
      return room === 0 ? [] : lease(room, room);
    },
    lease: {
      untilMs: ({ leaseUntilMs }) => leaseUntilMs,
      renew: async (notifications, leaseUntilMs) => {
        const lost = new Set(await store.renewNotifications(notifications, leaseUntilMs));
        return notifications.filter(({ id }) => lost.has(id));
      },
    },
    handle: (notification, hand) => processLane({ ...deps, ownWorkspaceId }, notification, hand),
    nextDueAtMs: () => store.nextNotificationDueAtMs(share),
    onWork: (listener) => {
      const stops = [store.onWork('inbox', listener), breaker.onClear(listener)];
      return () => stops.forEach((stop) => stop());
    },
  });
}
