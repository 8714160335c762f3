import { Gauge, type Registry } from 'prom-client';
import { nowAt } from '../../clock.js';
import type { JobName } from '../../store/run-store.js';
import type { MetricsSources } from '../metrics.js';
import { isUnavailable } from './work-gauges.js';

const JOBS = [
  'backfill',
  'reconcile',
  'sweep',
  'session-sync',
  'engagement-sync',
  'referral-sync',
] as const satisfies readonly JobName[];

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
      runs.reset();
      for (const job of JOBS) {
        const run = await store.latestRun(job);
        if (run !== null) runs.set({ job, status: run.status }, 1);
      }
    } catch (error) {
      if (!isUnavailable(error)) throw error;
    }
  };
}
