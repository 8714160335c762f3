import { tz } from '@date-fns/tz';
import { differenceInCalendarDays } from 'date-fns';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  addDaysOn,
  dateInWords,
  dateOf,
  daysBetween,
  daysSince,
  monthWindow,
  readDate,
  readInstant,
  startOfDayAt,
} from '../src/rules/calendar.js';
import type { AttributeValue } from '../src/rules/facts.js';
import { at, NEW_YORK, storedDate } from './support/rules-facts.js';

const ZONES = [
  NEW_YORK,
  'UTC',
  'Europe/Berlin',
  'Asia/Kolkata',
  'Africa/Cairo',
  'Pacific/Kiritimati',
  'Pacific/Pago_Pago',
];
const instants = fc.integer({ min: at('2015-01-01T00:00:00Z'), max: at('2035-01-01T00:00:00Z') });
const zones = fc.constantFrom(...ZONES);

describe('dates of instants', () => {
  it.each([
    ['2026-10-01T03:59:59Z', NEW_YORK, '2026-09-30'],
    ['2026-10-01T04:00:00Z', NEW_YORK, '2026-10-01'],
    ['2026-12-01T04:59:59Z', NEW_YORK, '2026-11-30'],
    ['2026-12-01T05:00:00Z', NEW_YORK, '2026-12-01'],
    ['2026-12-31T23:30:00Z', 'Asia/Kolkata', '2027-01-01'],
    ['2024-02-29T12:00:00Z', NEW_YORK, '2024-02-29'],
    ['1969-12-31T12:00:00Z', 'UTC', '1969-12-31'],
  ])('%s in %s is on %s', (instant, zone, on) => {
    expect(dateOf(at(instant), zone)).toBe(on);
  });

  it('agree with the calendar of the runtime in every zone', () => {
    fc.assert(
      fc.property(instants, zones, (instant, timeZone) => {
        const parts = { year: 'numeric', month: '2-digit', day: '2-digit' } as const;
        const expected = new Intl.DateTimeFormat('en-CA', { timeZone, ...parts }).format(instant * 1000);
        expect(dateOf(instant, timeZone)).toBe(expected);
      }),
    );
  });
});

describe('days between dates', () => {
  it.each([
    ['2026-10-01', '2026-10-01', 0],
    ['2026-10-01', '2026-10-08', 7],
    ['2026-10-08', '2026-10-01', -7],
    ['2026-01-31', '2026-02-28', 28],
    ['2026-01-31', '2026-03-01', 29],
    ['2024-02-28', '2024-03-01', 2],
    ['2026-02-28', '2026-03-01', 1],
    ['2026-12-31', '2027-01-01', 1],
    ['2026-03-07', '2026-03-09', 2], // clocks go forward on the 8th
    ['2026-10-31', '2026-11-02', 2], // clocks go back on the 1st
    ['2026-03-08', '2026-11-01', 238],
  ])('from %s to %s are %i', (fromOn, toOn, days) => {
    expect(daysBetween(fromOn, toOn)).toBe(days);
    expect(addDaysOn(fromOn, days)).toBe(toOn);
  });

  it('count a call of 23:50 as 1 day ago at 00:10, on the nights of both clock changes too', () => {
    for (const [evening, midnight] of [
      ['2026-10-01T23:50:00-04:00', '2026-10-02T00:10:00-04:00'],
      ['2026-03-07T23:50:00-05:00', '2026-03-08T00:10:00-05:00'],
      ['2026-03-08T23:50:00-04:00', '2026-03-09T00:10:00-04:00'],
      ['2026-10-31T23:50:00-04:00', '2026-11-01T00:10:00-04:00'],
      ['2026-11-01T23:50:00-05:00', '2026-11-02T00:10:00-05:00'],
    ] as const) {
      expect(daysBetween(dateOf(at(evening), NEW_YORK), dateOf(at(midnight), NEW_YORK))).toBe(1);
    }
  });

  it('are 0 since a date in the future', () => {
    expect(daysSince('2026-10-02', '2026-10-01')).toBe(0);
    expect(daysSince('2026-09-30', '2026-10-01')).toBe(1);
  });

  it('are those that date-fns counts in the zone itself', () => {
    fc.assert(
      fc.property(instants, instants, zones, (earlier, later, zone) => {
        const expected = differenceInCalendarDays(later * 1000, earlier * 1000, { in: tz(zone) });
        // `+ 0` because date-fns may answer -0.
        expect(daysBetween(dateOf(earlier, zone), dateOf(later, zone)) + 0).toBe(expected + 0);
      }),
    );
  });
});

describe('the start of a day', () => {
  it.each([
    ['2026-10-01', NEW_YORK, '2026-10-01T04:00:00Z'],
    ['2026-03-08', NEW_YORK, '2026-03-08T05:00:00Z'],
    ['2026-03-09', NEW_YORK, '2026-03-09T04:00:00Z'],
    ['2026-11-01', NEW_YORK, '2026-11-01T04:00:00Z'],
    ['2026-11-02', NEW_YORK, '2026-11-02T05:00:00Z'],
    ['2026-04-24', 'Africa/Cairo', '2026-04-23T22:00:00Z'], // 00:00 does not exist, the day begins at 01:00
    ['2018-11-04', 'America/Sao_Paulo', '2018-11-04T03:00:00Z'], // so here
    ['2026-11-01', 'America/Havana', '2026-11-01T04:00:00Z'], // 00:00 comes twice
    ['2026-10-01', 'Pacific/Kiritimati', '2026-09-30T10:00:00Z'],
  ])('of %s in %s is %s', (on, zone, instant) => {
    expect(startOfDayAt(on, zone)).toBe(at(instant));
  });

  it('is the first second of its date', () => {
    fc.assert(
      fc.property(instants, zones, (instant, zone) => {
        const on = dateOf(instant, zone);
        const start = startOfDayAt(on, zone);
        expect(start).toBeLessThanOrEqual(instant);
        expect(dateOf(start, zone)).toBe(on);
        expect(dateOf(start - 1, zone)).toBe(addDaysOn(on, -1));
      }),
    );
  });
});

