import type { ParkedItem } from '../ports/queries.js';
import type { Subject } from '../ports/subject.js';

/** Growing delays between two tries: 5 min, 10 min, 20 min … up to a day. */
const FIRST_DELAY_MS = 5 * 60_000;
export const MAX_PARKED_DELAY_MS = 86_400_000;

/** How long an object that could not be read so often waits for the next try. */
export function parkedDelayMs(attempts: number): number {
  return Math.min(MAX_PARKED_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(attempts - 1, 12));
}

/** A clock that has gone back must not keep anything waiting. */
export function isParkedDue(dueAtMs: number, nowMs: number): boolean {
  return dueAtMs <= nowMs || dueAtMs > nowMs + MAX_PARKED_DELAY_MS;
}

/** One without an id can't be asked for; its place stands for it. */
export function isNameless(id: string): boolean {
  return id.startsWith('#');
}

/** A parked object as people see it. */
export function parkedObjectItem({
  kind,
  id,
  field,
  attempts,
  parkedAtMs,
}: Subject & {
  readonly field: string;
  readonly attempts: number;
  readonly parkedAtMs: number;
}): ParkedItem {
  const reason = isNameless(id)
    ? `entry ${id} of the search of ${kind}s: ${field} is missing or can't be read`
    : `${field} of the ${kind} is missing or can't be read`;
  return { kind, id, topic: null, attributes: [], reason, attempts, sinceMs: parkedAtMs };
}
