import { daysSince, isoInstant, quarterOf } from '../rules/calendar.js';

/** Instants as the report time zone shows them, for reports that ask of a hundred thousand rows. */
export interface ZoneTime {
  /** `2026-10-15T11:00:00-04:00`. */
  readonly isoOf: (at: number) => string;
  readonly dateOf: (at: number) => string;
}

/** Of each quarter of an hour the text is worked out once. */
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

  const textOf = (quarterAt: number): string => {
    const found = quarters.get(quarterAt);
    if (found !== undefined) return found;
    if (quarters.size >= MAX_QUARTERS) quarters.clear();
    const text = isoInstant(quarterAt, timeZone);
    quarters.set(quarterAt, text);
    return text;
  };
  const isoOf = (at: number): string => {
    const quarterAt = quarterOf(at);
    if (quarterAt === null) return isoInstant(at, timeZone);
    const quarter = textOf(quarterAt);
    const seconds = at - quarterAt;
    const minute = Number(quarter.slice(14, 16)) + Math.floor(seconds / 60);
    return quarter.slice(0, 14) + twoDigits(minute) + ':' + twoDigits(seconds % 60) + quarter.slice(19);
  };
  const dateOf = (at: number): string => {
    const quarterAt = quarterOf(at);
    return (quarterAt === null ? isoOf(at) : textOf(quarterAt)).slice(0, 10);
  };

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
