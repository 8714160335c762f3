import type { SessionFilter, SessionRow } from '../ports/reports.js';
import type { Coaches } from './coaches.js';
import type { Counted, ListKind } from './list.js';
import { readCount, readRows, type Reading } from './reading.js';

/** Chosen by channel alone, sessions are met coach by coach: there every window would have to look at all of them. */
export function isInOrderOfTime({ channels, coaches, employers }: SessionFilter): boolean {
  return channels.length === 0 || coaches.length + employers.length > 0;
}

/**
 * The same counts as {@link countGroups}, each from a window of its own: an index meets every session once, where one
 * pass compares each of them with each limit. A year of weeks over a million conversations takes 30 ms instead of 900.
 */
export function* countWindows(
  kind: Pick<ListKind<SessionFilter, SessionRow>, 'counted'>,
  filter: SessionFilter,
  coaches: Coaches,
  limits: readonly number[],
): Reading<number[]> {
  const { fromAt, toAt } = filter.window;
  const counts: number[] = [];
  for (const [group, limit] of [fromAt, ...limits].entries()) {
    const next = limits[group];
    const window = {
      fromAt: Math.max(limit, fromAt),
      toAt: next === undefined ? toAt : Math.min(next, toAt ?? next),
    };
    let count = 0;
    for (const { from, params } of kind.counted({ ...filter, window }, coaches)) {
      count += yield* readCount(`select count(*) ${from}`, params);
    }
    counts.push(count);
  }
  return counts;
}

/** How many lie before the first limit, from each one up to the next, and from the last one on. */
export function* countGroups(
  counted: readonly Counted[],
  column: string,
  limits: readonly (number | string)[],
): Reading<number[]> {
  const groups = Array.from({ length: limits.length + 1 }, (_, group) =>
    [
      ...(group === 0 ? [] : [`${column} >= @limit${group - 1}`]),
      ...(group === limits.length ? [] : [`${column} < @limit${group}`]),
    ].join(' and '),
  );
  const columns = groups.map((where) => (where === '' ? 'count(*)' : `count(*) filter (where ${where})`));
  const named = Object.fromEntries(limits.map((limit, index) => [`limit${index}`, limit]));
  const sums = groups.map(() => 0);
  for (const { from, params } of counted) {
    const [row = []] = yield* readRows(`select ${columns.join(', ')} ${from}`, { ...params, ...named });
    for (const group of sums.keys()) sums[group] = (sums[group] ?? 0) + Number(row[group] ?? 0);
  }
  return sums;
}
