import type { Together } from '../ports/cache.js';
import { planWork, type Plan } from './plan-work.js';
import type { CacheSlice } from './slice.js';

/**
 * What {@link planWork} says to several notifications as one piece of work; null where more would follow from them than
 * rows of the cache. Then each has to be planned by itself, because a write says which notification has led to it.
 */
export function planTogether(
  slice: CacheSlice,
  { changes, nowMs, decide }: Pick<Together, 'changes' | 'nowMs' | 'decide'>,
): Extract<Plan, { kind: 'planned' }> | null {
  const plan = planWork(slice, {
    changes,
    nowMs,
    decide,
    cause: { kind: 'notification', ref: null },
    completes: { kind: 'nothing' },
    unknownContacts: 'ask',
    recompute: 'now',
  });
  if (plan.kind === 'needs' || plan.hasErased || plan.tellsOfDeleted) return null;
  const { steps, writes, outbox, fights, rereads } = plan.diff;
  const more = [steps, Object.values(writes).flat(), outbox.put, outbox.removed, fights, rereads];
  return more.every((some) => some.length === 0) ? plan : null;
}
