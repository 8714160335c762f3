import { readDate, readInstant, type DateReading, type InstantReading } from './calendar.js';
import type { ContactFacts } from './facts.js';
import type { KeptAttribute } from './vocabulary.js';

type Held = Pick<ContactFacts, 'attributes' | 'unreadable'>;

/** Whether Intercom holds a list or an object where a value should be. */
export function isUnreadable({ unreadable }: Held, attribute: KeptAttribute): boolean {
  return unreadable?.includes(attribute) ?? false;
}

/** What a contact holds in an attribute that names an instant. */
export function heldInstant(held: Held, attribute: KeptAttribute): InstantReading {
  return wrongShape(held, attribute) ?? readInstant(held.attributes[attribute]);
}

/** What a contact holds in an attribute that names a date, in `timeZone` (IANA name). */
export function heldDate(held: Held, attribute: KeptAttribute, timeZone: string): DateReading {
  return wrongShape(held, attribute) ?? readDate(held.attributes[attribute], timeZone);
}

/** Programs write 0 for "none", while it means the first second of 1970: somebody may be born then, nothing else. */
function wrongShape(
  held: Held,
  attribute: KeptAttribute,
): { readonly kind: 'unreadable'; readonly why: string } | null {
  if (isUnreadable(held, attribute)) {
    return { kind: 'unreadable', why: 'it is a list or an object, not a single value' };
  }
  const value = held.attributes[attribute];
  const isZero = value === 0 || (typeof value === 'string' && /^ *[+-]?0+ *$/.test(value.slice(0, 20)));
  return isZero && attribute !== 'Date of Birth' ? { kind: 'unreadable', why: '0 is no date' } : null;
}
