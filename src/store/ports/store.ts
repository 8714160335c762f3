import type { ActivityStore } from './activity.js';
import type { CacheStore } from './cache.js';
import type { InboxStore } from './inbox.js';
import type { OutboxStore } from './outbox.js';
import type { ParkedStore } from './parked.js';
import type { QueryStore } from './queries.js';
import type { ReplicaStore } from './replicas.js';
import type { RunStore } from './runs.js';
import type { SignInStore } from './sign-ins.js';
import type { SweepStore } from './sweeps.js';
import type { UpkeepStore } from './upkeep.js';
import type { WorkspaceStore } from './workspace.js';

/**
 * The port between the steps and the database. One method is one whole unit of work: it either happens completely or
 * not at all, and no caller ever holds a transaction. Operational times are milliseconds since the epoch (`…AtMs`);
 * instants of the business are Unix seconds (`…At`).
 *
 * Any engine behind it must pass `src/store/exercise`. A method rejects with
 * `AppError('store_unavailable', 'later')` when the database can't be used.
 */
export interface Store
  extends
    InboxStore,
    CacheStore,
    OutboxStore,
    RunStore,
    SweepStore,
    ParkedStore,
    QueryStore,
    ActivityStore,
    SignInStore,
    ReplicaStore,
    UpkeepStore,
    WorkspaceStore {
  /** Ends at once every lease whose owner `isDead`, who then counts no more; a restart need not wait for them to expire. */
  releaseDeadLeases(isDead: (owner: string) => boolean): Promise<number>;
  /** Calls `listener` after a commit that may have given `loop` work. Returns the function that stops it. */
  onWork(loop: WorkKind, listener: () => void): () => void;
  /** How often this process has made the disk write. */
  forcedWrites(): number;
  close(): Promise<void>;
}

/** Loops that are woken by a commit. */
export type WorkKind = 'inbox' | 'writes' | 'transitions' | 'erasure';
