import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addDaysOn, dateOf, startOfDayAt } from '../src/rules/calendar.js';
import { judgeEngagement } from '../src/rules/engagement.js';
import { NEW_YORK, at } from './support/rules-facts.js';

const TODAY = '2026-10-30';

function judge(enrolledDaysAgo: number, calledDaysAgo: number | null, todayOn = TODAY) {
  return judgeEngagement({
    enrolledOn: addDaysOn(todayOn, -enrolledDaysAgo),
    lastQualifyingOn: calledDaysAgo === null ? null : addDaysOn(todayOn, -calledDaysAgo),
    todayOn,
    timeZone: NEW_YORK,
  });
}

describe('status with a last qualifying call', () => {
  it.each([
    [0, 'Engaged', 29, 'At Risk'],
    [7, 'Engaged', 22, 'At Risk'],
    [8, 'Engaged', 21, 'At Risk'],
    [14, 'Engaged', 15, 'At Risk'],
    [15, 'Engaged', 14, 'At Risk'],
    [21, 'Engaged', 8, 'At Risk'],
    [22, 'Engaged', 7, 'At Risk'],
    [28, 'Engaged', 1, 'At Risk'],
    [29, 'At Risk', 28, 'Unengaged'],
    [56, 'At Risk', 1, 'Unengaged'],
  ] as const)('%i days ago is %s and changes in %i days to %s', (days, status, inDays, to) => {
    const on = addDaysOn(TODAY, inDays);
    expect(judge(400, days)).toEqual({
      status,
      days,
      nextChange: { at: startOfDayAt(on, NEW_YORK), on, to },
    });
  });

  it.each([57, 365])('%i days ago is Unengaged for good', (days) => {
    expect(judge(400, days)).toEqual({ status: 'Unengaged', days, nextChange: null });
  });

  it('never holds a late first call against the member', () => {
    expect(judge(300, 3).status).toBe('Engaged');
    expect(judge(20, 40).status).toBe('At Risk');
  });

  it('counts a call in the future as today, and moves on from the date of the call', () => {
    expect(judge(10, -2)).toMatchObject({
      status: 'Engaged',
      days: 0,
      nextChange: { on: addDaysOn(TODAY, 31) },
    });
  });
});

describe('status without any qualifying call', () => {
  it.each([
    [-5, 'Engaged', 34],
    [0, 'Engaged', 29],
    [28, 'Engaged', 1],
  ] as const)('enrolled %i days ago is %s and changes in %i days', (days, status, inDays) => {
    const nextChange = { on: addDaysOn(TODAY, inDays), to: 'Unengaged' };
    expect(judge(days, null)).toMatchObject({ status, nextChange });
  });

  it.each([29, 57, 400])('enrolled %i days ago is Unengaged', (days) => {
    expect(judge(days, null)).toEqual({ status: 'Unengaged', days, nextChange: null });
  });
});

describe('the moment of the next change', () => {
  it.each([
    ['2026-10-04', '2026-11-02', '2026-11-02T05:00:00Z'], // over the end of daylight saving time
    ['2026-02-08', '2026-03-09', '2026-03-09T04:00:00Z'], // over its beginning
    ['2026-02-07', '2026-03-08', '2026-03-08T05:00:00Z'], // on the very day
    ['2024-01-31', '2024-02-29', '2024-02-29T05:00:00Z'], // a leap day
    ['2026-12-31', '2027-01-29', '2027-01-29T05:00:00Z'],
  ])('after a call on %s is 00:00 of %s in New York', (calledOn, on, instant) => {
    const facts = {
      enrolledOn: '2023-01-01',
      lastQualifyingOn: calledOn,
      todayOn: calledOn,
      timeZone: NEW_YORK,
    };
    expect(judgeEngagement(facts).nextChange).toEqual({ at: at(instant), on, to: 'At Risk' });
  });
});

const day = fc.integer({ min: 0, max: 900 }).map((days) => addDaysOn('2025-01-01', days));
const zone = fc.constantFrom(NEW_YORK, 'UTC', 'Africa/Cairo', 'Australia/Lord_Howe', 'Asia/Kolkata');

describe('time that passes', () => {
  it('brings the next change always after now', () => {
    fc.assert(
      fc.property(
        day,
        fc.option(day),
        fc.integer({ min: 0, max: 80_000_000 }),
        zone,
        (enrolledOn, lastQualifyingOn, seconds, timeZone) => {
          const nowAt = at('2025-01-01T00:00:00Z') + seconds;
          const facts = { enrolledOn, lastQualifyingOn, todayOn: dateOf(nowAt, timeZone), timeZone };
          const { nextChange } = judgeEngagement(facts);
          return nextChange === null || nextChange.at > nowAt;
        },
      ),
    );
  });

  it('leads by its next changes to the status that is computed at any later moment', () => {
    fc.assert(
      fc.property(
        day,
        fc.option(day),
        day,
        fc.integer({ min: 0, max: 120 * 86_400 }),
        zone,
        (enrolledOn, lastQualifyingOn, startOn, seconds, timeZone) => {
          const judgeAt = (instant: number) =>
            judgeEngagement({ enrolledOn, lastQualifyingOn, todayOn: dateOf(instant, timeZone), timeZone });
          const startAt = startOfDayAt(startOn, timeZone);
          let followed = judgeAt(startAt);
          let { status } = followed;
          while (followed.nextChange !== null && followed.nextChange.at <= startAt + seconds) {
            status = followed.nextChange.to;
            expect(judgeAt(followed.nextChange.at - 1).status).not.toBe(status);
            followed = judgeAt(followed.nextChange.at);
          }
          expect(status).toBe(judgeAt(startAt + seconds).status);
        },
      ),
    );
  });
});
