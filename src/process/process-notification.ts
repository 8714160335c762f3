import { applyWork, decideAt, type DecideSettings } from '../work/apply-work.js';
import { COUNTED_AS, describeVerdict, judgeFailure, wasTried } from '../work/backoff.js';
import type { Clock } from '../clock.js';
import type { Breaker } from '../intercom/breaker.js';
import type { IntercomClient } from '../intercom/client.js';
import type { CallOptions } from '../intercom/send-call.js';
import { knownTopic } from '../intercom/topics.js';
import type { Hand } from '../work/lease-keeper.js';
import { eventId, type Log } from '../log.js';
import type { Metrics } from '../watch/metrics.js';
import type { ConversationFacts } from '../rules/facts.js';
import { sessionAt } from '../rules/sessions.js';
import type { CacheChange } from '../store/ports/changes.js';
import type { Reread } from '../store/ports/cache.js';
import type { InboxEntry, LeasedNotification } from '../store/ports/inbox.js';
import type { Settlement } from '../store/ports/leases.js';
import type { Store } from '../store/ports/store.js';
import { learnNotification, type LearnDeps } from './learn-notification.js';

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

/** A later event about a call closed longer ago than this says nothing about attributes still to be filled in. */
const SETTLES_WITHIN_SECONDS = 86_400;

export type NotificationDeps = ProcessDeps & LearnDeps;

export async function processNotification(
  deps: NotificationDeps,
  notification: LeasedNotification,
  { signal }: Hand,
): Promise<void> {
  const { store, clock, log, metrics } = deps;
  const startedAtMs = clock.nowMs();
  const { id, lease, receivedAtMs, attempt } = notification;
  const spent = (): number => clock.nowMs() - startedAtMs;
  const fields = fieldsOf(notification, startedAtMs);
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
    const isLost = applied.kind === 'lease-lost';
    const result = isLost ? 'lease_lost' : handled;
    sayApplied(deps, notification, { startedAtMs, result, queued: isLost ? 0 : applied.queued.length });
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

function fieldsOf(
  { id, dedupeKey, topic, origin, subject, attempt, receivedAtMs }: InboxEntry,
  startedAtMs: number,
) {
  return {
    notification: id,
    event: eventId(dedupeKey),
    topic: topic === null ? origin : knownTopic(topic),
    subject: subject === null ? null : `${subject.kind} ${subject.id}`,
    attempt,
    waitedMs: startedAtMs - receivedAtMs,
  };
}

interface Said {
  readonly startedAtMs: number;
  readonly result: 'applied' | 'other_workspace' | 'lease_lost';
  /** Writes that it has led to. */
  readonly queued: number;
}

export function sayApplied(
  { metrics, log, clock }: NotificationDeps,
  notification: InboxEntry,
  { startedAtMs, result, queued }: Said,
): void {
  const fields = fieldsOf(notification, startedAtMs);
  const { origin, receivedAtMs } = notification;
  metrics.notifications.inc({ result });
  if (result === 'other_workspace') metrics.webhooks.inc({ topic: fields.topic, result });
  else if (origin === 'webhook') {
    metrics.notificationLatency.observe((clock.nowMs() - receivedAtMs) / 1000);
  }
  log.info({ ...fields, result, queued, ms: clock.nowMs() - startedAtMs }, 'notification handled');
}

function resultOf<Result extends string>(settlement: Settlement, result: Result): Result | 'lease_lost' {
  return settlement === 'settled' ? result : 'lease_lost';
}

/** Coaches often set Channel or Service Code just after closing, and Intercom has no event for that: look again. */
export function settling(
  { settleAfterSeconds }: ProcessDeps,
  notification: InboxEntry,
  changes: readonly CacheChange[],
  nowMs: number,
): Reread[] {
  if (settleAfterSeconds === 0 || notification.origin === 'settle') return [];
  return changes.flatMap((change) => {
    if (change.kind !== 'conversation' || change.authority.kind === 'search') return [];
    const closedAt = sessionAt(change.conversation);
    const isRecent = closedAt !== null && nowMs / 1000 - closedAt < SETTLES_WITHIN_SECONDS;
    return !isRecent ? [] : [settleReread(change.conversation, closedAt, nowMs + settleAfterSeconds * 1000)];
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
