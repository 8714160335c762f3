import { z } from 'zod';
import { addDaysOn } from '../rules/calendar.js';
import type { DayBucket } from '../rules/vocabulary.js';
import { count } from '../http/columns.js';

type NameOf<Bucket extends DayBucket> = Bucket['name'];

/** An object with a key for each bucket. */
function keyed<Bucket extends DayBucket, Value>(
  buckets: readonly Bucket[],
  valueOf: (bucket: Bucket) => Value,
): Record<NameOf<Bucket>, Value>;
function keyed(buckets: readonly DayBucket[], valueOf: (bucket: DayBucket) => unknown): object {
  return Object.fromEntries(buckets.map((bucket) => [bucket.name, valueOf(bucket)]));
}

/** Which buckets `days` lies in: `{ bucket_1: true, bucket_2: false, … }`. */
export function bucketsOf<Bucket extends DayBucket>(
  buckets: readonly Bucket[],
  days: number,
): Readonly<Record<NameOf<Bucket>, boolean>> {
  return keyed(buckets, ({ fromDays, toDays }) => days >= fromDays && (toDays === null || days <= toDays));
}

/** The same for many rows, worked out once for each number of days. */
export function rememberBuckets<Bucket extends DayBucket>(buckets: readonly Bucket[]) {
  const known = new Map<number, ReturnType<typeof bucketsOf<Bucket>>>();
  return (days: number): ReturnType<typeof bucketsOf<Bucket>> => {
    const found = known.get(days) ?? bucketsOf(buckets, days);
    known.set(days, found);
    return found;
  };
}

export function bucketsSchema<Bucket extends DayBucket>(buckets: readonly Bucket[]) {
  return z.object(keyed(buckets, () => z.boolean()));
}

export function bucketCountsSchema<Bucket extends DayBucket>(buckets: readonly Bucket[]) {
  return z.object(keyed(buckets, () => count));
}

/**
 * The dates that cut time into the buckets, ascending: the first date of each group but the oldest. `bucketCounts`
 * turns the sizes of the groups back into buckets.
 */
export function bucketLimits(buckets: readonly DayBucket[], todayOn: string): string[] {
  return limitDays(buckets).map((days) => addDaysOn(todayOn, -days));
}

/** The store's sizes of the groups between {@link bucketLimits}, oldest first, as counts by bucket. */
export function bucketCounts<Bucket extends DayBucket>(
  buckets: readonly Bucket[],
  sizes: readonly number[],
): Record<NameOf<Bucket>, number> {
  const days = limitDays(buckets);
  return keyed(buckets, ({ fromDays, toDays }) =>
    sizes.reduce((sum, size, group) => {
      const oldest = days[group - 1] ?? null;
      const newest = (days[group] ?? -1) + 1;
      const isInside = newest >= fromDays && (toDays === null || (oldest !== null && oldest <= toDays));
      return isInside ? sum + size : sum;
    }, 0),
  );
}

/** How many days ago the groups begin, oldest first. Today and what lies ahead need no limit of their own. */
function limitDays(buckets: readonly DayBucket[]): number[] {
  const days = buckets.flatMap(({ fromDays, toDays }) => [fromDays - 1, toDays ?? -1]);
  return [...new Set(days.filter((day) => day >= 0))].sort((one, other) => other - one);
}
