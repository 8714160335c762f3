import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Store } from '../store/store.js';

/** Everything `/metrics` shows. Labels are closed lists, never ids or anything personal. */
export interface Metrics {
  readonly registry: Registry;
  readonly webhooks: Counter<'topic' | 'result'>;
  readonly notifications: Counter<'result'>;
  readonly writes: Counter<'result'>;
  readonly transitions: Counter;
  /** From the decision that an attribute must change to Intercom having it, seconds. */
  readonly writeLatency: Histogram;
}

/** `backlog` is asked at each scrape, so the gauges are never stale. */
export function createMetrics(store: Pick<Store, 'backlog'>, now: () => number): Metrics {
  const registry = new Registry();
  const registers = [registry];
  const gauge = (name: string, help: string): Gauge => new Gauge({ name, help, registers });

  const waiting = gauge('engagement_inbox_waiting', 'Notifications stored and not handled yet');
  const age = gauge('engagement_inbox_oldest_seconds', 'Age of the oldest notification not handled yet');
  const parked = gauge('engagement_inbox_parked', 'Notifications that wait for a person');
  const writesWaiting = gauge(
    'engagement_writes_waiting',
    'Attribute changes that have not reached Intercom yet',
  );
  const writesParked = gauge('engagement_writes_parked', 'Contacts whose changes wait for a person');
  const members = gauge('engagement_members', 'Members in the cache');
  const conversations = new Gauge({
    name: 'engagement_conversations',
    help: 'Conversations in the cache',
    registers,
    // One query fills all gauges; it hangs on the last one registered.
    async collect() {
      const backlog = await store.backlog(now());
      waiting.set(backlog.notificationsWaiting);
      age.set((backlog.oldestNotificationAgeMs ?? 0) / 1000);
      parked.set(backlog.notificationsParked);
      writesWaiting.set(backlog.writesWaiting);
      writesParked.set(backlog.writesParked);
      members.set(backlog.members);
      this.set(backlog.conversations);
    },
  });
  conversations.set(0);

  return {
    registry,
    webhooks: new Counter({
      name: 'engagement_webhooks_total',
      help: 'Webhook requests by topic and what became of them',
      labelNames: ['topic', 'result'],
      registers,
    }),
    notifications: new Counter({
      name: 'engagement_notifications_total',
      help: 'Notifications handled, by result',
      labelNames: ['result'],
      registers,
    }),
    writes: new Counter({
      name: 'engagement_writes_total',
      help: 'Write attempts to Intercom, by result',
      labelNames: ['result'],
      registers,
    }),
    transitions: new Counter({
      name: 'engagement_transitions_total',
      help: 'Members recomputed because time passed',
      registers,
    }),
    writeLatency: new Histogram({
      name: 'engagement_write_latency_seconds',
      help: 'From the decision that an attribute must change to Intercom having it',
      buckets: [0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 300],
      registers,
    }),
  };
}
