import { hash } from 'node:crypto';
import type { Person } from './plan/person.js';

/*
 * By which people who were erased are recognized, without keeping who they were: keyed hashes of their e-mail, User ID,
 * name and id.
 */

/** Longer texts are no ids, e-mail addresses (254) or names. */
export const MAX_MARKED_LENGTH = 320;
/** Of one contact, whatever has been merged into it. */
export const MAX_MARKS = 60;
/** User IDs such as `7` stand everywhere in a payload and tell nobody from anybody. */
const MIN_USER_ID_LENGTH = 4;
const MARK_LENGTH = 22;

/** The mark of a text that {@link foldText} has made. */
export function markOf(key: string, folded: string): string {
  return hash('sha256', `${key} ${folded}`, 'base64url').slice(0, MARK_LENGTH);
}

/** Case, and how much blank stands between words, tell nobody from anybody. Marks are stored: it must stay as it is. */
export function foldText(text: string): string {
  if (/^[!-~]*$/.test(text)) return text.toLowerCase();
  return text.normalize('NFKC').replaceAll(/\s+/g, ' ').trim().toLowerCase();
}

/** What a payload may call the person by, folded. */
export function foldedTextsOf({ name, email, externalId }: Person): string[] {
  return [
    ...(email?.includes('@') === true ? [email] : []),
    ...(externalId !== null && externalId.length >= MIN_USER_ID_LENGTH ? [externalId] : []),
    // One word alone names too many people.
    ...(name !== null && /\S\s+\S/.test(name) ? [name] : []),
  ]
    .filter((text) => text.length <= MAX_MARKED_LENGTH)
    .map(foldText);
}

/** What of `former` is not in `current` any more: older payloads call the person so. */
export function formerTextsOf(former: Person, current: Person): string[] {
  const still = new Set(foldedTextsOf(current));
  return foldedTextsOf(former).filter((text) => !still.has(text));
}
