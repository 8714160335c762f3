import type {
  Change,
  ContactFacts,
  ConversationFacts,
  KeptForm,
  MemberDecision,
  MemberFacts,
} from '../rules/facts.js';
import type { MaintainedAttribute } from '../rules/vocabulary.js';
import type { ActivityStore } from './activity-store.js';
import type { LookStore, OtherWorkspace, WebhookResult } from './look-store.js';
import type { ParkedStore } from './parked-store.js';
import type { RunPage, RunStore } from './run-store.js';
import type { SignInStore } from './sign-in-store.js';
import type { Difference, SweepStore } from './sweep-store.js';
import type { UpkeepStore } from './upkeep-store.js';

/**
 * The port between the steps and the database. One method is one whole unit of work: it either happens completely or
 * not at all, and no caller ever holds a transaction. Operational times are milliseconds since the epoch (`…AtMs`);
 * instants of the business are Unix seconds (`…At`).
 *
 * Any engine behind it must pass `test/store-contract`. A method rejects with
 * `AppError('store_unavailable', 'later')` when the database can't be used.
 */
export interface Store
  extends RunStore, SweepStore, ParkedStore, LookStore, ActivityStore, SignInStore, UpkeepStore {
  // --- receive -----------------------------------------------------------------------------------------------
  /**
   * Stores a notification once. Resolves only after it is on disk (survives a power cut); calls that come together
   * share one commit. `duplicate`: its `dedupeKey` is known with the same `contentHash`, nothing was stored. Under a
   * known key another content is an entry of its own, at most 8 of them for each key.
   */
  storeNotification(notification: NewNotification): Promise<'stored' | 'duplicate'>;
  /**
   * Counts a request that leaves nothing else: it is on disk with the next notification or by
   * {@link UpkeepStore.keepWebhookCounts}, and never forces a write of its own.
   */
  countWebhook(result: Exclude<WebhookResult, 'accepted' | 'duplicate' | 'parked'>, atMs: number): void;
  /** Adds to what {@link LookStore.otherWorkspaces} tells. */
  noteOtherWorkspaces(seen: readonly OtherWorkspace[]): Promise<void>;

  // --- process -----------------------------------------------------------------------------------------------
  /**
   * Leases the oldest due notifications, at most one per lane (a contact's events are handled strictly one at a
   * time). An expired lease counts as free. `of`: only those; all of them, webhooks first, when it is left out.
   */
  leaseNotifications(lease: Lease, of?: InboxShare): Promise<LeasedNotification[]>;
  /**
   * Applies what is known to the cache, recomputes every member it touches through `work.decide`, brings the waiting
   * writes in step with the decisions, and settles what `work.completes` names: all in one transaction.
   */
  apply(work: Work): Promise<Applied>;
  /** What {@link Store.apply} would do; nothing is changed. */
  compare(work: Work): Promise<Compared>;
  /** Gives a leased notification back, due at `dueAtMs`. */
  retryNotification(failure: NotificationFailure & Retry): Promise<Settlement>;
  /** Takes a leased notification out of the flow until a person replays it. */
  parkNotification(failure: NotificationFailure): Promise<Settlement>;
  /** Prolongs leases until `leaseUntilMs`. Answers the ids of those that somebody else has by now, or nobody. */
  renewNotifications(
    held: readonly { readonly id: number; readonly lease: HeldLease }[],
    leaseUntilMs: number,
  ): Promise<readonly number[]>;
  /** Earliest moment at which {@link leaseNotifications} could return something; null when nothing is waiting. */
  nextNotificationDueAtMs(of?: InboxShare): Promise<number | null>;

  // --- write-back --------------------------------------------------------------------------------------------
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
  /** True while the lease is the contact's current one: asked directly before a request goes out. */
  holdsWrite(held: LeasedContact): Promise<boolean>;
  releaseHeldWrites(): Promise<number>;
  nextWriteDueAtMs(): Promise<number | null>;

  // --- transitions -------------------------------------------------------------------------------------------
  /** Recomputes members whose next status change is due at `nowAt` (Unix seconds), at most `limit` of them. */
  applyDueTransitions(due: {
    readonly nowAt: number;
    readonly limit: number;
    readonly decide: Decide;
  }): Promise<number>;
  /** Unix seconds of the earliest status change that lies ahead or is overdue; null when there is none. */
  nextTransitionAt(): Promise<number | null>;

  // --- reconcile (the runs themselves: RunStore; what they find: SweepStore) ---------------------------------
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

  // --- keeping house (what is cleared away and put right from time to time: UpkeepStore) ------------------------
  /**
   * Ties the database to one Intercom workspace: stores `id` when none is stored. Returns the stored one, so that the
   * caller can refuse a token of another workspace.
   */
  bindWorkspace(workspace: Workspace): Promise<Workspace>;
  /** Null until a workspace has been bound. */
  readWorkspace(): Promise<Workspace | null>;
  /** Ends at once every lease whose owner `isDead`; a restart need not wait for them to expire. */
  releaseDeadLeases(isDead: (owner: string) => boolean): Promise<number>;
  /** Calls `listener` after a commit that may have given `loop` work. Returns the function that stops it. */
  onWork(loop: WorkKind, listener: () => void): () => void;
  close(): Promise<void>;
}

export type WorkKind = 'inbox' | 'writes' | 'transitions' | 'erasure';

