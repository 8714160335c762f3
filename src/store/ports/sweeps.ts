import type { AttributeValue } from '../../rules/facts.js';
import type { MaintainedAttribute } from '../../rules/vocabulary.js';
import type { RunPage } from './runs.js';
import type { CacheChange } from './changes.js';
import type { Subject } from './subject.js';

/**
 * What a sweep needs of the store. What it finds is kept beside the cache until all of it is known, so that a run can
 * say what it would change, and stop, before anything is changed. Only one run is unfinished at a time, so all of this
 * is about that run; its end forgets what was found.
 */
export interface SweepStore {
  /** Keeps those of `changes` that tell the cache something new, and which objects were `seen`, with the page. */
  keepFound(found: Found): Promise<void>;
  /**
   * Members in order of contact id behind `afterContactId`, with everything found about them. `found`: only members of
   * whom something was found or kept as different; `all`: every other member too.
   */
  nextFound(request: {
    readonly runId: string;
    readonly scope: 'found' | 'all';
    readonly afterContactId: string | null;
    readonly limit: number;
  }): Promise<FoundMembers>;
  /** Keeps how members differ from what Intercom holds, with the page. */
  keepDrift(drift: {
    readonly page: RunPage;
    readonly differences: readonly Omit<Difference, 'memberId'>[];
  }): Promise<void>;
  /** The differences of a run, in order of contact id, behind the place `after`. */
  listDrift(request: {
    readonly runId: string;
    readonly limit: number;
    readonly after: string | null;
  }): Promise<DriftList>;
  /**
   * Looks through at most `limit` cached objects, in order, behind `after`, for those that the run should have seen and
   * has not: members that were there by `untilAt`, conversations that changed within `changed` (Unix seconds).
   */
  listUnseen(request: {
    readonly changed: { readonly fromAt: number; readonly untilAt: number };
    readonly after: Subject | null;
    readonly limit: number;
  }): Promise<Unseen>;
  countCached(
    conversationsFromAt: number,
  ): Promise<{ readonly members: number; readonly conversations: number }>;
  /** Members whose attributes in Intercom have been right at least once. */
  countSynced(): Promise<number>;
  /** What has become of the writes that a run caused, in members. */
  countWritesOf(runId: string): Promise<WritesOfRun>;
  /**
   * How long webhooks have been silent while the run found changes that they should have told of. Remembers it for
   * {@link Freshness}.silentSinceAt when that is longer than usual.
   */
  detectSilence(nowMs: number): Promise<void>;
}

export interface Found {
  readonly page: RunPage;
  readonly changes: readonly CacheChange[];
  readonly seen: readonly Subject[];
  readonly nowMs: number;
}

export interface Unseen {
  readonly subjects: readonly Subject[];
  /** The last object that was looked at; null when none is left. */
  readonly last: Subject | null;
}

export interface FoundMembers {
  readonly contactIds: readonly string[];
  readonly changes: readonly CacheChange[];
  /** Null when no member is left. */
  readonly lastContactId: string | null;
}

/** One attribute of one member that is not in Intercom as it should be. */
export interface Difference {
  readonly contactId: string;
  /** User ID, or the contact id where there is none. */
  readonly memberId: string;
  readonly attribute: MaintainedAttribute;
  /** Intercom's value. */
  readonly before: AttributeValue;
  /** Ours. */
  readonly after: AttributeValue;
  readonly why: string;
}

export interface DriftList {
  readonly differences: readonly Difference[];
  readonly total: number;
  /** Null on the last page. */
  readonly next: string | null;
}

export interface WritesOfRun {
  readonly waiting: number;
  /** Those of them that have been tried without success, or wait because they are fought over. */
  readonly failing: number;
  readonly held: number;
  readonly parked: number;
  readonly sent: number;
}
