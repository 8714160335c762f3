import { setMaxListeners } from 'node:events';
import type { DeliveryFaults } from './faults.js';
import { encodeNotification, makePing, newNotificationId, type Notification } from './notification.js';
import type { WorkspaceSettings } from './settings.js';
import { callTarget, postNotification, type PostResult, type WebhookTarget } from './webhook-post.js';
import { createWebhookHealth, MAX_DELAY_MS, type WebhookHealth } from './webhook-health.js';

interface DeliveryAttempt {
  readonly atMs: number;
  /** Status of the answer, or why there was none. */
  readonly result: PostResult;
}

/** What became of one notification. */
interface Delivery {
  readonly notificationId: string | null;
  readonly topic: string;
  /** The bytes of the latest attempt; empty before the first one. */
  readonly body: Uint8Array;
  readonly attempts: readonly DeliveryAttempt[];
  /** `failed`: given up after the repetition · `dropped`: never tried (again), by rule · `lost`: by accident. */
  readonly outcome: 'waiting' | 'delivered' | 'failed' | 'dropped' | 'lost';
}

/** Sends the workspace's notifications. Without a target nothing is sent and nothing is kept. */
export interface WebhookSender {
  /** Sends every topic, or only `topics`, to `target` from now on. */
  deliverTo(target: WebhookTarget, topics?: readonly string[]): void;
  /** Removes the subscription; what waits is dropped at once. */
  stop(): void;
  send(notification: Notification): void;
  ping(): void;
  /** What Intercom does when the address is saved: an unsigned HEAD. Resolves to the answer's status. */
  checkAddress(): Promise<number>;
  /** Resolves when every notification so far is settled; held back ones are let go. */
  drained(): Promise<void>;
  /** Newest last, at most the latest ones. */
  readonly deliveries: readonly Delivery[];
  readonly health: WebhookHealth;
}

const MAX_AT_ONCE = 20;
const KEPT_DELIVERIES = 2_000;

type Writable<Item> = { -readonly [Key in keyof Item]: Item[Key] };
type Tracked = Writable<Omit<Delivery, 'attempts'>> & { readonly attempts: DeliveryAttempt[] };

export function createWebhookSender(settings: WorkspaceSettings, faults: DeliveryFaults): WebhookSender {
  const { clock } = settings;
  const health = createWebhookHealth();
  const underWay = new Set<Promise<void>>();
  const queue: (() => void)[] = [];
  let busy = 0;
  let subscription: { readonly target: WebhookTarget; readonly topics: readonly string[] | null } | null =
    null;
  let deliveries: Tracked[] = [];
  let held: Notification[] = [];
  let stopped = newStop();

  const track = (work: Promise<void>): void => {
    const tracked = work.finally(() => underWay.delete(tracked));
    underWay.add(tracked);
  };

  const releaseHeld = (): void => {
    const released = held;
    held = [];
    for (const notification of released) track(deliver(notification, 0));
  };

  const takeSlot = async (): Promise<void> => {
    if (busy >= MAX_AT_ONCE) await new Promise<void>((resolve) => queue.push(resolve));
    else busy += 1;
  };
  const leaveSlot = (): void => {
    const next = queue.shift();
    if (next === undefined) busy -= 1;
    else next();
  };

  const attempt = async (
    delivery: Tracked,
    notification: Notification,
    firstSentAt: number,
  ): Promise<DeliveryAttempt> => {
    await takeSlot();
    try {
      const id =
        settings.redeliveryKeepsId || delivery.attempts.length === 0 ? notification.id : newNotificationId();
      delivery.body = encodeNotification(
        settings.appId,
        { ...notification, id },
        { attempt: delivery.attempts.length + 1, firstSentAt },
      );
      const atMs = clock.nowMs();
      const result = await postNotification(settings, subscription?.target, delivery.body);
      const made = { atMs, result };
      delivery.attempts.push(made);
      return made;
    } finally {
      leaveSlot();
    }
  };

  const deliver = async (notification: Notification, delayMs: number): Promise<void> => {
    const delivery: Tracked = {
      notificationId: notification.id,
      topic: notification.topic,
      body: new Uint8Array(),
      attempts: [],
      outcome: 'waiting',
    };
    deliveries.push(delivery);
    if (deliveries.length > KEPT_DELIVERIES * 2) deliveries = deliveries.slice(-KEPT_DELIVERIES);
    const queuedMs = clock.nowMs();
    const firstSentAt = Math.floor(queuedMs / 1000);
    // Never within the caller's own step, just as a real notification never arrives before the answer to the act.
    await Promise.resolve();
    if (delayMs > 0) await clock.sleep(delayMs, stopped.signal);
    let failures = 0;
    while (delivery.outcome === 'waiting') {
      const now = clock.nowMs();
      const state = health.stateAt(now);
      if (state === 'throttled' && subscription !== null) {
        await clock.sleep(health.throttledUntilMs - now, stopped.signal);
        continue;
      }
      if (state !== 'live' || subscription === null || now - queuedMs - delayMs > MAX_DELAY_MS) {
        delivery.outcome = 'dropped';
        return;
      }
      const { result } = await attempt(delivery, notification, firstSentAt);
      if (typeof result === 'number' && result >= 200 && result < 300) {
        health.noteSuccess();
        delivery.outcome = 'delivered';
      } else if (result === 410) {
        health.disable();
        delivery.outcome = 'failed';
      } else if (result === 429) {
        health.noteThrottle(clock.nowMs());
      } else {
        health.noteFailure(clock.nowMs());
        failures += 1;
        // Repeated once, after a minute; then the notification is lost.
        if (failures > 1) delivery.outcome = 'failed';
        else await clock.sleep(settings.redeliverAfterMs, stopped.signal);
      }
    }
  };

  const send = (notification: Notification): void => {
    if (subscription === null) return;
    const { topics } = subscription;
    if (topics !== null && notification.topic !== 'ping' && !topics.includes(notification.topic)) return;
    const fault = faults.draw({ topic: notification.topic });
    const overtaken = held.length > 0;
    switch (fault?.kind) {
      case undefined:
        track(deliver(notification, 0));
        break;
      case 'lost':
        deliveries.push({
          notificationId: notification.id,
          topic: notification.topic,
          body: new Uint8Array(),
          attempts: [],
          outcome: 'lost',
        });
        break;
      case 'repeated':
        for (let copy = 0; copy < fault.times; copy += 1) track(deliver(notification, 0));
        break;
      case 'delayed':
        track(deliver(notification, fault.delayMs));
        break;
      case 'reordered':
        held.push(notification);
        return;
    }
    if (overtaken) releaseHeld();
  };

  return {
    deliverTo: (target, topics) => {
      subscription = { target, topics: topics ?? null };
      if (stopped.signal.aborted) stopped = newStop();
    },
    stop: () => {
      subscription = null;
      stopped.abort();
    },
    send,
    ping: () => send(makePing(Math.floor(clock.nowMs() / 1000))),
    checkAddress: async () => (await callTarget(subscription?.target, { method: 'HEAD' })).status,
    drained: async () => {
      releaseHeld();
      while (underWay.size > 0) {
        await Promise.all(underWay);
        releaseHeld();
      }
    },
    get deliveries() {
      return deliveries;
    },
    health,
  };
}

/** Every delivery that waits listens to it: many listeners are no leak here. */
function newStop(): AbortController {
  const stop = new AbortController();
  setMaxListeners(0, stop.signal);
  return stop;
}
