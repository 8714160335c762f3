import type { AttributeValue, ContactFacts, KeptForm } from '../../rules/facts.js';
import { heldDate } from '../../rules/held.js';
import { cutText, squeezeBlanks } from '../../rules/text.js';
import type { KeptAttribute } from '../../rules/vocabulary.js';
import type { ContactColumns, ContactRow, Seen } from './rows.js';

/** The contact as the rules know it. */
export function contactFacts(row: ContactRow): ContactFacts {
  const { id, role, externalId, name, email, createdAt, updatedAt, attributes, unreadable } = row;
  const facts = { id, role, externalId, name, email, createdAt, updatedAt, attributes };
  return unreadable.length === 0 ? facts : { ...facts, unreadable };
}

/**
 * The row of a contact as Intercom shows it; what this service knows of its own writes is taken from the row before.
 * @param timeZone report time zone, IANA name
 */
export function contactRow(
  contact: ContactFacts,
  { seenAtMs, wasRead }: Seen,
  before: ContactRow | undefined,
  timeZone: string,
): ContactRow {
  return {
    ...contact,
    unreadable: contact.unreadable ?? [],
    seenAtMs,
    wasRead,
    ...contactColumns(contact, timeZone),
    keptForms: before?.keptForms ?? [],
    ownFirstSessionAt: before?.ownFirstSessionAt ?? null,
  };
}

/** What reports read of the attributes, in this report time zone. */
export function contactColumns(
  contact: Pick<ContactFacts, 'attributes' | 'unreadable'>,
  timeZone: string,
): ContactColumns {
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

/** A later form of the same attribute replaces the one known. */
export function withKeptForms(row: ContactRow, forms: readonly KeptForm[]): ContactRow {
  const replaced = new Set(forms.map((form) => form.attribute));
  return { ...row, keptForms: [...row.keptForms.filter((form) => !replaced.has(form.attribute)), ...forms] };
}

function tidy(value: AttributeValue | undefined): string | null {
  const text = cutText(String(value ?? '')).trim();
  return squeezeBlanks(text) === '' ? null : text;
}
