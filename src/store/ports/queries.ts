import type { Change, ContactFacts, ConversationFacts, MemberDecision } from '../../rules/facts.js';
import type { MaintainedAttribute } from '../../rules/vocabulary.js';
import type { Cause } from './changes.js';

/** What is asked of the store without changing anything. */
export interface QueryStore {
  /** `id` is an Intercom contact id or a User ID. Null for unknown, deleted, archived and merged contacts, and leads. */
  findMember(id: string): Promise<MemberRecord | null>;
  freshness(): Promise<Freshness>;
  /** Counts for health and metrics. */
  backlog(nowMs: number): Promise<Backlog>;
  /** True when a row could be written and read back just now. */
  canWrite(): Promise<boolean>;
  /**
   * What waits for a person, oldest first: at most `limit` (1000), behind the place `after` (from {@link parkedPlace}).
   */
  parked(page?: { readonly limit?: number; readonly after?: string | null }): Promise<ParkedItem[]>;
  countParked(): Promise<number>;
  /**
   * Why this process must not use the database any more, although it could: its file was moved, deleted or replaced, or
   * another process has changed over to other settings. A sentence without paths; null while all is well. Cheap enough
   * for every request.
   */
  whyUnfit(): Promise<string | null>;
  /** What came to the webhook's address in the hours from the one that holds `fromAt` (Unix seconds) on, oldest first. */
  webhookHours(fromAt: number): Promise<readonly WebhookHour[]>;
  /** Notifications that belong to other workspaces; null when none ever came. */
  otherWorkspaces(): Promise<OtherWorkspaces | null>;
}

/** What became of a request to the webhook's address; `refused` and `ignored` (pings among them) leave no row. */
export const WEBHOOK_RESULTS = ['accepted', 'duplicate', 'parked', 'ignored', 'refused'] as const;
export type WebhookResult = (typeof WEBHOOK_RESULTS)[number];

export interface WebhookHour {
  /** Its beginning, Unix seconds. */
  readonly hourAt: number;
  readonly result: WebhookResult;
  readonly count: number;
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
  /** Attributes of single members that somebody else keeps changing back. */
  readonly attributesFoughtOver: number;
  /** Contacts and conversations that can't be read. */
  readonly objectsParked: number;
  readonly members: number;
  readonly conversations: number;
  /** Since the oldest erasure for which payloads are still looked through; null when all is done. */
  readonly erasureAgeMs: number | null;
  /** Of the write-ahead log: it grows as long as a reader holds on to an old state. */
  readonly logBytes: number;
}

export interface ParkedItem {
  /** `contact`, `conversation`: an object of Intercom's that can't be read. */
  readonly kind: 'notification' | 'write' | 'contact' | 'conversation';
  /** Inbox id, contact id of the write, or the object's own. */
  readonly id: string;
  readonly topic: string | null;
  readonly attributes: readonly MaintainedAttribute[];
  readonly reason: string;
  readonly attempts: number;
  readonly sinceMs: number;
}

/** The place of `item` in the list of {@link QueryStore.parked}. */
export function parkedPlace({ kind, id, sinceMs }: ParkedItem): string {
  return `${sinceMs}.${kind}.${id}`;
}

/** Whether `text` can be a place of that list. */
export function isParkedPlace(text: string): boolean {
  return PARKED_PLACE.test(text);
}

/** Milliseconds, kind, id. */
export const PARKED_PLACE = /^(\d{1,16})\.(notification|write|contact|conversation)\.(#?[\w-]{1,200})$/;
