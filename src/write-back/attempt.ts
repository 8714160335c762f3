import type { Clock } from '../clock.js';
import type { Breaker } from '../intercom/breaker.js';
import type { IntercomClient } from '../intercom/client.js';
import type { CallOptions } from '../intercom/send-call.js';
import type { Log } from '../log.js';
import type { Change } from '../rules/facts.js';
import type { Cause } from '../store/ports/changes.js';
import type { LeasedWrite } from '../store/ports/outbox.js';
import type { Store } from '../store/ports/store.js';
import type { Metrics } from '../watch/metrics.js';
import type { DecideSettings } from '../work/apply-work.js';
import type { Hand } from '../work/lease-keeper.js';
import type { RefusedChanges } from './refused-changes.js';

export interface WriteBackDeps {
  readonly store: Store;
  readonly intercom: IntercomClient;
  readonly breaker: Pick<Breaker, 'room' | 'onClear'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly owner: string;
  readonly settings: DecideSettings;
  /** `DRY_RUN`: everything but sending. */
  readonly dryRun: boolean;
  /** Told of every change that reached Intercom. */
  readonly onWritten?: (written: Written) => void;
}

export interface Written {
  readonly contactId: string;
  readonly changes: readonly Change[];
  readonly cause: Cause;
  readonly writtenAtMs: number;
  /** From the decision to Intercom's answer. */
  readonly latencyMs: number;
}

export interface SendDeps extends WriteBackDeps {
  readonly refusedLately: RefusedChanges;
}

/** One attempt at one contact's waiting changes. */
export interface Attempt {
  readonly write: LeasedWrite;
  readonly hand: Hand;
  readonly call: CallOptions;
  /** A request went out, of which nothing shows that it had no effect. */
  mayHaveWritten: boolean;
}
