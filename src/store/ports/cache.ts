import type { CacheChange, Cause } from './changes.js';
import type { Change, KeptForm, MemberDecision, MemberFacts } from '../../rules/facts.js';
import type { MaintainedAttribute } from '../../rules/vocabulary.js';
import type { HeldLease } from './leases.js';
import type { WaitingChange } from './outbox.js';
import type { RunPage } from './runs.js';
import type { Subject } from './subject.js';
import type { Difference } from './sweeps.js';

/** What is known of Intercom and what the rules say of it: every step that learns something asks here. */
export interface CacheStore {
  /**
   * Applies what is known to the cache, recomputes every member it touches through `work.decide`, brings the waiting
   * writes in step with the decisions, and settles what `work.completes` names: all in one transaction.
   */
  apply(work: Work): Promise<Applied>;
  /**
   * The same for a leased notification and followers of it at once, where nothing follows from them but what is cached:
   * nothing to write, to read or to erase. False: nothing was stored, {@link apply} the first by itself.
   */
  applyTogether(work: Together): Promise<boolean>;
  /** What {@link Store.apply} would do; nothing is changed. */
  compare(work: Work): Promise<Compared>;
  /** Recomputes members whose next status change is due at `nowAt` (Unix seconds), at most `limit` of them. */
  applyDueTransitions(due: {
    readonly nowAt: number;
    readonly limit: number;
    readonly decide: Decide;
  }): Promise<number>;
  /** Unix seconds of the earliest status change that lies ahead or is overdue; null when there is none. */
  nextTransitionAt(): Promise<number | null>;
  /**
   * Recomputes members in order of contact id, starting after `afterContactId`. `lastContactId` is null when no
   * member is left.
   */
  recomputeMembers(
    request: Recompute,
  ): Promise<{ readonly members: number; readonly lastContactId: string | null }>;
  /**
   * Declares that the cache knows every conversation changed since `coverageFromAt` (Unix seconds). Never shortens what
   * is known already.
   */
  setCoverage(coverageFromAt: number): Promise<void>;
  saveCoaches(coaches: readonly Coach[]): Promise<void>;
}

/** Runs inside the store's transaction, so it must be pure and synchronous. */
export type Decide = (facts: MemberFacts) => MemberDecision;

export interface Work {
  readonly changes: readonly CacheChange[];
  readonly cause: Cause;
  readonly nowMs: number;
  readonly decide: Decide;
  readonly completes: Completion;
  /** Objects to read again later; an entry whose `dedupeKey` is known is left as it is. */
  readonly rereads?: readonly Reread[];
  /**
   * `ask`: a conversation of a contact that the cache doesn't know makes the answer `needs`.
   * `accept`: it is cached, and waits for its contact (searching in bulk).
   */
  readonly unknownContacts: 'ask' | 'accept';
  /** `later`: members are recomputed afterwards by {@link Store.recomputeMembers} (first backfill). */
  readonly recompute: 'now' | 'later';
  /** Recomputed even if nothing became known about them. */
  readonly members?: readonly string[];
  /** Only these attributes are brought in step; the others wait for the next event or sweep. */
  readonly only?: ReadonlySet<MaintainedAttribute>;
}

/** What a leased notification and its next followers tell, in their order. */
export interface Together extends Pick<Work, 'changes' | 'nowMs' | 'decide'> {
  /** The first one's. */
  readonly lease: HeldLease;
  readonly completes: readonly { readonly id: number; readonly outcome: 'applied' | 'ignored' }[];
}

export type Completion =
  | { readonly kind: 'nothing' }
  | {
      readonly kind: 'notification';
      readonly id: number;
      readonly lease: HeldLease;
      readonly outcome: 'applied' | 'ignored';
      /** It came from this workspace, not ours: its payload goes, and {@link QueryStore.otherWorkspaces} counts it. */
      readonly otherWorkspaceId?: string;
    }
  /** The named waiting writes are in Intercom; `keptForms` are the values that Intercom keeps in another form. */
  | {
      readonly kind: 'write';
      readonly contactId: string;
      readonly lease: HeldLease;
      readonly sentWriteIds: readonly number[];
      readonly keptForms: readonly KeptForm[];
      /** `keep`: the contact was only read, the write follows under the same lease. */
      readonly afterwards: 'release' | 'keep';
    }
  | { readonly kind: 'page'; readonly page: RunPage };

export interface Reread {
  readonly dedupeKey: string;
  readonly origin: 'settle' | 'reread';
  readonly subject: Subject;
  readonly lane: string;
  readonly dueAtMs: number;
}

export type Applied =
  | {
      readonly kind: 'applied';
      /** How many members were recomputed. */
      readonly members: number;
      readonly queued: readonly QueuedChange[];
      /** For a `write` that keeps its lease: what still waits for that contact after this work. */
      readonly waiting: readonly WaitingChange[];
    }
  /** Nothing was stored: read these by id and apply again with what came back. */
  | { readonly kind: 'needs'; readonly reads: readonly Subject[] }
  /** Nothing was stored: the lease of the work is no longer the current one. */
  | { readonly kind: 'lease-lost' };

export type Compared =
  | {
      readonly kind: 'compared';
      readonly members: number;
      readonly differences: readonly (Omit<Difference, 'memberId'> & {
        /** The member had been right before. */
        readonly wasSynced: boolean;
      })[];
      /** Members that the work would take something from beside their attributes. */
      readonly losses: readonly Loss[];
    }
  | Extract<Applied, { readonly kind: 'needs' | 'lease-lost' }>;

/**
 * `erased`, `merged`: the contact is there no more · `left`: archived, or a lead now · `conversation deleted`: it loses
 * some of its history.
 */
export interface Loss {
  readonly contactId: string;
  readonly kind: 'erased' | 'merged' | 'left' | 'conversation deleted';
  readonly wasSynced: boolean;
}

export interface QueuedChange extends Change {
  readonly contactId: string;
}

export interface Recompute {
  readonly afterContactId: string | null;
  readonly limit: number;
  readonly cause: Cause;
  readonly nowMs: number;
  readonly decide: Decide;
}

export interface Coach {
  readonly id: string;
  readonly name: string | null;
  readonly email: string | null;
}
