import { AppError } from '../errors.js';
import { isKeptForm, sameValue } from '../rules/difference.js';
import type { AttributeValue, Change, ContactFacts, KeptForm } from '../rules/facts.js';

/** True when the contact holds what the change wants. */
export function isHeld(contact: ContactFacts, change: Change): boolean {
  return sameValue(change.attribute, heldValue(contact, change), change.after);
}

/**
 * Values that Intercom answers in another form than we sent (a date cut to its day, say).
 * @throws AppError (retry later, after reading) when the answer holds another value: somebody else was faster, or
 * Intercom has not taken ours. Writing again at once would go on for ever.
 */
export function keptForms(contact: ContactFacts, changes: readonly Change[]): KeptForm[] {
  const forms = changes
    .filter((change) => !isHeld(contact, change))
    .map((change) => ({ attribute: change.attribute, sent: change.after, kept: heldValue(contact, change) }));
  const others = forms.filter((form) => !isKeptForm(form)).map((form) => form.attribute);
  if (others.length === 0) return forms;
  const message = `PUT /contacts/{id}: the answer holds other values than were sent: ${others.join(', ')}`;
  throw new AppError('intercom_answer_unreadable', 'later', message, { outcomeUnknown: true });
}

function heldValue(contact: ContactFacts, change: Change): AttributeValue {
  return contact.attributes[change.attribute] ?? null;
}
