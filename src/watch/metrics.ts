import type { MetricsSources } from './metrics/metrics-sources.js';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { FinishedCall } from '../intercom/send-call.js';
import type { Alive } from '../store/ports/replicas.js';
import type { ShownTime } from './time-check.js';
import { VERSION } from '../version.js';
import { addChoreGauges, type ChoreCounts, type ChoreName } from './metrics/chore-gauges.js';
import { addFreshnessGauges } from './metrics/freshness-gauges.js';
import { addRateGauges } from './metrics/rate-gauges.js';
import { addWorkGauges } from './metrics/work-gauges.js';

/** Everything `/metrics` shows. Labels are closed lists, never ids or anything personal. */
export interface Metrics {
  readonly webhooks: Counter<'topic' | 'result'>;
  readonly notifications: Counter<'result'>;
  /** From the notification's arrival to the cache and the waiting writes being in step with it, seconds. */
  readonly notificationLatency: Histogram;
  readonly writes: Counter<'result'>;
  /** Wrong API tokens, by the way in. */
  readonly wrongTokens: Counter<'way'>;
  readonly transitions: Counter;
  /** From the decision that an attribute must change to Intercom having it, seconds. */
  readonly writeLatency: Histogram;
  readonly chores: ChoreCounts<ChoreName>;
  readonly countCall: (call: FinishedCall) => void;
  /** What Prometheus reads. Gauges are asked at this moment, so they are never stale. */
  scrape(): Promise<string>;
  readonly contentType: string;
  /** Adds how far this machine's clock is ahead. */
  watchClock(time: Pick<ShownTime, 'aheadMs'>): void;
  /** Adds how many processes are at work. */
  watchReplicas(heartbeat: { readonly alive: () => Pick<Alive, 'services'> | null }): void;
  /** Adds memory, garbage collection and event loop of this process, measured for as long as it lives. */
  measureProcess(): void;
}

const LATENCIES = [0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 300];

/** Gauges whose names are those of counters, which Prometheus's own check refuses. The ones without `_total` say more. */
const MISNAMED = [
  'nodejs_active_handles_total',
  'nodejs_active_requests_total',
  'nodejs_active_resources_total',
] as const;

export function createMetrics(sources: MetricsSources): Metrics {
  const registry = new Registry();
  const registers = [registry];
  new Gauge({
    name: 'engagement_build_info',
    help: 'Always 1; the labels say what runs',
    labelNames: ['version', 'node'],
    registers,
  }).set({ version: VERSION, node: process.versions.node }, 1);
  // Each group adds its gauges and answers what brings them up to date.
  const chores = addChoreGauges(registers, sources);
  const groups = [addWorkGauges, addFreshnessGauges, addRateGauges].map((add) => add(registers, sources));
  const refreshers = [...groups, chores.refresh];

  const calls = new Counter({
    name: 'engagement_intercom_calls_total',
    help: 'Calls to Intercom by address and answer',
    labelNames: ['call', 'status'],
    registers,
  });
  const callSeconds = new Histogram({
    name: 'engagement_intercom_call_seconds',
    help: "From sending a call to the end of Intercom's answer",
    labelNames: ['call'],
    buckets: [0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 45],
    registers,
  });

  const notifications = new Counter({
    name: 'engagement_notifications_total',
    help: 'Notifications handled, by result',
    labelNames: ['result'],
    registers,
  });
  const writes = new Counter({
    name: 'engagement_writes_total',
    help: 'Write attempts to Intercom, by result',
    labelNames: ['result'],
    registers,
  });
  const wrongTokens = new Counter({
    name: 'engagement_wrong_tokens_total',
    help: 'Tokens that are none of API_TOKENS, by the way they were sent',
    labelNames: ['way'],
    registers,
  });
  // From the start, or the first failure would be no increase.
  for (const way of ['bearer', 'sign_in']) wrongTokens.inc({ way }, 0);
  for (const result of ['applied', 'retried', 'parked']) notifications.inc({ result }, 0);
  for (const result of ['sent', 'retried', 'parked']) writes.inc({ result }, 0);

  return {
    chores: chores.counts,
    notifications,
    writes,
    wrongTokens,
    webhooks: new Counter({
      name: 'engagement_webhooks_total',
      help: 'Webhook requests by topic and what became of them',
      labelNames: ['topic', 'result'],
      registers,
    }),
    notificationLatency: new Histogram({
      name: 'engagement_notification_latency_seconds',
      help: "From a notification's arrival to the cache and the waiting writes being in step with it",
      buckets: LATENCIES,
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
      buckets: LATENCIES,
      registers,
    }),
    countCall: ({ label, status, ms }) => {
      calls.inc({ call: label, status: statusClass(status) });
      callSeconds.observe({ call: label }, ms / 1000);
    },
    scrape: async () => {
      for (const refresh of refreshers) await refresh();
      return registry.metrics();
    },
    contentType: registry.contentType,
    measureProcess: () => {
      collectDefaultMetrics({ register: registry });
      for (const name of MISNAMED) registry.removeSingleMetric(name);
    },
    watchReplicas: (heartbeat) => {
      const replicas: Gauge = new Gauge({
        name: 'engagement_replicas',
        help: 'Services at work on this database, as this one has counted them last',
        registers,
        collect: () => replicas.set(heartbeat.alive()?.services ?? Number.NaN),
      });
    },
    watchClock: (time) => {
      const ahead: Gauge = new Gauge({
        name: 'engagement_clock_ahead_seconds',
        help: "This machine's clock against Intercom's answers; over an hour either way statuses wait",
        registers,
        collect: () => ahead.set(Math.round(time.aheadMs() / 100) / 10),
      });
    },
  };
}

/** A refused token and a used-up rate limit stand for themselves: somebody can do something about them. */
const OWN_STATUS: ReadonlySet<number> = new Set([401, 403, 429]);

function statusClass(status: number | null): string {
  if (status === null) return 'none';
  return OWN_STATUS.has(status) ? String(status) : `${Math.floor(status / 100)}xx`;
}
