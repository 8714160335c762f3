import { daysSince, isoInstant } from '../rules/calendar.js';

/** Instants as the report time zone shows them, for reports that ask of a hundred thousand rows. */
export interface ZoneTime {
  /** `2026-10-15T11:00:00-04:00`. */
  readonly isoOf: (at: number) => string;
  readonly dateOf: (at: number) => string;
}

/**
 * Since 1975 all clocks are whole quarters of an hour away from UTC, and are changed at whole quarters: the instants
 * of one quarter share their date and offset, which is worked out once for each. (A year has 35,040 of them.)
 */
const QUARTER_SECONDS = 900;
const QUARTERS_FROM_AT = Date.UTC(1975, 0, 1) / 1000;
const MAX_QUARTERS = 50_000;

const known = new Map<string, ZoneTime>();

/** What one report has worked out serves the next one: they mostly ask of the same times. */
export function zoneTimeOf(timeZone: string): ZoneTime {
  const zoneTime = known.get(timeZone) ?? createZoneTime(timeZone);
  known.set(timeZone, zoneTime);
  return zoneTime;
}

function createZoneTime(timeZone: string): ZoneTime {
  const quarters = new Map<number, string>();

  const quarterOf = (at: number): string => {
    const number = Math.floor(at / QUARTER_SECONDS);
    const found = quarters.get(number);
    if (found !== undefined) return found;
    if (quarters.size >= MAX_QUARTERS) quarters.clear();
    const text = isoInstant(number * QUARTER_SECONDS, timeZone);
    quarters.set(number, text);
    return text;
  };
  const isoOf = (at: number): string => {
    if (at < QUARTERS_FROM_AT) return isoInstant(at, timeZone);
    const quarter = quarterOf(at);
    const seconds = at % QUARTER_SECONDS;
    const minute = Number(quarter.slice(14, 16)) + Math.floor(seconds / 60);
    return quarter.slice(0, 14) + twoDigits(minute) + ':' + twoDigits(seconds % 60) + quarter.slice(19);
  };
  const dateOf = (at: number): string => (at < QUARTERS_FROM_AT ? isoOf(at) : quarterOf(at)).slice(0, 10);

  return { isoOf, dateOf };
}

/** Whole calendar days from a date until today, worked out once for each date. */
export function createDaysSinceOn(todayOn: string): (on: string) => number {
  const daysByDate = new Map<string, number>();
  return (on) => {
    const days = daysByDate.get(on) ?? daysSince(on, todayOn);
    daysByDate.set(on, days);
    return days;
  };
}

function twoDigits(value: number): string {
  return value < 10 ? `0${value}` : String(value);
}
