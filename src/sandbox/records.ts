/** What the sandbox holds in memory. Records are never changed in place: every change puts a new one on its shelf. */

export type AttributeValues = Readonly<Record<string, string | number | boolean | null>>;

interface MergeHistoryEntry {
  readonly sourceContactId: string;
  readonly sourceContactRole: 'user' | 'lead';
  readonly mergedAt: number;
}

/** A contact. Instants are Unix seconds (UTC). */
export interface ContactRecord {
  readonly id: string;
  readonly role: 'user' | 'lead';
  /** A lead has a uuid here that Intercom made up. */
  readonly externalId: string | null;
  readonly email: string | null;
  readonly phone: string | null;
  readonly name: string | null;
  readonly ownerId: number | null;
  readonly unsubscribedFromEmails: boolean;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly signedUpAt: number | null;
  readonly lastSeenAt: number | null;
  readonly lastRepliedAt: number | null;
  readonly lastContactedAt: number | null;
  readonly archived: boolean;
  readonly customAttributes: AttributeValues;
  readonly mergeHistory: readonly MergeHistoryEntry[];
}

export type ConversationState = 'open' | 'closed' | 'snoozed';

export interface Author {
  readonly type: 'admin' | 'user' | 'lead' | 'bot';
  readonly id: string;
}

export interface PartRecord {
  readonly id: string;
  readonly partType: 'comment' | 'open' | 'close' | 'assignment' | 'snoozed' | 'unsnoozed';
  readonly createdAt: number;
  readonly author: Author;
  readonly body: string | null;
  readonly assignedTo: string | null;
  readonly state: ConversationState;
}

/** Null where the thing never happened, as in a conversation that nobody closed yet. */
export interface StatisticsRecord {
  readonly firstContactReplyAt: number | null;
  readonly firstAdminReplyAt: number | null;
  readonly lastContactReplyAt: number | null;
  readonly lastAdminReplyAt: number | null;
  readonly firstAssignmentAt: number | null;
  readonly lastAssignmentAt: number | null;
  readonly firstCloseAt: number | null;
  readonly lastCloseAt: number | null;
  readonly lastClosedById: string | null;
  readonly countReopens: number;
  readonly countAssignments: number;
}

/** A conversation. Instants are Unix seconds (UTC). */
export interface ConversationRecord {
  readonly id: string;
  readonly title: string | null;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly waitingSince: number | null;
  readonly snoozedUntil: number | null;
  readonly state: ConversationState;
  readonly read: boolean;
  readonly adminAssigneeId: number | null;
  readonly contactIds: readonly string[];
  readonly source: { readonly type: string; readonly body: string; readonly author: Author };
  readonly customAttributes: AttributeValues;
  /** Null for a conversation that was imported and has none. */
  readonly statistics: StatisticsRecord | null;
  readonly parts: readonly PartRecord[];
}

export interface AdminRecord {
  readonly id: number;
  readonly name: string;
  readonly email: string;
  readonly jobTitle: string;
}

export type AttributeType = 'string' | 'integer' | 'float' | 'boolean' | 'date';

/** A custom data attribute of one model. */
export interface AttributeRecord {
  readonly id: number;
  readonly name: string;
  readonly description: string;
  readonly dataType: AttributeType;
  /** Allowed values of a list; null for any value. */
  readonly options: readonly string[] | null;
  readonly apiWritable: boolean;
  readonly messengerWritable: boolean;
  readonly archived: boolean;
  readonly createdAt: number;
  readonly updatedAt: number;
}

export type AttributeModel = 'contact' | 'company' | 'conversation';

/** What became of a contact that is no longer there. */
export type Departed = { readonly kind: 'deleted' } | { readonly kind: 'merged'; readonly intoId: string };
