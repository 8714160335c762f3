import { describe, expect, test } from 'vitest';
import { bucketCounts, bucketLimits, bucketsOf } from '../src/reports/buckets.js';
import { addDaysOn, daysBetween } from '../src/rules/calendar.js';
import { CASELOAD_BUCKETS, NEW_PARTICIPANT_BUCKETS, type DayBucket } from '../src/rules/vocabulary.js';

const TODAY = '2026-03-20';

const CASES: readonly (readonly [string, readonly DayBucket[]])[] = [
  ['caseload', CASELOAD_BUCKETS],
  ['new participants', NEW_PARTICIPANT_BUCKETS],
  ['sessions', CASELOAD_BUCKETS.slice(0, 3)],
];

describe.each(CASES)('%s', (_, buckets) => {
  test.each(Array.from({ length: 80 }, (__, days) => days))(
    '%i days: the group between the limits is the bucket of the days',
    (days) => {
      const limits = bucketLimits(buckets, TODAY);
      const on = addDaysOn(TODAY, -days);
      expect(daysBetween(on, TODAY)).toBe(days);
      const group = limits.filter((limit) => on >= limit).length;
      const sizes = Array.from({ length: limits.length + 1 }, (__, index) => (index === group ? 1 : 0));
      const inBuckets = bucketsOf(buckets, days);
      const expected = Object.fromEntries(
        Object.entries(inBuckets).map(([name, isIn]) => [name, isIn ? 1 : 0]),
      );
      expect(bucketCounts(buckets, sizes)).toEqual(expected);
    },
  );
});

test.each([
  [0, 'bucket_1'],
  [7, 'bucket_1'],
  [8, 'bucket_2'],
  [28, 'bucket_2'],
  [29, 'bucket_3'],
  [56, 'bucket_3'],
  [57, 'bucket_4'],
  [365, 'bucket_4'],
])('a session %i days ago is in %s alone', (days, bucket) => {
  const inBuckets = Object.entries(bucketsOf(CASELOAD_BUCKETS, days)).filter(([, isIn]) => isIn);
  expect(inBuckets.map(([name]) => name)).toEqual([bucket]);
});

test.each([
  [13, []],
  [14, ['gt_14_to_21']],
  [21, ['gt_14_to_21']],
  [22, ['gt_21_to_28']],
  [28, ['gt_21_to_28']],
  [29, ['gt_28']],
])('%i days without a session: %j', (days, buckets) => {
  const inBuckets = Object.entries(bucketsOf(NEW_PARTICIPANT_BUCKETS, days)).filter(([, isIn]) => isIn);
  expect(inBuckets.map(([name]) => name)).toEqual(buckets);
});
