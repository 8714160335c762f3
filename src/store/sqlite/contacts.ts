import { and, asc, eq, gt, sql } from 'drizzle-orm';
import { contactColumns } from '../plan/contact-row.js';
import type { ContactRow } from '../plan/rows.js';
import { batchesById } from './batches-by-id.js';
import type { Connection } from './connection.js';
import { prepareRows } from './prepare-rows.js';
import { prepareUpsert, type Upsert } from './prepare-upsert.js';
import { contacts } from './schema.js';

export interface Contacts {
  readonly find: (id: string) => ContactRow | undefined;
  readonly put: Upsert<ContactRow>;
  readonly remove: (id: string) => void;
  /** Ids of contacts with role user, in order, behind `afterId`. */
  readonly userIdsAfter: (afterId: string | null, limit: number) => string[];
  /** Reads the columns of reports from the attributes again, for another report time zone or by other rules. */
  readonly rebuildColumns: () => void;
}

export function createContacts(connection: Connection, timeZone: string): Contacts {
  const { db } = connection;
  const one = prepareRows(
    connection,
    contacts,
    (columns, table) => `select ${columns} from ${table} where id = ?`,
  );
  const upsert = prepareUpsert(connection, contacts, [contacts.id]);
  const users = db
    .select({ id: contacts.id })
    .from(contacts)
    .where(and(eq(contacts.role, 'user'), gt(contacts.id, sql.placeholder('afterId'))))
    .orderBy(asc(contacts.id))
    .limit(sql.placeholder('limit'))
    .prepare();

  return {
    find: (id) => one.get(id),

    put: upsert,

    remove: (id) => {
      db.delete(contacts).where(eq(contacts.id, id)).run();
    },

    userIdsAfter: (afterId, limit) => users.all({ afterId: afterId ?? '', limit }).map((row) => row.id),

    rebuildColumns: () => {
      const columns = { id: contacts.id, attributes: contacts.attributes, unreadable: contacts.unreadable };
      const after = (afterId: string, limit: number) =>
        db
          .select(columns)
          .from(contacts)
          .where(gt(contacts.id, afterId))
          .orderBy(asc(contacts.id))
          .limit(limit)
          .all();
      for (const batch of batchesById(after)) {
        for (const row of batch) {
          db.update(contacts).set(contactColumns(row, timeZone)).where(eq(contacts.id, row.id)).run();
        }
      }
    },
  };
}
