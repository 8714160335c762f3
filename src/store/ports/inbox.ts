import type { HeldLease, Lease, Retry, Settlement } from './leases.js';
import type { OtherWorkspace, WebhookResult } from './queries.js';
import type { Subject } from './subject.js';

/** What has come in and waits to be processed: asked by receive and process. */
export interface InboxStore {
  /**
   * Stores a notification once. Resolves only after it is on disk (survives a power cut); calls that come together
   * share one commit. `duplicate`: its `dedupeKey` is known with the same content, nothing was stored. Under a
   * known key another content is an entry of its own, at most 8 of them for each key.
   */
  storeNotification(notification: NewNotification): Promise<'stored' | 'duplicate'>;
  /**
   * Counts a request that leaves nothing else: it is on disk with the next notification or by
   * {@link UpkeepStore.keepWebhookCounts}, and never forces a write of its own.
   */
  countWebhook(result: Exclude<WebhookResult, 'accepted' | 'duplicate' | 'parked'>, atMs: number): void;
  /** Adds to what {@link QueryStore.otherWorkspaces} tells. */
  noteOtherWorkspaces(seen: readonly OtherWorkspace[]): Promise<void>;
  /**
   * Leases the oldest due notifications, at most one per lane (a contact's events are handled strictly one at a
   * time). An expired lease counts as free. `of`: only those; all of them, webhooks first, when it is left out.
   * `followers`: so many webhooks that came after it in its lane are handed over with each; none when left out.
   */
  leaseNotifications(
    lease: Lease & { readonly followers?: number },
    of?: InboxShare,
  ): Promise<LeasedNotification[]>;
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
}

/** Where an entry of the inbox comes from: Intercom, or our own wish to look at an object again. */
export type NotificationOrigin = 'webhook' | 'settle' | 'reread';

/** What comes in from outside, and our own wishes to look at something again. */
export type InboxShare = 'webhooks' | 'own';

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
  /**
   * Tells another event under the same id from another delivery of the same one; null where only the key tells. Asked
   * only of a key that is known, and of its payload: where that is gone, it is another delivery.
   */
  readonly hashContent: ((body: Uint8Array) => string) | null;
  /** Set when the body can't be read: it is stored parked, for a person to see. */
  readonly unreadable: string | null;
}

/** What has come in, as it is handed over to be processed. */
export interface InboxEntry {
  readonly id: number;
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

export interface LeasedNotification extends InboxEntry {
  readonly lease: HeldLease;
  readonly leaseUntilMs: number;
  /**
   * Those behind it in its lane, in their order. They are not leased, but nobody else gets them while its lease lasts:
   * they can be applied together with it, or come again when it is settled.
   */
  readonly followers: readonly InboxEntry[];
}

export interface NotificationFailure {
  readonly id: number;
  readonly lease: HeldLease;
  /** Error code and sentence, without personal data. */
  readonly reason: string;
}
