import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { createDaysSinceOn, zoneTimeOf } from '../src/http/zone-time.js';
import { dateOf, daysSince, isoInstant } from '../src/rules/calendar.js';

const ZONES = [
  'America/New_York',
  'Asia/Kathmandu',
  'Australia/Lord_Howe',
  'Pacific/Apia',
  'America/Caracas',
  'Africa/Monrovia',
  'Europe/London',
  'America/Sao_Paulo',
  'Asia/Pyongyang',
];
const TODAY = '2026-10-15';

test('what is remembered for a quarter of an hour holds for each of its seconds', () => {
  const at = fc.oneof(
    fc.integer({ min: Date.UTC(1950, 0, 1) / 1000, max: Date.UTC(2199, 0, 1) / 1000 }),
    // Around both changes of the clocks in New York, and the day that Samoa left out.
    ...['2026-03-08T07:00:00Z', '2026-11-01T06:00:00Z', '2011-12-30T10:00:00Z'].map((change) =>
      fc.integer({ min: -5000, max: 5000 }).map((seconds) => Date.parse(change) / 1000 + seconds),
    ),
  );
  for (const timeZone of ZONES) {
    const time = zoneTimeOf(timeZone);
    const daysSinceOn = createDaysSinceOn(TODAY);
    fc.assert(
      fc.property(at, (instant) => {
        expect(time.isoOf(instant)).toBe(isoInstant(instant, timeZone));
        expect(time.dateOf(instant)).toBe(dateOf(instant, timeZone));
        expect(daysSinceOn(time.dateOf(instant))).toBe(daysSince(dateOf(instant, timeZone), TODAY));
        // Before 1972 some clocks were seconds away from whole minutes, which ISO 8601 cannot say.
        const isWhole = instant > Date.UTC(1972, 1) / 1000;
        expect(isWhole ? Date.parse(time.isoOf(instant)) / 1000 : instant).toBe(instant);
      }),
      { numRuns: 300 },
    );
  }
});
