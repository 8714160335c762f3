import { READ_CALLS } from '../intercom/call-health.js';
import type { InboxShare } from '../store/ports/inbox.js';
import { LEASE_MS } from '../work/lease-keeper.js';
import { createWorkLoop, joinLoops, type WorkLoop } from '../work/work-loop.js';
import { rememberWorkspaceId } from '../work/workspace-id.js';
import { processLane, toLanes, type Lane } from './process-lane.js';
import type { ProcessDeps } from './process-notification.js';

/** Lanes. */
const CONCURRENCY = 32;
const OWN_CONCURRENCY = 8;
/** Leased in one turn of the event loop: they are read in one go, and what comes in waits that long. */
const MAX_LANES_AT_ONCE = 8;
/** Events of one contact that are applied as one, when so many of them have come. */
const MAX_TOGETHER = 8;

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
  const lease = async (free: number, waitingForIntercom: number): Promise<Lane[]> => {
    const limit = Math.min(free, MAX_LANES_AT_ONCE);
    const nowMs = clock.nowMs();
    return toLanes(
      await store.leaseNotifications(
        { owner, nowMs, leaseMs: LEASE_MS, limit, perLane: MAX_TOGETHER, waitingForIntercom },
        share,
      ),
    );
  };
  return createWorkLoop<Lane>({
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
      untilMs: (lane) => Math.min(...lane.map(({ leaseUntilMs }) => leaseUntilMs)),
      renew: async (lanes, leaseUntilMs) => {
        const lost = new Set(await store.renewNotifications(lanes.flat(), leaseUntilMs));
        return lanes.filter((lane) => lane.every(({ id }) => lost.has(id)));
      },
    },
    handle: (lane, hand) => processLane({ ...deps, ownWorkspaceId }, lane, hand),
    nextDueAtMs: () => store.nextNotificationDueAtMs(share),
    onWork: (listener) => {
      const stops = [store.onWork('inbox', listener), breaker.onClear(listener)];
      return () => stops.forEach((stop) => stop());
    },
  });
}
