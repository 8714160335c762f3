import type { Change } from '../../rules/facts.js';
import type { Cause } from './changes.js';
import type { HeldLease, Lease, Retry, Settlement } from './leases.js';

/** What waits to be written to Intercom: asked by write-back. */
export interface OutboxStore {
  /** Leases contacts with waiting writes: `soon` before `sweep`, then oldest first. Counts the attempt. */
  leaseWrites(lease: Lease): Promise<LeasedWrite[]>;
  retryWrite(failure: WriteFailure & Retry & { readonly outcomeUnknown: boolean }): Promise<Settlement>;
  parkWrite(failure: WriteFailure): Promise<Settlement>;
  /**
   * Takes single changes of a leased contact out of the flow, until a person replays them or another value is wanted;
   * the others go on, and the lease is kept.
   */
  parkChanges(
    parked: LeasedContact & {
      readonly changes: readonly { readonly writeId: number; readonly reason: string }[];
    },
  ): Promise<Settlement>;
  /** Keeps a contact's waiting writes back (`DRY_RUN`) until {@link releaseHeldWrites}. */
  holdWrite(held: LeasedContact): Promise<Settlement>;
  /** As {@link renewNotifications}; answers contact ids. */
  renewWrites(held: readonly LeasedContact[], leaseUntilMs: number): Promise<readonly string[]>;
  /** True while the lease is the current one, and on disk: asked directly before a request goes out. */
  holdsWrite(held: LeasedContact): Promise<boolean>;
  releaseHeldWrites(): Promise<number>;
  nextWriteDueAtMs(): Promise<number | null>;
}

/** A contact whose waiting writes are leased. */
export interface LeasedContact {
  readonly contactId: string;
  readonly lease: HeldLease;
}

export interface LeasedWrite extends LeasedContact {
  readonly leaseUntilMs: number;
  readonly priority: WritePriority;
  /** The waiting changes as they stand now: newest wanted value of each attribute. Never empty. */
  readonly changes: readonly WaitingChange[];
  readonly cause: Cause;
  readonly attempt: number;
  /** An earlier attempt may have reached Intercom: read the contact before sending again. */
  readonly outcomeUnknown: boolean;
  /** When the oldest of the changes began to wait. */
  readonly queuedAtMs: number;
}

export interface WaitingChange extends Change {
  readonly writeId: number;
  /** A person wants it to be tried, whatever is known of others like it. */
  readonly isReplayed: boolean;
}

/** `soon`: caused by an event or by time; `sweep`: caused by backfill, sweep or sync. */
export type WritePriority = 'soon' | 'sweep';

export interface WriteFailure extends LeasedContact {
  readonly reason: string;
}
