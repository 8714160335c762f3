import type { Reread } from '../ports/cache.js';

/** Dead processes that one beat looks at; others wait for the next one. */
export const MAX_DEAD = 20;
/** By then a request that the dead process had sent has reached Intercom, and its process would have given it up. */
const LATE_WRITE_MS = 15_000;

/**
 * A second look at a contact whose write was taken from a dead process: whoever sends next reads the contact first, but a
 * request of the dead one that was still on its way may undo that after it.
 */
export function lookAfterTakeOver(
  write: { readonly contactId: string; readonly leaseToken: number },
  nowMs: number,
): Reread {
  const { contactId, leaseToken } = write;
  return {
    dedupeKey: `taken-over:${contactId}:${leaseToken}`,
    origin: 'reread',
    subject: { kind: 'contact', id: contactId },
    lane: contactId,
    dueAtMs: nowMs + LATE_WRITE_MS,
  };
}