describe('month windows', () => {
  it.each([
    ['2026-03', '2026-03-31', '2026-03-01T05:00:00Z', '2026-04-01T04:00:00Z'],
    ['2026-11', '2026-11-30', '2026-11-01T04:00:00Z', '2026-12-01T05:00:00Z'],
    ['2024-02', '2024-02-29', '2024-02-01T05:00:00Z', '2024-03-01T05:00:00Z'],
    ['2026-02', '2026-02-28', '2026-02-01T05:00:00Z', '2026-03-01T05:00:00Z'],
    ['2026-12', '2026-12-31', '2026-12-01T05:00:00Z', '2027-01-01T05:00:00Z'],
  ])('%s ends on %s', (month, lastOn, start, end) => {
    const firstOn = `${month}-01`;
    expect(monthWindow(month, NEW_YORK)).toEqual({ firstOn, lastOn, startAt: at(start), endAt: at(end) });
  });

  it.each(['2026-13', '2026-00', '2026-1', '2026-10-01', 'October', ''])('%j is no month', (month) => {
    expect(monthWindow(month, NEW_YORK)).toBeNull();
  });
});

describe('reading date-only attributes', () => {
  it.each<[string, AttributeValue, string, string]>([
    ['midnight UTC', storedDate('2026-10-01'), '2026-10-01', '2026-10-01T00:00:00Z'],
    ['midnight UTC as a string', String(storedDate('2026-10-01')), '2026-10-01', '2026-10-01T00:00:00Z'],
    ['a written date', '2026-10-01', '2026-10-01', '2026-10-01T00:00:00Z'],
    ['a written date with blanks', ' 2026-10-01 ', '2026-10-01', '2026-10-01T00:00:00Z'],
    ['an ISO time at midnight UTC', '2026-10-01T00:00:00.000Z', '2026-10-01', '2026-10-01T00:00:00Z'],
    [
      'an ISO time at midnight UTC with offset',
      '2026-10-01T00:00:00.000+00:00',
      '2026-10-01',
      '2026-10-01T00:00:00Z',
    ],
    ['one second after midnight UTC', storedDate('2026-10-01') + 1, '2026-09-30', '2026-10-01T00:00:01Z'],
    ['an evening in New York', at('2026-10-01T23:30:00-04:00'), '2026-10-01', '2026-10-02T03:30:00Z'],
    ['an ISO time in another zone', '2026-10-01T00:00:00+02:00', '2026-09-30', '2026-09-30T22:00:00Z'],
    ['a leap day', '2024-02-29', '2024-02-29', '2024-02-29T00:00:00Z'],
    ['a birth before 1970', storedDate('1951-07-04'), '1951-07-04', '1951-07-04T00:00:00Z'],
    ['the beginning of the epoch', 0, '1970-01-01', '1970-01-01T00:00:00Z'],
  ])('takes %s', (_what, raw, on, instant) => {
    expect(readDate(raw, NEW_YORK)).toEqual({ kind: 'date', on, at: at(instant) });
  });

  it.each<[AttributeValue | undefined]>([[undefined], [null], [''], ['  ']])('misses %j', (raw) => {
    expect(readDate(raw, NEW_YORK)).toEqual({ kind: 'missing' });
    expect(readInstant(raw)).toEqual({ kind: 'missing' });
  });

  it.each<[AttributeValue]>([
    ['2026-02-29'],
    ['2026-13-01'],
    ['2026-04-31'],
    ['2026-02-30T10:00:00Z'],
    ['2026-10-01T10:00:00'], // no offset, so no instant
    ['10/01/2026'],
    ['1 Oct 2026'],
    ['soon'],
    [true],
    [storedDate('2026-10-01') * 1000],
    [String(storedDate('2026-10-01') * 1000)],
    ['0026-10-01'],
    [1_790_812_800.5],
    [Number.NaN],
    [Number.POSITIVE_INFINITY],
  ])('never guesses at %j', (raw) => {
    expect(readDate(raw, NEW_YORK).kind).toBe('unreadable');
    expect(readInstant(raw).kind).toBe('unreadable');
  });

  it('names the same date however the date is written', () => {
    fc.assert(
      fc.property(fc.integer({ min: -25_000, max: 60_000 }), zones, (day, zone) => {
        const seconds = day * 86_400;
        const on = new Date(seconds * 1000).toISOString().slice(0, 10);
        for (const raw of [seconds, String(seconds), on, `${on}T00:00:00Z`]) {
          expect(readDate(raw, zone)).toEqual({ kind: 'date', on, at: seconds });
        }
      }),
    );
  });
});

describe('reading instants', () => {
  it.each<[AttributeValue]>([
    [1_790_866_800],
    ['1790866800'],
    ['2026-10-01T15:00:00Z'],
    ['2026-10-01T11:00:00.250-0400'],
  ])('takes %j', (raw) => {
    expect(readInstant(raw)).toEqual({ kind: 'instant', at: 1_790_866_800 });
  });

  it('takes a written date as Intercom stores it', () => {
    expect(readInstant('2026-10-01')).toEqual({ kind: 'instant', at: storedDate('2026-10-01') });
  });
});

it('writes dates as people do', () => {
  expect([dateInWords('2026-10-01'), dateInWords('2026-12-31')]).toEqual(['Oct 1, 2026', 'Dec 31, 2026']);
});
