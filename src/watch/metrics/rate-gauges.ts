import { Gauge, type Registry } from 'prom-client';
import type { MetricsSources } from './metrics-sources.js';

type RateSources = Pick<MetricsSources, 'budget' | 'breaker' | 'clock'>;

/** Whether Intercom answers, and what is left of Intercom's rate limit; not a number until Intercom's first answer has told. */
export function addRateGauges(
  registers: Registry[],
  { budget, breaker, clock }: RateSources,
): () => Promise<void> {
  const gauge = (name: string, help: string): Gauge => new Gauge({ name, help, registers });
  const available = gauge('engagement_intercom_available', '1 while Intercom answers, else 0');
  const limit = gauge('engagement_intercom_rate_limit', 'Calls that Intercom allows in each window');
  const remaining = gauge(
    'engagement_intercom_rate_remaining',
    'Calls left in this window for all processes',
  );
  const paused = gauge('engagement_intercom_paused_seconds', 'How long no call goes out, because of a 429');
  const inFlight = gauge('engagement_intercom_calls_in_flight', 'Calls of this process under way');
  const waiting = gauge(
    'engagement_intercom_calls_waiting',
    'Calls of this process that wait for room in the rate limit',
  );

  return () => {
    const rate = budget.snapshot();
    available.set(breaker.outage() === null ? 1 : 0);
    limit.set(rate.limit ?? Number.NaN);
    remaining.set(rate.remaining ?? Number.NaN);
    paused.set(Math.max(0, (rate.pausedUntilMs ?? 0) - clock.nowMs()) / 1000);
    inFlight.set(rate.inFlight);
    waiting.set(rate.waiting);
    return Promise.resolve();
  };
}
