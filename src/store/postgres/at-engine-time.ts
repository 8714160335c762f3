import type { Work } from '../ports/cache.js';
import type { CacheChange } from '../ports/changes.js';
import type { Query } from './database.js';
import type { EngineTime } from './engine-time.js';

/** What became known, and now, in the time of the engine, so that the times of all rows are of one clock. */
export async function atEngineTime(
  query: Query,
  time: EngineTime,
  { nowMs: callerMs, changes }: Pick<Work, 'nowMs' | 'changes'>,
): Promise<Pick<Work, 'nowMs' | 'changes'>> {
  const nowMs = await time.at(query, callerMs);
  return { nowMs, changes: nowMs === callerMs ? changes : changes.map((change) => seenAt(change, time)) };
}

/** The same for a whole piece of work. */
export async function workAtEngineTime(query: Query, time: EngineTime, work: Work): Promise<Work> {
  const known = await atEngineTime(query, time, work);
  const { completes, rereads = [] } = work;
  const page = completes.kind === 'page' ? completes.page : null;
  return {
    ...work,
    ...known,
    rereads: rereads.map((reread) => ({ ...reread, dueAtMs: time.fromCaller(reread.dueAtMs) })),
    completes:
      page === null
        ? completes
        : { kind: 'page', page: { ...page, leaseUntilMs: time.fromCaller(page.leaseUntilMs) } },
  };
}

function seenAt(change: CacheChange, time: EngineTime): CacheChange {
  const observed = <Seen extends { readonly kind: string }>(authority: Seen): Seen =>
    'observedAtMs' in authority && typeof authority.observedAtMs === 'number'
      ? { ...authority, observedAtMs: time.fromCaller(authority.observedAtMs) }
      : authority;
  return change.kind === 'contact' || change.kind === 'conversation'
    ? { ...change, authority: observed(change.authority) }
    : change;
}
