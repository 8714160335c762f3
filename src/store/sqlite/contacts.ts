import { and, asc, eq, gt, sql } from 'drizzle-orm';
import type { AttributeValue, ContactFacts, KeptForm } from '../../rules/facts.js';
import { heldDate } from '../../rules/held.js';
import type { SnapshotVersion } from '../../rules/snapshots.js';
import { cutText, squeezeBlanks } from '../../rules/text.js';
import type { KeptAttribute } from '../../rules/vocabulary.js';
import { batchesById } from './batches-by-id.js';
import type { Connection } from './connection.js';
import { prepareUpsert } from './prepare-upsert.js';
import { contacts } from './schema.js';

/** How and when a snapshot became known. */
export type Seen = Pick<SnapshotVersion, 'seenAtMs' | 'wasRead'>;

export type ContactRow = typeof contacts.$inferSelect;

export interface Contacts {
  readonly find: (id: string) => ContactRow | undefined;
  /** Replaces what Intercom says of the contact; what this service knows of its own writes stays. */
  readonly save: (contact: ContactFacts, seen: Seen) => void;
  readonly setSeen: (id: string, seen: Seen) => void;
  /** A later form of the same attribute replaces the one known. */
  readonly keepForms: (id: string, forms: readonly KeptForm[]) => void;
  readonly setOwnFirstSession: (id: string, at: number | null) => void;
  readonly remove: (id: string) => void;
  /** Ids of contacts with role user, in order, behind `afterId`. */
  readonly userIdsAfter: (afterId: string | null, limit: number) => string[];
  /** Reads the columns of reports from the attributes again, for another report time zone or by other rules. */
  readonly rebuildColumns: () => void;
}

export function createContacts(connection: Connection, timeZone: string): Contacts {
  const { db } = connection;
  const one = db
    .select()
    .from(contacts)
    .where(eq(contacts.id, sql.placeholder('id')))
    .prepare();
  const upsert = prepareUpsert(connection, contacts, [contacts.id]);
  const users = db
    .select({ id: contacts.id })
    .from(contacts)
    .where(and(eq(contacts.role, 'user'), gt(contacts.id, sql.placeholder('afterId'))))
    .orderBy(asc(contacts.id))
    .limit(sql.placeholder('limit'))
    .prepare();
  const find: Contacts['find'] = (id) => one.get({ id });

  return {
    find,

    save: (contact, { seenAtMs, wasRead }) => {
      const known = find(contact.id);
      const { attributes } = contact;
      upsert({
        id: contact.id,
        role: contact.role,
        externalId: contact.externalId,
        name: contact.name,
        email: contact.email,
        createdAt: contact.createdAt,
        updatedAt: contact.updatedAt,
        seenAtMs,
        wasRead,
        attributes,
        unreadable: contact.unreadable ?? [],
        ...reportedColumns(contact, timeZone),
        keptForms: known?.keptForms ?? [],
        ownFirstSessionAt: known?.ownFirstSessionAt ?? null,
      });
    },

    setSeen: (id, { seenAtMs, wasRead }) => {
      db.update(contacts).set({ seenAtMs, wasRead }).where(eq(contacts.id, id)).run();
    },

    keepForms: (id, forms) => {
      const known = find(id);
      if (known === undefined || forms.length === 0) return;
      const replaced = new Set(forms.map((form) => form.attribute));
      const keptForms = [...known.keptForms.filter((form) => !replaced.has(form.attribute)), ...forms];
      db.update(contacts).set({ keptForms }).where(eq(contacts.id, id)).run();
    },

    setOwnFirstSession: (id, at) => {
      db.update(contacts).set({ ownFirstSessionAt: at }).where(eq(contacts.id, id)).run();
    },

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
          db.update(contacts).set(reportedColumns(row, timeZone)).where(eq(contacts.id, row.id)).run();
        }
      }
    },
  };
}

/** The contact as the rules know it. */
export function contactFacts(row: ContactRow): ContactFacts {
  const { id, role, externalId, name, email, createdAt, updatedAt, attributes, unreadable } = row;
  const facts = { id, role, externalId, name, email, createdAt, updatedAt, attributes };
  return unreadable.length === 0 ? facts : { ...facts, unreadable };
}

function reportedColumns(
  contact: Pick<ContactFacts, 'attributes' | 'unreadable'>,
  timeZone: string,
): Pick<
  ContactRow,
  'enrolledOn' | 'registeredOn' | 'birthOn' | 'employer' | 'referral' | 'registrationCode'
> {
  const { attributes } = contact;
  const dateOn = (attribute: KeptAttribute): string | null => {
    const reading = heldDate(contact, attribute, timeZone);
    return reading.kind === 'date' ? reading.on : null;
  };
  return {
    enrolledOn: dateOn('Enrolled Date'),
    registeredOn: dateOn('Registration Date'),
    birthOn: dateOn('Date of Birth'),
    employer: tidy(attributes['Employer']),
    referral: tidy(attributes['Referral']),
    registrationCode: tidy(attributes['Registration Code']),
  };
}

function tidy(value: AttributeValue | undefined): string | null {
  const text = cutText(String(value ?? '')).trim();
  return squeezeBlanks(text) === '' ? null : text;
}
