import { isDeepStrictEqual } from 'node:util';
import { and, asc, desc, eq, gt, inArray, isNotNull, sql } from 'drizzle-orm';
import { EARLIEST_EVENT_AT } from '../../rules/calendar.js';
import type { ConversationFacts } from '../../rules/facts.js';
import {
  channelOf,
  isBillableCall,
  isCoachingSession,
  isQualifyingCall,
  nearMiss,
  serviceCodeOf,
  sessionAt,
} from '../../rules/sessions.js';
import { batchesById } from './batches-by-id.js';
import type { Connection } from './connection.js';
import type { Seen } from './contacts.js';
import { prepareUpsert } from './prepare-upsert.js';
import { coaches, conversations } from './schema.js';

export type ConversationRow = typeof conversations.$inferSelect;

export interface Conversations {
  readonly find: (id: string) => ConversationRow | undefined;
  readonly ofContact: (contactId: string) => ConversationFacts[];
  readonly ofContactWithCoach: (contactId: string) => (ConversationFacts & { coachName: string | null })[];
  readonly save: (conversation: ConversationFacts, seen: Seen) => void;
  readonly setSeen: (id: string, seen: Seen) => void;
  readonly move: (fromContactId: string, toContactId: string) => void;
  readonly remove: (ids: readonly string[]) => void;
  /** Lets reports count the contact's conversations, or no longer; a saved one is not counted before this is called. */
  readonly setReported: (contactId: string, isMember: boolean) => void;
  /**
   * Works the columns of reports out again, for rows that another version of the program has written. Answers whose
   * conversations count otherwise now.
   */
  readonly rebuildColumns: () => ReadonlySet<string>;
}

export function createConversations(connection: Connection): Conversations {
  const { db } = connection;
  const one = db
    .select()
    .from(conversations)
    .where(eq(conversations.id, sql.placeholder('id')))
    .prepare();
  const ofContact = db
    .select()
    .from(conversations)
    .where(eq(conversations.contactId, sql.placeholder('contactId')))
    .prepare();
  const withCoach = db
    .select({ conversation: conversations, coachName: coaches.name })
    .from(conversations)
    .leftJoin(coaches, eq(coaches.id, conversations.coachId))
    .where(eq(conversations.contactId, sql.placeholder('contactId')))
    .orderBy(desc(conversations.createdAt), desc(conversations.id))
    .prepare();
  const upsert = prepareUpsert(connection, conversations, [conversations.id]);
  const report = db
    .update(conversations)
    .set({ reportedAt: sql`${conversations.sessionAt}` })
    .where(
      and(
        eq(conversations.contactId, sql.placeholder('contactId')),
        sql`${conversations.reportedAt} is not ${conversations.sessionAt}`,
      ),
    )
    .prepare();
  const hide = db
    .update(conversations)
    .set({ reportedAt: null })
    .where(
      and(eq(conversations.contactId, sql.placeholder('contactId')), isNotNull(conversations.reportedAt)),
    )
    .prepare();

  return {
    find: (id) => one.get({ id }),

    ofContact: (contactId) => ofContact.all({ contactId }).map(conversationFacts),

    ofContactWithCoach: (contactId) =>
      withCoach
        .all({ contactId })
        .map(({ conversation, coachName }) => ({ ...conversationFacts(conversation), coachName })),

    save: (conversation, { seenAtMs, wasRead }) =>
      upsert({
        ...conversation,
        hasWrongCloseTime: conversation.hasWrongCloseTime === true,
        seenAtMs,
        wasRead,
        ...reportedColumns(conversation),
        reportedAt: null,
      }),

    setSeen: (id, { seenAtMs, wasRead }) => {
      db.update(conversations).set({ seenAtMs, wasRead }).where(eq(conversations.id, id)).run();
    },

    move: (fromContactId, toContactId) => {
      const from = eq(conversations.contactId, fromContactId);
      db.update(conversations).set({ contactId: toContactId }).where(from).run();
    },

    remove: (ids) => {
      db.delete(conversations)
        .where(inArray(conversations.id, [...ids]))
        .run();
    },

    setReported: (contactId, isMember) => {
      (isMember ? report : hide).run({ contactId });
    },

    rebuildColumns: () => {
      const affected = new Set<string>();
      for (const batch of batchesById((afterId, limit) =>
        db
          .select()
          .from(conversations)
          .where(gt(conversations.id, afterId))
          .orderBy(asc(conversations.id))
          .limit(limit)
          .all(),
      )) {
        for (const row of batch) {
          const facts = withPossibleClose(conversationFacts(row));
          const columns = {
            ...reportedColumns(facts),
            lastCloseAt: facts.lastCloseAt,
            hasWrongCloseTime: facts.hasWrongCloseTime === true,
          };
          if (isDeepStrictEqual({ ...row, ...columns }, row)) continue;
          db.update(conversations).set(columns).where(eq(conversations.id, row.id)).run();
          if (row.contactId !== null) affected.add(row.contactId);
        }
      }
      return affected;
    },
  };
}

/** What reports read of a conversation. */
function reportedColumns(conversation: ConversationFacts) {
  return {
    channelName: channelOf(conversation),
    serviceCodeName: serviceCodeOf(conversation),
    sessionAt: sessionAt(conversation),
    isCoachingSession: isCoachingSession(conversation),
    isQualifyingCall: isQualifyingCall(conversation),
    isBillable: isBillableCall(conversation),
    isNearMiss: nearMiss(conversation) !== null,
  } satisfies Partial<ConversationRow>;
}

/** Earlier versions took every number for the time of a close, 0 too. */
function withPossibleClose(conversation: ConversationFacts): ConversationFacts {
  const { lastCloseAt } = conversation;
  if (lastCloseAt === null || lastCloseAt >= EARLIEST_EVENT_AT) return conversation;
  return { ...conversation, lastCloseAt: null, hasWrongCloseTime: true };
}

/** The conversation as the rules know it. */
export function conversationFacts(row: ConversationRow): ConversationFacts {
  const { id, contactId, createdAt, updatedAt, state, channel, serviceCode, coachId, lastCloseAt } = row;
  const facts = { id, contactId, createdAt, updatedAt, state, channel, serviceCode, coachId, lastCloseAt };
  return row.hasWrongCloseTime ? { ...facts, hasWrongCloseTime: true } : facts;
}
