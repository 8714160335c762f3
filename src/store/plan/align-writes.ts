import type { Change } from '../../rules/facts.js';
import type { MaintainedAttribute } from '../../rules/vocabulary.js';
import type { QueuedChange } from '../ports/cache.js';
import type { Cause } from '../ports/changes.js';
import { describeFight } from './damping.js';
import type { Draft } from './draft.js';
import { foughtAttribute, judgeFight, type Pause } from './fights.js';
import { isUnderWay, priorityOf, queued } from './outbox-row.js';

/**
 * Brings the waiting writes of a contact in step with what has to change. One that is still wanted stays as it is, with
 * its cause and its attempts, whether it waits, is held or parked; the others give way to the newest wanted values.
 * @returns what is wanted anew
 */
export function alignWrites(
  draft: Draft,
  contactId: string,
  changes: readonly Change[],
  { cause, nowMs }: { readonly cause: Cause; readonly nowMs: number },
): QueuedChange[] {
  const { writes, outbox } = draft;
  const waiting = writes.waiting(contactId);
  for (const write of waiting) {
    const wanted = changes.find((change) => isSameWish(write, change));
    if (wanted === undefined) writes.supersede(contactId, [write]);
    else if (wanted.before !== write.before) writes.setBefore(contactId, write, wanted.before);
  }
  const added = changes.filter((change) => !waiting.some((write) => isSameWish(write, change)));
  let dueAtMs = Infinity;
  for (const change of added) {
    const pause = pauseBefore(draft, contactId, change, nowMs);
    const { attribute, before, after } = change;
    const notBeforeMs = pause?.notBeforeMs ?? 0;
    writes.add({
      id: null,
      contactId,
      attribute,
      before,
      after,
      cause,
      notBeforeMs,
      parkedAtMs: null,
      attempts: 0,
      reason: pause === null ? null : describeFight(pause.reversals, notBeforeMs - nowMs),
      queuedAtMs: nowMs,
    });
    dueAtMs = Math.min(dueAtMs, pause?.notBeforeMs ?? nowMs);
  }
  if (added.length > 0) {
    outbox.put(contactId, queued(contactId, outbox.get(contactId), priorityOf(cause), { nowMs, dueAtMs }));
    draft.wakes.add('writes');
  } else dropIfEmpty(draft, contactId, nowMs);
  return added.map(({ attribute, before, after }) => ({ attribute, before, after, contactId }));
}

/** Nothing of a contact is to be written any more, unless a request is under way: then its end removes the row. */
export function dropIfEmpty({ writes, outbox }: Draft, contactId: string, nowMs: number): void {
  const row = outbox.get(contactId);
  if (row === undefined || writes.ready(contactId).length > 0 || isUnderWay(row, nowMs)) return;
  outbox.remove(contactId);
}

/** What is out of scope stays as it is, a write that waits included. */
export function inScope(
  { writes }: Draft,
  contactId: string,
  changes: readonly Change[],
  only: ReadonlySet<MaintainedAttribute> | undefined,
): readonly Change[] {
  if (only === undefined) return changes;
  const waiting = writes.waiting(contactId);
  return changes.filter(
    (change) => only.has(change.attribute) || waiting.some((write) => isSameWish(write, change)),
  );
}

export function isSameWish(
  one: Pick<Change, 'attribute' | 'after'>,
  other: Pick<Change, 'attribute' | 'after'>,
): boolean {
  return one.attribute === other.attribute && one.after === other.after;
}

function pauseBefore(
  { fights, writes }: Draft,
  contactId: string,
  change: Change,
  nowMs: number,
): Pause | null {
  const known = fights.find(contactId, foughtAttribute(change.attribute));
  const sent = writes.lastSent(contactId, change.attribute);
  const { pause, fight } = judgeFight(contactId, change, { known, sent }, nowMs);
  if (fight !== null) fights.put(fight);
  return pause;
}
