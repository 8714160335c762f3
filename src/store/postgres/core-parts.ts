import type { MetaValues } from '../meta-values.js';
import type { CacheSlice } from '../plan/slice.js';
import type { Reread, Work } from '../ports/cache.js';
import type { WorkKind } from '../ports/store.js';
import type { Query, Unit } from './database.js';

/** What runs, sweeps and upkeep need of that half of the store in which the cache is loaded and saved. */
export interface CoreParts {
  readonly meta: MetaPart;
  readonly time: TimePart;
  /** @param families `of-gone`: the families of contacts that are deleted or merged, and no other */
  readonly loadSlice: (
    unit: Unit,
    named: Pick<Work, 'changes' | 'nowMs'>,
    families: 'all' | 'of-gone',
  ) => Promise<CacheSlice>;
  /** Keeps others away from these contacts until the end of the transaction. */
  readonly lockContacts: (unit: Unit, contactIds: readonly string[]) => Promise<void>;
  /** Stores the counts of webhooks that are still in memory. */
  readonly keepCounts: () => Promise<void>;
  /** Entries of our own in the inbox; one whose key is known is left as it is. */
  readonly addRereads: (unit: Unit, rereads: readonly Reread[]) => Promise<void>;
  /** Wakes loops of this process and of others; called after a commit. */
  readonly ring: (kind: WorkKind) => void;
}

/** Single values, by name. */
export interface MetaPart {
  /** Null where none is stored. */
  readonly read: <Name extends keyof MetaValues>(
    query: Query,
    names: readonly Name[],
  ) => Promise<{ readonly [Key in Name]: MetaValues[Key] | null }>;
  /** Null stores none. `renewsReports`: they answer otherwise from this transaction on, whatever the values say. */
  readonly save: (
    unit: Unit,
    values: Partial<MetaValues>,
    options?: { readonly renewsReports?: boolean },
  ) => Promise<void>;
}

/** The time by which leases end and work falls due, while the caller's clock may show another. */
export interface TimePart {
  readonly at: (query: Query, callerMs: number) => Promise<number>;
  /** A later time of the caller's, by the difference that was measured last. */
  readonly fromCaller: (callerMs: number) => number;
}
