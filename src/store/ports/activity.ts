import type { Change } from '../../rules/facts.js';
import type { MaintainedAttribute } from '../../rules/vocabulary.js';

/** What people look at to see what the service has been doing. */
export interface ActivityStore {
  /** The last `limit` entries of the inbox that came in or fell due by `nowMs`, latest first. */
  recentNotifications(limit: number, nowMs: number): Promise<readonly RecentNotification[]>;
  /**
   * The last `limit` attribute changes that were decided, newest first, and those decided together with the last one of
   * them; those of erased contacts are left out.
   */
  recentWrites(limit: number): Promise<readonly RecentWrite[]>;
  /** Attributes that somebody else keeps changing back, at most `limit`, those that wait longest first. */
  foughtOver(limit: number, nowMs: number): Promise<readonly FoughtOver[]>;
}

export interface FoughtOver {
  readonly contactId: string;
  readonly memberName: string | null;
  readonly attribute: MaintainedAttribute;
  /** How often in a row it was changed back soon after it was written. */
  readonly reversals: number;
  readonly sinceMs: number;
  /** No write before; a past one: nothing has been changed back since. */
  readonly untilMs: number;
}

export interface RecentNotification {
  readonly id: number;
  /** `settle` and `reread` are our own wishes to look at something again. */
  readonly origin: 'webhook' | 'settle' | 'reread';
  readonly topic: string | null;
  readonly subject: { readonly kind: 'conversation' | 'contact'; readonly id: string } | null;
  readonly status: 'waiting' | 'done' | 'ignored' | 'parked';
  readonly attempts: number;
  readonly reason: string | null;
  readonly receivedAtMs: number;
  readonly settledAtMs: number | null;
}

export interface RecentWrite extends Change {
  readonly id: number;
  readonly contactId: string;
  readonly memberName: string | null;
  /** What caused it: `notification`, `transition`, `sweep`, … */
  readonly causeKind: string;
  readonly outcome: 'waiting' | 'held' | 'sent' | 'superseded' | 'parked';
  readonly reason: string | null;
  readonly queuedAtMs: number;
  readonly settledAtMs: number | null;
}