/** Runs inside the store's transaction, so it must be pure and synchronous. */
export type Decide = (facts: MemberFacts) => MemberDecision;

export interface Lease {
  /** Names this process; see {@link Store.releaseDeadLeases}. */
  readonly owner: string;
  readonly nowMs: number;
  readonly leaseMs: number;
  readonly limit: number;
  /** At most so many of those that were given back because Intercom did not answer; all of them when left out. */
  readonly waitingForIntercom?: number;
}

/** Given back, to be tried again. */
export interface Retry {
  readonly dueAtMs: number;
  /** It failed only because Intercom does not answer: the attempt does not count. */
  readonly waitsForIntercom?: boolean;
}

/**
 * What a lease is known by. The token counts up with each lease of the row: every method that settles leased work takes
 * it, and settles nothing when it is no longer the row's current one, even for the process that has the newer one.
 */
export interface HeldLease {
  readonly owner: string;
  readonly token: number;
}

/** `lease-lost`: nothing was changed, somebody else has the work by now, or it is settled. */
export type Settlement = 'settled' | 'lease-lost';

/** Where an entry of the inbox comes from: Intercom, or our own wish to look at an object again. */
export type NotificationOrigin = 'webhook' | 'settle' | 'reread';

/** What comes in from outside, and our own wishes to look at something again. */
export type InboxShare = 'webhooks' | 'own';

export interface Subject {
  readonly kind: 'conversation' | 'contact';
  readonly id: string;
}

export interface NewNotification {
  /** Intercom's notification id, or `sha256:<hex of the body>` where it has none. */
  readonly dedupeKey: string;
  readonly topic: string | null;
  /** What it is about, when that could be read. */
  readonly subject: Subject | null;
  /** Entries of one lane are handled one at a time: the contact id where known, else `conversation:<id>`. */
  readonly lane: string | null;
  /** The event's own time, Unix seconds. */
  readonly createdAt: number | null;
  readonly receivedAtMs: number;
  /** The raw bytes as signed. */
  readonly body: Uint8Array;
  /** Tells another event under the same id from another delivery of the same one; null where only the key tells. */
  readonly contentHash: string | null;
  /** Set when the body can't be read: it is stored parked, for a person to see. */
  readonly unreadable: string | null;
}

export interface LeasedNotification {
  readonly id: number;
  readonly lease: HeldLease;
  readonly leaseUntilMs: number;
  readonly origin: NotificationOrigin;
  readonly dedupeKey: string;
  readonly topic: string | null;
  readonly subject: Subject | null;
  readonly createdAt: number | null;
  readonly receivedAtMs: number;
  /** Null for our own entries. */
  readonly body: Uint8Array | null;
  /** This attempt's number, from 1. */
  readonly attempt: number;
}

export interface NotificationFailure {
  readonly id: number;
  readonly lease: HeldLease;
  /** Error code and sentence, without personal data. */
  readonly reason: string;
}

/**
 * How a snapshot was obtained, which decides where times don't: `read` was asked for by id at `observedAtMs`, `written`
 * is the answer to a write that was sent then, and both are the last word; `event` (webhook) and `search` (index that
 * lags) are not.
 */
export type Authority =
  | { readonly kind: 'event' }
  | { readonly kind: 'search' }
  /** `observedAtMs`: when the request was sent. */
  | { readonly kind: 'read' | 'written'; readonly observedAtMs: number };

/** One thing that became known about Intercom. */
export type CacheChange =
  | { readonly kind: 'conversation'; readonly conversation: ConversationFacts; readonly authority: Authority }
  /** Leaves a tombstone: an `event` or `search` snapshot of it asks for a read, and only a `read` brings it back. */
  | { readonly kind: 'conversation-deleted'; readonly id: string }
  | { readonly kind: 'contact'; readonly contact: ContactFacts; readonly authority: Authority }
  /** `at`: event time; an older lifecycle event than the one known is ignored. */
  | { readonly kind: 'contact-archived'; readonly id: string; readonly at: number }
  | { readonly kind: 'contact-unarchived'; readonly id: string; readonly at: number }
  /**
   * Erases the contact's personal data everywhere and leaves a tombstone, as above: a late event must not bring it
   * back, while a contact that Intercom still answers with by id was not deleted at all.
   */
  | { readonly kind: 'contact-deleted'; readonly id: string }
  /** Erases and leaves a tombstone for `absorbedId`; its conversations move to `survivorId`. */
  | { readonly kind: 'contact-merged'; readonly absorbedId: string; readonly survivorId: string };

/** Why a maintained attribute came to be written; `ref` names the notification, run or null. */
export interface Cause {
  readonly kind: 'notification' | 'settle' | 'transition' | 'backfill' | 'sweep' | 'sync' | 'write-back';
  readonly ref: string | null;
}

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

export type Completion =
  | { readonly kind: 'nothing' }
  | {
      readonly kind: 'notification';
      readonly id: number;
      readonly lease: HeldLease;
      readonly outcome: 'applied' | 'ignored';
      /** It came from this workspace, not ours: its payload goes, and {@link LookStore.otherWorkspaces} counts it. */
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

export interface Workspace {
  /** `GET /me` → `app.id_code`. */
  readonly id: string;
  /** `GET /me` → `app.timezone`, UTC where that names none; contact search matches dates by day in it. */
  readonly timeZone: string;
  /** Only there when `timeZone` is that substitute. */
  readonly lacksTimeZone?: true;
}
