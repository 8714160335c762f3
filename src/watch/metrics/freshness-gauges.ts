import { Gauge, type Registry } from 'prom-client';
import { nowAt } from '../../clock.js';
import { WEBHOOK_RESULTS, type WebhookResult } from '../../store/ports/queries.js';
import { JOB_NAMES } from '../../store/ports/runs.js';
import type { MetricsSources } from './metrics-sources.js';
import { isUnavailable } from './work-gauges.js';

type FreshnessSources = Pick<MetricsSources, 'store' | 'clock'>;

/** How long ago the cache was known to be right. What never happened was infinitely long ago, so that alerts see it. */
export function addFreshnessGauges(registers: Registry[], sources: FreshnessSources): () => Promise<void> {
  const { store, clock } = sources;
  const gauge = (name: string, help: string): Gauge => new Gauge({ name, help, registers });
  const applied = gauge('engagement_applied_age_seconds', 'Since the last notification was applied');
  const swept = gauge('engagement_sweep_age_seconds', 'Since the last sweep or backfill ended');
  const complete = gauge(
    'engagement_complete_age_seconds',
    "Since the cache's totals agreed with Intercom's",
  );
  const silent = gauge(
    'engagement_webhooks_silent_seconds',
    'Since the last webhook, while sweeps find that some must have gone missing; else 0',
  );
  const unfilled = gauge(
    'engagement_first_backfill_failed',
    '1 while the first backfill has failed and is to be tried again, else 0',
  );
  const day = new Gauge({
    name: 'engagement_webhooks_day',
    help: 'Webhook requests of this hour and the 23 before it, by what became of them; restarts lose none',
    labelNames: ['result'],
    registers,
  });
  const drift = new Gauge({
    name: 'engagement_run_drift',
    help: 'Members that the newest run of each job found different from what they should be',
    labelNames: ['job'],
    registers,
  });
  const runs = new Gauge({
    name: 'engagement_run_status',
    help: '1 for the status of the newest run of each job',
    labelNames: ['job', 'status'],
    registers,
  });

  return async () => {
    try {
      const now = nowAt(clock);
      const ageOf = (at: number | null): number => (at === null ? Infinity : Math.max(0, now - at));
      const freshness = await store.freshness();
      applied.set(ageOf(freshness.appliedAt));
      swept.set(ageOf(freshness.sweptAt));
      complete.set(ageOf(freshness.completeAt));
      silent.set(freshness.silentSinceAt === null ? 0 : ageOf(freshness.silentSinceAt));
      const isUnfilled =
        (await store.latestRun('backfill'))?.status === 'failed' &&
        (await store.latestDoneRun(['backfill'])) === null;
      unfilled.set(isUnfilled ? 1 : 0);
      const sums = new Map<WebhookResult, number>();
      for (const { result, count } of await store.webhookHours(now - 23 * 3600)) {
        sums.set(result, (sums.get(result) ?? 0) + count);
      }
      for (const result of WEBHOOK_RESULTS) day.set({ result }, sums.get(result) ?? 0);
      runs.reset();
      for (const job of JOB_NAMES) {
        const run = await store.latestRun(job);
        if (run === null) continue;
        runs.set({ job, status: run.status }, 1);
        if (run.result !== null) drift.set({ job }, run.result.changed);
      }
    } catch (error) {
      if (!isUnavailable(error)) throw error;
    }
  };
}
