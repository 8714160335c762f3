import { applyWork, decideAt, type DecideSettings } from '../work/apply-work.js';
import { COUNTED_AS, describeVerdict, judgeFailure, wasTried } from '../work/backoff.js';
import type { Clock } from '../clock.js';
import type { Breaker } from '../intercom/breaker.js';
import { READ_CALLS } from '../intercom/call-health.js';
import type { IntercomClient } from '../intercom/client.js';
import type { CallOptions } from '../intercom/send-call.js';
import { knownTopic } from '../intercom/topics.js';
import { LEASE_MS, type Hand } from '../work/lease-keeper.js';
import { eventId, type Log } from '../log.js';
import type { Metrics } from '../watch/metrics.js';
import type { ConversationFacts } from '../rules/facts.js';
import { sessionAt } from '../rules/sessions.js';
import type { CacheChange } from '../store/ports/changes.js';
import type { Reread } from '../store/ports/cache.js';
import type { InboxShare, LeasedNotification } from '../store/ports/inbox.js';
import type { Settlement } from '../store/ports/leases.js';
import type { Store } from '../store/ports/store.js';
import { learnNotification, type LearnDeps } from './learn-notification.js';
import { createWorkLoop, joinLoops, type WorkLoop } from '../work/work-loop.js';
import { rememberWorkspaceId } from '../work/workspace-id.js';

export interface ProcessDeps {
  readonly store: Store;
  readonly intercom: IntercomClient;
  readonly breaker: Pick<Breaker, 'room' | 'onClear'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly owner: string;
  readonly settings: DecideSettings;
  /** How long after a close the conversation is looked at again; 0 = never. */
  readonly settleAfterSeconds: number;
}

const CONCURRENCY = 32;
const OWN_CONCURRENCY = 8;
/** A later event about a call closed longer ago than this says nothing about attributes still to be filled in. */
const SETTLES_WITHIN_SECONDS = 86_400;

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
  const lease = (limit: number, waitingForIntercom: number): Promise<LeasedNotification[]> =>
    store.leaseNotifications(
      { owner, nowMs: clock.nowMs(), leaseMs: LEASE_MS, limit, waitingForIntercom },
      share,
    );
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
    handle: (notification, hand) => processNotification({ ...deps, ownWorkspaceId }, notification, hand),
    nextDueAtMs: () => store.nextNotificationDueAtMs(share),
    onWork: (listener) => {
      const stops = [store.onWork('inbox', listener), breaker.onClear(listener)];
      return () => stops.forEach((stop) => stop());
    },
  });
}

type NotificationDeps = ProcessDeps & LearnDeps;

async function processNotification(
  deps: NotificationDeps,
  notification: LeasedNotification,
  { signal }: Hand,
): Promise<void> {
  const { store, clock, log, metrics } = deps;
  const startedAtMs = clock.nowMs();
  const { id, lease, subject, receivedAtMs, attempt } = notification;
  const fields = {
    notification: notification.id,
    event: eventId(notification.dedupeKey),
    topic: notification.topic === null ? notification.origin : knownTopic(notification.topic),
    subject: subject === null ? null : `${subject.kind} ${subject.id}`,
    attempt,
    waitedMs: startedAtMs - receivedAtMs,
  };
  const spent = (): number => clock.nowMs() - startedAtMs;
  try {
    const call: CallOptions = { priority: 'soon', signal };
    const learned = await learnNotification(deps, notification, call);
    if (learned.kind === 'unreadable') {
      const reason = `notification_unreadable: ${learned.why}`;
      const result = resultOf(await store.parkNotification({ id, lease, reason }), 'parked');
      metrics.notifications.inc({ result });
      log.warn({ ...fields, result, reason: learned.why, ms: spent() }, 'notification handled');
      return;
    }
    const nowMs = clock.nowMs();
    const { otherWorkspaceId } = learned;
    const applied = await applyWork(
      deps,
      {
        changes: learned.changes,
        cause: {
          kind: notification.origin === 'settle' ? 'settle' : 'notification',
          ref: notification.dedupeKey,
        },
        nowMs,
        decide: decideAt(deps.settings, nowMs),
        completes: {
          kind: 'notification',
          id,
          lease,
          outcome: learned.changes.length === 0 ? 'ignored' : 'applied',
          ...(otherWorkspaceId === undefined ? {} : { otherWorkspaceId }),
        },
        rereads: [...learned.rereads, ...settling(deps, notification, learned.changes, nowMs)],
        unknownContacts: 'ask',
        recompute: 'now',
      },
      call,
    );
    const handled = otherWorkspaceId === undefined ? 'applied' : 'other_workspace';
    const result = applied.kind === 'lease-lost' ? 'lease_lost' : handled;
    metrics.notifications.inc({ result });
    if (result === 'other_workspace') metrics.webhooks.inc({ topic: fields.topic, result });
    else if (notification.origin === 'webhook') {
      metrics.notificationLatency.observe((clock.nowMs() - receivedAtMs) / 1000);
    }
    const queued = applied.kind === 'applied' ? applied.queued.length : 0;
    log.info({ ...fields, result, queued, ms: spent() }, 'notification handled');
  } catch (error) {
    const verdict = judgeFailure(error, attempt, clock.nowMs() - receivedAtMs);
    const { reason } = verdict;
    const settlement =
      verdict.kind === 'park'
        ? await store.parkNotification({ id, lease, reason })
        : await store.retryNotification({
            id,
            lease,
            reason,
            dueAtMs: clock.nowMs() + verdict.delayMs,
            waitsForIntercom: verdict.kind === 'wait',
          });
    const result = resultOf(settlement, COUNTED_AS[verdict.kind]);
    if (wasTried(error)) metrics.notifications.inc({ result });
    const line = { ...fields, ...describeVerdict(verdict, error), result, ms: spent() };
    if (verdict.kind === 'wait') log.debug(line, 'notification handled');
    else log.warn({ ...line, err: error }, 'notification handled');
  }
}

function resultOf<Result extends string>(settlement: Settlement, result: Result): Result | 'lease_lost' {
  return settlement === 'settled' ? result : 'lease_lost';
}

/** Coaches often set Channel or Service Code just after closing, and Intercom has no event for that: look again. */
function settling(
  deps: ProcessDeps,
  notification: LeasedNotification,
  changes: readonly CacheChange[],
  nowMs: number,
): Reread[] {
  if (deps.settleAfterSeconds === 0 || notification.origin === 'settle') return [];
  return changes.flatMap((change) => {
    if (change.kind !== 'conversation' || change.authority.kind === 'search') return [];
    const closedAt = sessionAt(change.conversation);
    const isRecent = closedAt !== null && nowMs / 1000 - closedAt < SETTLES_WITHIN_SECONDS;
    return !isRecent
      ? []
      : [settleReread(change.conversation, closedAt, nowMs + deps.settleAfterSeconds * 1000)];
  });
}

function settleReread(conversation: ConversationFacts, closedAt: number, dueAtMs: number): Reread {
  return {
    dedupeKey: `settle:${conversation.id}:${closedAt}`,
    origin: 'settle',
    subject: { kind: 'conversation', id: conversation.id },
    lane: conversation.contactId ?? `conversation:${conversation.id}`,
    dueAtMs,
  };
}
