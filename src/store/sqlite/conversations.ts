import { desc, eq, inArray, sql } from 'drizzle-orm';
import type { ConversationFacts } from '../../rules/facts.js';
import {
  channelOf,
  isBillableCall,
  isCoachingSession,
  isQualifyingCall,
  serviceCodeOf,
  sessionAt,
} from '../../rules/sessions.js';
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
        seenAtMs,
        wasRead,
        channelName: channelOf(conversation),
        serviceCodeName: serviceCodeOf(conversation),
        sessionAt: sessionAt(conversation),
        isCoachingSession: isCoachingSession(conversation),
        isQualifyingCall: isQualifyingCall(conversation),
        isBillable: isBillableCall(conversation),
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
  };
}

/** The conversation as the rules know it. */
export function conversationFacts(row: ConversationRow): ConversationFacts {
  const { id, contactId, createdAt, updatedAt, state, channel, serviceCode, coachId, lastCloseAt } = row;
  return { id, contactId, createdAt, updatedAt, state, channel, serviceCode, coachId, lastCloseAt };
}
