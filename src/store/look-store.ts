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
  /**
   * Why this process must not use the database any more, although it could: its file was moved, deleted or replaced, or
   * another process has changed over to other settings. A sentence without paths; null while all is well. Cheap enough
   * for every request.
   */
  whyUnfit(): Promise<string | null>;
  parked(): Promise<ParkedItem[]>;
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
