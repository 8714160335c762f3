import type { Person } from './person.js';
import type { Reread } from '../ports/cache.js';
import type { WorkKind } from '../ports/store.js';
import type { Subject } from '../ports/subject.js';
import type { ReportedMember } from './reported-member.js';
import type { Loaded, RowChanges } from './row-set.js';
import type {
  ContactRow,
  ConversationRow,
  FightRow,
  LifecycleRow,
  MemberRow,
  NewWrite,
  OutboxRow,
  SentWrite,
  WaitingWrite,
} from './rows.js';

/**
 * The closed set of rows that a unit of work can touch, loaded by an engine before it is planned. Closed means: every
 * object that the work names, every contact that these belong to or were merged into, and everything of these contacts.
 */
export interface CacheSlice {
  /** Report time zone, IANA name. */
  readonly timeZone: string;
  /** From when on every conversation is known; null before the first backfill has ended. */
  readonly coverageFromAt: number | null;
  readonly contacts: Loaded<ContactRow>;
  readonly conversations: Loaded<ConversationRow>;
  /** By {@link keyOf}. */
  readonly lifecycles: Loaded<LifecycleRow>;
  /** By contact id. */
  readonly families: ReadonlyMap<string, ContactFamily>;
  /** The writes of which the work says that they are in Intercom now, in the order of their ids. */
  readonly sent: readonly SentWrite[];
  /** What the work names and could not be read before, by {@link keyOf}: whose it may be, null for anybody's. */
  readonly parked: Loaded<{ readonly contactId: string | null }>;
  /** How many conversations that can't be read may be anybody's. */
  readonly parkedOfAnybody: number;
}

/** Everything of one contact. */
export interface ContactFamily {
  /** All its conversations; their rows are among the slice's. */
  readonly conversationIds: readonly string[];
  readonly member: MemberRow | null;
  readonly waiting: readonly WaitingWrite[];
  readonly outbox: OutboxRow | null;
  readonly fights: readonly FightRow[];
  /** What was written last of each attribute, newest first. */
  readonly sent: readonly SentWrite[];
  /** How many objects that can't be read are known to be this contact's. */
  readonly parkedCount: number;
  /** Contacts that were merged into it. */
  readonly absorbedIds: readonly string[];
}

/** What concerns rows that no slice holds; to be done in this order, before the rows are saved. */
export type PlanStep =
  /** What a person was called before, by which payloads are recognized. */
  | {
      readonly kind: 'renamed';
      readonly contactId: string;
      readonly former: Person;
      readonly current: Person;
    }
  /** Everything of the absorbed contact is the survivor's from now on. */
  | {
      readonly kind: 'merged';
      readonly absorbedId: string;
      readonly survivorId: string;
      /** Who the absorbed one was, where the cache knew it. */
      readonly absorbed: Person | null;
    }
  /** Nothing that tells of this person may stay anywhere. */
  | {
      readonly kind: 'erased';
      /** The contact, and those that were merged into it: they were the same person. */
      readonly contactIds: readonly [string, ...string[]];
      readonly conversationIds: readonly string[];
      readonly person: Person | null;
      /** False for a second notice of the same deletion. */
      readonly isNew: boolean;
      /** The cache knew something of it. */
      readonly wasKnown: boolean;
    };

/** What a plan changes, to be saved in one transaction. */
export interface SliceDiff {
  readonly steps: readonly PlanStep[];
  readonly contacts: RowChanges<ContactRow>;
  readonly conversations: RowChanges<ConversationRow>;
  readonly lifecycles: RowChanges<LifecycleRow>;
  readonly members: RowChanges<MemberRow>;
  readonly reportedMembers: readonly ReportedMember[];
  readonly outbox: RowChanges<OutboxRow>;
  readonly fights: readonly FightRow[];
  readonly writes: WriteChanges;
  /** Objects that could be read again, or are gone. */
  readonly released: readonly Subject[];
  readonly rereads: readonly Reread[];
  /** Reports answer otherwise from now on. */
  readonly changesReports: boolean;
  /** Which loops have something to do. */
  readonly wakes: ReadonlySet<WorkKind>;
}

export interface WriteChanges {
  readonly added: readonly NewWrite[];
  readonly superseded: readonly number[];
  readonly sent: readonly number[];
  /** What Intercom holds now instead of what was compared with before. */
  readonly befores: readonly Pick<WaitingWrite, 'id' | 'before'>[];
  /** They joined an attempt that is under way. */
  readonly joined: readonly number[];
}
