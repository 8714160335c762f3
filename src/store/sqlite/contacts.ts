import { and, asc, eq, gt, sql } from 'drizzle-orm';
import { readDate } from '../../rules/calendar.js';
import type { AttributeValue, ContactFacts, KeptForm } from '../../rules/facts.js';
import type { SnapshotVersion } from '../../rules/snapshots.js';
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
  /** Reads the date columns from the attributes again, for another report time zone. */
  readonly readDatesAgain: () => void;
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
        ...datesOf(attributes, timeZone),
        employer: trimmed(attributes['Employer']),
        referral: trimmed(attributes['Referral']),
        registrationCode: trimmed(attributes['Registration Code']),
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

    readDatesAgain: () => {
      const columns = { id: contacts.id, attributes: contacts.attributes };
      const after = (afterId: string, limit: number) =>
        db
          .select(columns)
          .from(contacts)
          .where(gt(contacts.id, afterId))
          .orderBy(asc(contacts.id))
          .limit(limit)
          .all();
      for (const batch of batchesById(after)) {
        for (const { id, attributes } of batch) {
          db.update(contacts).set(datesOf(attributes, timeZone)).where(eq(contacts.id, id)).run();
        }
      }
    },
  };
}

/** The contact as the rules know it. */
export function contactFacts(row: ContactRow): ContactFacts {
  const { id, role, externalId, name, email, createdAt, updatedAt, attributes } = row;
  return { id, role, externalId, name, email, createdAt, updatedAt, attributes };
}

function datesOf(
  attributes: ContactFacts['attributes'],
  timeZone: string,
): Pick<ContactRow, 'enrolledOn' | 'registeredOn' | 'birthOn'> {
  return {
    enrolledOn: dateOn(attributes['Enrolled Date'], timeZone),
    registeredOn: dateOn(attributes['Registration Date'], timeZone),
    birthOn: dateOn(attributes['Date of Birth'], timeZone),
  };
}

function dateOn(raw: AttributeValue | undefined, timeZone: string): string | null {
  const reading = readDate(raw, timeZone);
  return reading.kind === 'date' ? reading.on : null;
}

function trimmed(value: AttributeValue | undefined): string | null {
  if (value === undefined || value === null) return null;
  const text = String(value).trim();
  return text === '' ? null : text;
}
