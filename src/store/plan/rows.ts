import type {
  AttributeValue,
  ContactFacts,
  ConversationFacts,
  Evidence,
  KeptForm,
  NearMiss,
  Warning,
} from '../../rules/facts.js';
import type { SnapshotVersion } from '../../rules/snapshots.js';
import type {
  Channel,
  EngagementStatus,
  KeptAttribute,
  MaintainedAttribute,
  QualifyingServiceCode,
} from '../../rules/vocabulary.js';
import type { Cause } from '../ports/changes.js';

/*
 * The rows that a plan is made from and that it changes. Instants of the business are Unix seconds (`…At`), operational
 * times milliseconds (`…AtMs`), dates `YYYY-MM-DD` (`…On`). What each column is for stands in the engine's schema.
 */

/** How and when a snapshot became known. */
export type Seen = Pick<SnapshotVersion, 'seenAtMs' | 'wasRead'>;

/** What reports filter and sort members by, read from the contact's attributes once. */
export interface ContactColumns {
  readonly enrolledOn: string | null;
  readonly registeredOn: string | null;
  readonly birthOn: string | null;
  readonly employer: string | null;
  readonly referral: string | null;
  readonly registrationCode: string | null;
}

export interface ContactRow extends Omit<ContactFacts, 'unreadable'>, Seen, ContactColumns {
  readonly unreadable: readonly KeptAttribute[];
  readonly keptForms: readonly KeptForm[];
  readonly ownFirstSessionAt: number | null;
}

/** What reports read of a conversation, worked out by the rules once. */
export interface ConversationColumns {
  readonly channelName: Channel | null;
  readonly serviceCodeName: QualifyingServiceCode | null;
  readonly sessionAt: number | null;
  readonly isCoachingSession: boolean;
  readonly isQualifyingCall: boolean;
  readonly isBillable: boolean;
  readonly isNearMiss: boolean;
}

export interface ConversationRow
  extends Omit<ConversationFacts, 'hasWrongCloseTime'>, Seen, ConversationColumns {
  readonly hasWrongCloseTime: boolean;
  readonly reportedAt: number | null;
}

export interface LifecycleRow {
  readonly kind: 'contact' | 'conversation';
  readonly id: string;
  readonly state: 'live' | 'archived' | 'deleted' | 'merged';
  readonly at: number;
  readonly mergedIntoId: string | null;
}

export interface MemberRow {
  readonly contactId: string;
  readonly status: EngagementStatus | null;
  readonly nextChangeAt: number | null;
  readonly nextChangeOn: string | null;
  readonly nextChangeTo: EngagementStatus | null;
  readonly lastQualifyingAt: number | null;
  readonly evidence: readonly Evidence[];
  readonly nearMisses: readonly NearMiss[];
  readonly warnings: readonly Warning[];
  readonly decidedAtMs: number | null;
  readonly syncedAtMs: number | null;
}

/** A decided change that has not reached Intercom yet. */
export interface WaitingWrite {
  /** Null until the engine has stored it. */
  readonly id: number | null;
  readonly attribute: MaintainedAttribute;
  readonly before: AttributeValue;
  readonly after: AttributeValue;
  readonly attempts: number;
  readonly notBeforeMs: number;
  readonly parkedAtMs: number | null;
}

export interface NewWrite extends WaitingWrite {
  readonly id: null;
  readonly contactId: string;
  readonly cause: Cause;
  readonly reason: string | null;
  readonly queuedAtMs: number;
}

/** A change that has reached Intercom. */
export interface SentWrite {
  readonly id: number;
  readonly attribute: MaintainedAttribute;
  readonly after: AttributeValue;
  readonly settledAtMs: number;
}

export interface OutboxRow {
  readonly contactId: string;
  readonly rank: number;
  readonly state: 'ready' | 'held' | 'parked';
  readonly dueAtMs: number;
  readonly leaseOwner: string | null;
  readonly leasedAtMs: number | null;
  readonly leaseUntilMs: number | null;
  readonly leaseToken: number;
  readonly attempts: number;
  readonly outcomeUnknown: boolean;
  readonly reason: string | null;
  readonly parkedAtMs: number | null;
}

export interface FightRow {
  readonly contactId: string;
  readonly attribute: MaintainedAttribute;
  readonly reversals: number;
  readonly sinceMs: number;
  readonly untilMs: number;
  readonly lastWriteId: number;
}
