import { applyWork, decideAt, parkUnreadable, readSubject, type DecideSettings } from '../work/apply-work.js';
import { COUNTED_AS, describeVerdict, judgeFailure, wasTried } from '../work/backoff.js';
import type { Clock } from '../clock.js';
import type { Breaker } from '../intercom/breaker.js';
import { READ_CALLS } from '../intercom/call-health.js';
import type { IntercomClient } from '../intercom/client.js';
import type { CallOptions } from '../intercom/send-call.js';
import { conversationsOfContact, MAX_PER_PAGE, readAllPages } from '../intercom/search.js';
import { AppError } from '../errors.js';
import { isOfOtherWorkspace, readMeaning, readStored, type Meaning } from '../intercom/notification.js';
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
import type { Subject } from '../store/ports/subject.js';
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
/** Intercom's search index needs "a few minutes" after a merge. */
const MERGE_SETTLES_AFTER_MS = 5 * 60_000;

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

interface NotificationDeps extends ProcessDeps {
  readonly ownWorkspaceId: () => Promise<string | null>;
}

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
    const learned = await learn(deps, notification, call);
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

type Learned =
  | {
      readonly kind: 'learned';
      readonly changes: readonly CacheChange[];
      readonly rereads: readonly Reread[];
      /** Set where the notification belongs to another workspace: then there is nothing to learn from it. */
      readonly otherWorkspaceId?: string;
    }
  | { readonly kind: 'unreadable'; readonly why: string };

/** What the notification makes known, after the reads that its payload leaves open. */
async function learn(
  deps: NotificationDeps,
  notification: LeasedNotification,
  call: CallOptions,
): Promise<Learned> {
  const { subject, body } = notification;
  if (body === null) {
    if (subject === null) return { kind: 'unreadable', why: 'neither body nor subject' };
    const changes = await readOrPark(deps, subject, null, call);
    // A contact is read again after a merge: its conversations may have moved with it.
    const moved =
      subject.kind === 'contact' ? await conversationsNowOf(deps, notification, subject.id, call) : [];
    return { kind: 'learned', changes: [...changes, ...moved], rereads: [] };
  }
  const { item, appId } = readStored(body);
  // It came before our own workspace was known, or was parked then.
  if (isOfOtherWorkspace(appId, await deps.ownWorkspaceId())) {
    return { kind: 'learned', changes: [], rereads: [], otherWorkspaceId: appId };
  }
  const meaning: Meaning =
    notification.topic === null || item === null
      ? { kind: 'unreadable', why: 'no topic or no data.item' }
      : readMeaning(
          notification.topic,
          item,
          notification.createdAt ?? Math.floor(notification.receivedAtMs / 1000),
        );
  switch (meaning.kind) {
    case 'unreadable':
      return meaning;
    case 'ignored':
      return { kind: 'learned', changes: [], rereads: [] };
    case 'read':
      return { kind: 'learned', changes: await readSubject(deps, meaning.subject, call), rereads: [] };
    case 'conversation': {
      if (meaning.lacks.length > 0) {
        const read = await readSubject(deps, { kind: 'conversation', id: meaning.conversation.id }, call);
        return { kind: 'learned', changes: read, rereads: [] };
      }
      const change = {
        kind: 'conversation',
        conversation: meaning.conversation,
        authority: { kind: 'event' },
      } as const;
      return { kind: 'learned', changes: [change], rereads: [] };
    }
    case 'contact': {
      if (meaning.lacks.length > 0) {
        const read = await readSubject(deps, { kind: 'contact', id: meaning.contact.id }, call);
        return { kind: 'learned', changes: read, rereads: [] };
      }
      const change = { kind: 'contact', contact: meaning.contact, authority: { kind: 'event' } } as const;
      return { kind: 'learned', changes: [change], rereads: [] };
    }
    case 'contact-merged':
      return learnMerge(deps, meaning, notification, call);
    case 'contact-unarchived': {
      const read = await readSubject(deps, { kind: 'contact', id: meaning.id }, call);
      return {
        kind: 'learned',
        changes: [{ kind: 'contact-unarchived', id: meaning.id, at: meaning.at }, ...read],
        rereads: [],
      };
    }
    case 'conversation-deleted':
    case 'contact-deleted':
      return { kind: 'learned', changes: [{ kind: meaning.kind, id: meaning.id }], rereads: [] };
    case 'contact-archived':
      return {
        kind: 'learned',
        changes: [{ kind: 'contact-archived', id: meaning.id, at: meaning.at }],
        rereads: [],
      };
  }
}

/**
 * A merge: the survivor is read, the absorbed contact's conversations move. Older payloads don't name the absorbed
 * contact; the survivor's conversations, searched for now and again when the index has caught up, then show what moved.
 */
async function learnMerge(
  deps: ProcessDeps,
  merge: Extract<Meaning, { kind: 'contact-merged' }>,
  notification: LeasedNotification,
  call: CallOptions,
): Promise<Learned> {
  const { survivorId, absorbedId } = merge;
  const survivor = await readSubject(deps, { kind: 'contact', id: survivorId }, call);
  const absorbed: CacheChange[] =
    absorbedId === null ? [] : [{ kind: 'contact-merged', absorbedId, survivorId }];
  const moved = await conversationsNowOf(deps, notification, survivorId, call);
  const again: Reread = {
    dedupeKey: `merge:${notification.dedupeKey}`,
    origin: 'reread',
    subject: { kind: 'contact', id: survivorId },
    lane: survivorId,
    dueAtMs: deps.clock.nowMs() + MERGE_SETTLES_AFTER_MS,
  };
  return { kind: 'learned', changes: [...survivor, ...absorbed, ...moved], rereads: [again] };
}

async function conversationsNowOf(
  deps: ProcessDeps,
  { attempt }: LeasedNotification,
  contactId: string,
  call: CallOptions,
): Promise<CacheChange[]> {
  // A page that was too much for Intercom is not asked for again as it was.
  const perPage = Math.max(1, Math.floor(MAX_PER_PAGE / 2 ** (attempt - 1)));
  const search = { ...conversationsOfContact(contactId), perPage };
  const { items, unreadable } = await readAllPages(
    (one) => deps.intercom.searchConversations(one, call),
    search,
  );
  const changes = items.map((conversation): CacheChange => ({
    kind: 'conversation',
    conversation,
    authority: { kind: 'search' },
  }));
  for (const { id, field, likelyOwnerId, place } of unreadable) {
    const owner = likelyOwnerId ?? contactId;
    if (id === null) {
      const nameless = { kind: 'conversation', id: `#${place}` } as const;
      await parkUnreadable(deps, { ...nameless, field, likelyOwnerId: owner, runId: null });
    } else changes.push(...(await readOrPark(deps, { kind: 'conversation', id }, owner, call)));
  }
  return changes;
}

/** Reads an object by id; one that can't be read is parked alone. */
async function readOrPark(
  deps: ProcessDeps,
  subject: Subject,
  likelyOwnerId: string | null,
  call: CallOptions,
): Promise<CacheChange[]> {
  try {
    return await readSubject(deps, subject, call);
  } catch (error) {
    if (!(error instanceof AppError) || error.unreadable === null) throw error;
    const { field, likelyOwnerId: ownerThere } = error.unreadable;
    await parkUnreadable(deps, {
      ...subject,
      field,
      likelyOwnerId: ownerThere ?? likelyOwnerId,
      runId: null,
    });
    return [];
  }
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
