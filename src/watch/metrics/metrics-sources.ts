import type { Clock } from '../../clock.js';
import type { Breaker } from '../../intercom/breaker.js';
import type { RateBudget } from '../../intercom/rate-budget.js';
import type { Store } from '../../store/ports/store.js';

/** What gauges are read from. */
export interface MetricsSources {
  readonly store: Pick<
    Store,
    | 'backlog'
    | 'forcedWrites'
    | 'freshness'
    | 'latestRun'
    | 'latestDoneRun'
    | 'canWrite'
    | 'webhookHours'
    | 'whyUnfit'
  >;
  readonly budget: Pick<RateBudget, 'snapshot'>;
  readonly breaker: Pick<Breaker, 'outage'>;
  readonly clock: Clock;
}
