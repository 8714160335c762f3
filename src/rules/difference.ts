import { readInstant } from './calendar.js';
import type { AttributeValue, Change, ContactFacts, Evidence, KeptForm } from './facts.js';
import { fold } from './text.js';
import { ATTRIBUTE_TYPES, type KeptAttribute, type MaintainedAttribute } from './vocabulary.js';

/** An attribute's raw value as Intercom holds it; null when it has none. */
export function heldValue(held: ContactFacts['attributes'], attribute: KeptAttribute): AttributeValue {
  return held[attribute] ?? null;
}

/**
 * Whether two raw values of `attribute` mean the same: dates as instants (a number in a string equals the number), all
 * else trimmed and without regard to case; null, absent and blank are one.
 */
export function sameValue(attribute: KeptAttribute, one: AttributeValue, other: AttributeValue): boolean {
  if (ATTRIBUTE_TYPES[attribute] === 'date') {
    const first = readInstant(one);
    const second = readInstant(other);
    if (first.kind === 'instant' && second.kind === 'instant') return first.at === second.at;
  }
  return fold(String(one ?? '')) === fold(String(other ?? ''));
}

/** Whether Intercom, holding `held`, needs no write for `wanted`: the same value, or the form it keeps that value in. */
export function satisfies(
  attribute: MaintainedAttribute,
  held: AttributeValue,
  wanted: AttributeValue,
  keptForms: readonly KeptForm[],
): boolean {
  if (sameValue(attribute, held, wanted)) return true;
  return keptForms.some(
    (form) =>
      form.attribute === attribute &&
      sameValue(attribute, form.sent, wanted) &&
      sameValue(attribute, form.kept, held),
  );
}

const DAY_SECONDS = 86_400;

/**
 * Whether `kept` can be the form in which Intercom keeps `sent`: for dates an instant less than a day away, because
 * workspaces may cut a date to its day. Anything else in the answer to a write is another value.
 */
export function isKeptForm({ attribute, sent, kept }: KeptForm): boolean {
  if (ATTRIBUTE_TYPES[attribute] !== 'date') return false;
  const first = readInstant(sent);
  const second = readInstant(kept);
  return (
    first.kind === 'instant' && second.kind === 'instant' && Math.abs(first.at - second.at) < DAY_SECONDS
  );
}

/** The smallest change that makes `held` (the contact's raw attributes in Intercom) what `evidence` wants. */
export function differ(
  evidence: readonly Evidence[],
  held: ContactFacts['attributes'],
  keptForms: readonly KeptForm[],
): Change[] {
  return evidence.flatMap(({ attribute, wanted }) => {
    const before = heldValue(held, attribute);
    if (wanted.kind === 'leave' || satisfies(attribute, before, wanted.value, keptForms)) return [];
    return [{ attribute, before, after: wanted.value }];
  });
}
