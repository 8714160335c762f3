import type { Change, ContactFacts, ConversationFacts, MemberDecision } from '../rules/facts.js';
import type { MaintainedAttribute } from '../rules/vocabulary.js';
import type { Cause } from './store.js';

/** What is asked of the store without changing anything. */
export interface LookStore {
  /** `id` is an Intercom contact id or a User ID. Null for unknown, deleted, archived and merged contacts, and leads. */
  findMember(id: string): Promise<MemberRecord | null>;
  freshness(): Promise<Freshness>;
  /** Counts for health and metrics. */
  backlog(nowMs: number): Promise<Backlog>;
  /** True when a row could be written and read back just now. */
  canWrite(): Promise<boolean>;
  parked(): Promise<ParkedItem[]>;
  /** Notifications that belong to other workspaces; null when none ever came. */
  otherWorkspaces(): Promise<OtherWorkspaces | null>;
}

/** What is remembered of notifications that belong to other workspaces: nothing but how many came, when, from where. */
export interface OtherWorkspaces {
  readonly count: number;
  readonly lastAtMs: number;
  /** Those that were heard of last, latest first, at most 10. */
  readonly workspaces: readonly OtherWorkspace[];
}

export interface OtherWorkspace {
  /** The `app_id` of its notifications, at most 64 characters. */
  readonly id: string;
  readonly count: number;
  readonly lastAtMs: number;
}

export interface MemberRecord {
  readonly contact: ContactFacts;
  readonly decision: Omit<MemberDecision, 'changes'>;
  readonly conversations: readonly (ConversationFacts & { readonly coachName: string | null })[];
  /** Newest first, at most the latest 200. */
  readonly writes: readonly WriteRecord[];
}

export interface WriteRecord extends Change {
  readonly id: number;
  readonly contactId: string;
  readonly cause: Cause;
  /** `waiting`: not sent yet · `superseded`: a newer decision replaced it before it was sent. */
  readonly outcome: 'waiting' | 'held' | 'sent' | 'superseded' | 'parked';
  readonly reason: string | null;
  readonly attempts: number;
  readonly queuedAtMs: number;
  readonly settledAtMs: number | null;
}

export interface Freshness {
  /** When the last notification was applied, Unix seconds. */
  readonly appliedAt: number | null;
  /** End of the last sweep or backfill, Unix seconds. */
  readonly sweptAt: number | null;
  /** Everything that changed in Intercom before this instant is known, Unix seconds. */
  readonly sweptUntilAt: number | null;
  /** Last moment at which the source's totals agreed with the cache's, Unix seconds. */
  readonly completeAt: number | null;
  readonly coverageFromAt: number | null;
  /** When the last webhook came, as long as sweeps find that webhooks must have gone missing since; else null. */
  readonly silentSinceAt: number | null;
}

export interface Backlog {
  readonly notificationsWaiting: number;
  readonly oldestNotificationAgeMs: number | null;
  readonly notificationsParked: number;
  readonly writesWaiting: number;
  readonly oldestWriteAgeMs: number | null;
  readonly writesParked: number;
  readonly members: number;
  readonly conversations: number;
}

export interface ParkedItem {
  readonly kind: 'notification' | 'write';
  /** Inbox id, or contact id of the write. */
  readonly id: string;
  readonly topic: string | null;
  readonly attributes: readonly MaintainedAttribute[];
  readonly reason: string;
  readonly attempts: number;
  readonly sinceMs: number;
}
