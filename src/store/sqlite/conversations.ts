import { isDeepStrictEqual } from 'node:util';
import { asc, desc, eq, gt, inArray, sql } from 'drizzle-orm';
import type { ConversationFacts } from '../../rules/facts.js';
import { conversationFacts } from '../plan/conversation-row.js';
import { derivedColumns } from '../plan/derive-again.js';
import type { ConversationRow } from '../plan/rows.js';
import { batchesById } from './batches-by-id.js';
import type { Connection } from './connection.js';
import { prepareRows } from './prepare-rows.js';
import { prepareUpsert, type Upsert } from './prepare-upsert.js';
import { coaches, conversations } from './schema.js';

export interface Conversations {
  readonly find: (id: string) => ConversationRow | undefined;
  readonly ofContact: (contactId: string) => ConversationRow[];
  readonly ofContactWithCoach: (contactId: string) => (ConversationFacts & { coachName: string | null })[];
  readonly put: Upsert<ConversationRow>;
  readonly remove: (ids: readonly string[]) => void;
  /**
   * Works the columns of reports out again, for rows that another version of the program has written. Answers whose
   * conversations count otherwise now.
   */
  readonly rebuildColumns: () => ReadonlySet<string>;
}

export function createConversations(connection: Connection): Conversations {
  const { db } = connection;
  const one = prepareRows(
    connection,
    conversations,
    (columns, table) => `select ${columns} from ${table} where id = ?`,
  );
  const ofContact = prepareRows(
    connection,
    conversations,
    (columns, table) => `select ${columns} from ${table} where contact_id = ?`,
  );
  const withCoach = db
    .select({ conversation: conversations, coachName: coaches.name })
    .from(conversations)
    .leftJoin(coaches, eq(coaches.id, conversations.coachId))
    .where(eq(conversations.contactId, sql.placeholder('contactId')))
    .orderBy(desc(conversations.createdAt), desc(conversations.id))
    .prepare();
  const upsert = prepareUpsert(connection, conversations, [conversations.id]);
  return {
    find: (id) => one.get(id),

    ofContact: (contactId) => ofContact.all(contactId),

    ofContactWithCoach: (contactId) =>
      withCoach
        .all({ contactId })
        .map(({ conversation, coachName }) => ({ ...conversationFacts(conversation), coachName })),

    put: upsert,

    remove: (ids) => {
      if (ids.length === 0) return;
      db.delete(conversations)
        .where(inArray(conversations.id, [...ids]))
        .run();
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
          const columns = derivedColumns(row);
          if (isDeepStrictEqual({ ...row, ...columns }, row)) continue;
          db.update(conversations).set(columns).where(eq(conversations.id, row.id)).run();
          if (row.contactId !== null) affected.add(row.contactId);
        }
      }
      return affected;
    },
  };
}
