import type { CLOSE_TIME, EngagementStatus, KeptAttribute, MaintainedAttribute } from './vocabulary.js';

/** A custom attribute's value as Intercom holds it, untouched. Dates are Unix seconds, sometimes strings. */
export type AttributeValue = string | number | boolean | null;

/** What the rules know of an Intercom contact. Instants are Unix seconds (UTC). */
export interface ContactFacts {
  readonly id: string;
  /** Only `user` is a member; a lead is cached, never written and never reported. */
  readonly role: 'user' | 'lead';
  /** Intercom's User ID. */
  readonly externalId: string | null;
  readonly name: string | null;
  readonly email: string | null;
  readonly createdAt: number | null;
  readonly updatedAt: number;
  /** Raw values, keyed by display name; an attribute that is absent or null has no value. */
  readonly attributes: Readonly<Partial<Record<KeptAttribute, AttributeValue>>>;
  /** Attributes that hold a list or an object, which is no value: they count as missing. Absent when there are none. */
  readonly unreadable?: readonly KeptAttribute[];
}

/** What the rules know of an Intercom conversation. Instants are Unix seconds (UTC). */
export interface ConversationFacts {
  readonly id: string;
  /** The first contact of the conversation's contact list; null when it has none. */
  readonly contactId: string | null;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly state: 'open' | 'closed' | 'snoozed';
  /** `Channel` as written in Intercom, trimmed; null when empty. */
  readonly channel: string | null;
  /** `Service Code` as written in Intercom, trimmed; null when empty. */
  readonly serviceCode: string | null;
  /** `admin_assignee_id`. */
  readonly coachId: string | null;
  /** `statistics.last_close_at`; null before any close, and where it can't be one. */
  readonly lastCloseAt: number | null;
  /** `statistics.last_close_at` is there and can't be a close (0, another century, after the last update). */
  readonly hasWrongCloseTime?: true;
}

/** One attribute that has to change in Intercom. `after: null` clears it. */
export interface Change {
  readonly attribute: MaintainedAttribute;
  readonly before: AttributeValue;
  readonly after: AttributeValue;
}

/** All that a decision about one member depends on, besides the settings in {@link DecisionContext}. */
export interface MemberFacts {
  readonly contact: ContactFacts;
  /** Every cached conversation whose first contact is this one, in any order. */
  readonly conversations: readonly ConversationFacts[];
  /**
   * The cache knows every conversation that changed at or after this instant; null while no backfill has finished
   * (then nothing in Intercom is corrected downwards).
   */
  readonly coverageFromAt: number | null;
  /** Changes decided earlier that have not reached Intercom yet. */
  readonly waiting: readonly Change[];
  /** `First Session Date` as this service last wrote it; null when it never did (or cleared it). */
  readonly ownFirstSessionAt: number | null;
  /**
   * Forms in which Intercom keeps values that we wrote differently (say, a date cut to midnight): such a value counts
   * as equal to the one we sent, otherwise we would write it for ever.
   */
  readonly keptForms: readonly KeptForm[];
}

export interface KeptForm {
  readonly attribute: MaintainedAttribute;
  readonly sent: AttributeValue;
  readonly kept: AttributeValue;
}

export interface DecisionContext {
  /** Now, Unix seconds. */
  readonly nowAt: number;
  /** False while `nowAt` can't be believed: what depends on the day is left as it is, and decided again at once after. */
  readonly isDayKnown?: boolean;
  /** Report time zone, IANA name. */
  readonly timeZone: string;
  readonly eligibleProgramsByReferral: Readonly<Record<string, string>>;
}

/** Why a maintained attribute has the value it has. */
export interface Evidence {
  readonly attribute: MaintainedAttribute;
  /** The value that should stand in Intercom; `leave` when this service has no say in it for this member. */
  readonly wanted: { readonly kind: 'value'; readonly value: AttributeValue } | { readonly kind: 'leave' };
  /** A sentence for people, without names: which rule gave this value, with its dates and day counts. */
  readonly because: string;
  /** Conversations that the value comes from (none when it comes from an attribute or from Intercom). */
  readonly conversationIds: readonly string[];
  /** Calendar dates and day counts that were used, by name, for machines (`calledOn`, `daysSince`, …). */
  readonly figures: Readonly<Record<string, string | number | null>>;
}

/** A closed conversation that does not count, and what would have to change for it to count. */
export interface NearMiss {
  readonly conversationId: string;
  readonly closedAt: number;
  readonly coachId: string | null;
  /** For people: "Service Code empty", "Channel unknown: Phnoe". */
  readonly reasons: readonly string[];
}

/** Something unreadable in the member's data, left out of the computation. */
export interface Warning {
  readonly attribute: KeptAttribute | typeof CLOSE_TIME;
  /** For people, without the value itself when it could be personal. */
  readonly message: string;
}

export interface NextChange {
  /** 00:00 in the report time zone of the day on which the status changes, Unix seconds. */
  readonly at: number;
  /** The same as a calendar date. */
  readonly on: string;
  readonly to: EngagementStatus;
}

/** What the rules say of one member: a pure function of {@link MemberFacts} and {@link DecisionContext}. */
export interface MemberDecision {
  /** One per maintained attribute, in the order of `MAINTAINED_ATTRIBUTES`. */
  readonly evidence: readonly Evidence[];
  /** The smallest change that makes Intercom right; empty when it is. */
  readonly changes: readonly Change[];
  /** Null for a contact without Enrolled Date. */
  readonly status: EngagementStatus | null;
  /** Null when no status change lies ahead without a new event. */
  readonly nextChange: NextChange | null;
  /** Session time of the latest qualifying coaching call, as cached (not as held in Intercom). */
  readonly lastQualifyingAt: number | null;
  readonly nearMisses: readonly NearMiss[];
  readonly warnings: readonly Warning[];
}
