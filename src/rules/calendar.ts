import { tzOffset } from '@date-fns/tz';
// Each from its own file: the whole library takes longer to load than all the rest of the program.
import { addDays } from 'date-fns/addDays';
import { differenceInCalendarDays } from 'date-fns/differenceInCalendarDays';
import { parseISO } from 'date-fns/parseISO';
import type { AttributeValue } from './facts.js';

/*
 * Instants are whole Unix seconds (`…At`), calendar dates are `YYYY-MM-DD` (`…On`).
 * A member's decision asks for dates a dozen times and a sweep decides on every member, so what runs often stays
 * cheap: the zone's offset at an instant costs about 2 µs, the same through a `TZDate` ten times as much.
 */

const DAY_SECONDS = 86_400;
/** Outside these dates a number is no date but a slip of the unit (milliseconds) or of the century. */
export const EARLIEST_ON = '1900-01-01';
const LATEST_ON = '2199-12-31';
/** 2000-01-01: what an event or an object of Intercom's says of itself happened later. 0 stands for "never". */
export const EARLIEST_EVENT_AT = 946_684_800;
const EARLIEST_AT = utcMidnightOf(EARLIEST_ON);
const LATEST_AT = utcMidnightOf(LATEST_ON) + DAY_SECONDS - 1;

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

const DATE_PATTERN = /^\d{4}-\d{2}-\d{2}$/;
const NUMBER_PATTERN = /^[+-]?\d+(\.\d+)?$/;
/** Without an offset an ISO time names no instant, so the offset must be there. */
const INSTANT_PATTERN = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})$/;

/** A value that could not be read, with the reason for people; it never repeats the value, which may be personal. */
interface Unreadable {
  readonly kind: 'unreadable';
  readonly why: string;
}

export type InstantReading =
  { readonly kind: 'instant'; readonly at: number } | { readonly kind: 'missing' } | Unreadable;

export type DateReading =
  /** `at`: the number as Intercom holds it; for a bare date 00:00:00 UTC, as Intercom stores dates. */
  | { readonly kind: 'date'; readonly on: string; readonly at: number }
  | { readonly kind: 'missing' }
  | Unreadable;

/** Whether `name` is that of a time zone (IANA). An offset such as `+05:00` is none: it knows no daylight-saving time. */
export function isTimeZone(name: string): boolean {
  if (!/^[A-Za-z]/.test(name)) return false;
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}

/** The calendar date (`YYYY-MM-DD`) at the instant `at` (Unix seconds) in `timeZone` (IANA name). */
export function dateOf(at: number, timeZone: string): string {
  return zoneTimeOf(at, timeZone).on;
}

/** Whole calendar days from one date to another; negative when `toOn` is the earlier one. */
export function daysBetween(fromOn: string, toOn: string): number {
  return differenceInCalendarDays(hostNoonOf(toOn), hostNoonOf(fromOn));
}

/** How many calendar days ago `on` was on `todayOn`; a date in the future counts as 0 days ago. */
export function daysSince(on: string, todayOn: string): number {
  return Math.max(0, daysBetween(on, todayOn));
}

/** The date `days` calendar days after `on` (before it, when negative). */
export function addDaysOn(on: string, days: number): string {
  const date = addDays(hostNoonOf(on), days);
  return utcDateOf(Date.UTC(date.getFullYear(), date.getMonth(), date.getDate()) / 1000);
}

/**
 * The first instant (Unix seconds) of the date `on` in `timeZone`: 00:00, or where the clocks skip midnight the first
 * time that exists.
 */
export function startOfDayAt(on: string, timeZone: string): number {
  const midnightAt = utcMidnightOf(on);
  // No zone is a whole day from UTC: the date has not begun at `before`, and has begun at `after`.
  let before = midnightAt - DAY_SECONDS;
  let after = midnightAt + DAY_SECONDS;
  const offset = offsetSeconds(before, timeZone);
  if (offset === offsetSeconds(after, timeZone)) return midnightAt - offset;
  // The clocks change around this date: close in on the second in which it begins.
  while (after - before > 1) {
    const middle = Math.floor((before + after) / 2);
    if (dateOf(middle, timeZone) < on) before = middle;
    else after = middle;
  }
  return after;
}

/** A calendar month: first and last date, first instant, and the first instant after it (Unix seconds). */
export interface MonthWindow {
  readonly firstOn: string;
  readonly lastOn: string;
  readonly startAt: number;
  /** Exclusive. */
  readonly endAt: number;
}

/** The month `YYYY-MM` in `timeZone`; null when `month` is not one. */
export function monthWindow(month: string, timeZone: string): MonthWindow | null {
  const firstOn = `${month}-01`;
  if (!isReadableDate(firstOn)) return null;
  const nextFirstOn = `${addDaysOn(firstOn, 31).slice(0, 7)}-01`;
  return {
    firstOn,
    lastOn: addDaysOn(nextFirstOn, -1),
    startAt: startOfDayAt(firstOn, timeZone),
    endAt: startOfDayAt(nextFirstOn, timeZone),
  };
}

/** The Monday of the week that `on` lies in. */
export function mondayOf(on: string): string {
  // Monday is 1 in `getDay`, Sunday 0.
  return addDaysOn(on, -((hostNoonOf(on).getDay() + 6) % 7));
}

/** The instant `at` (Unix seconds) as clocks in `timeZone` show it: `2026-10-15T11:00:00-04:00`. */
export function isoInstant(at: number, timeZone: string): string {
  const offset = offsetSeconds(at, timeZone);
  const minutes = Math.round(Math.abs(offset) / 60);
  const pad = (value: number): string => String(value).padStart(2, '0');
  const local = new Date((at + offset) * 1000).toISOString().slice(0, 19);
  return `${local}${offset < 0 ? '-' : '+'}${pad(Math.floor(minutes / 60))}:${pad(minutes % 60)}`;
}

/** `2026-10-01` → `Oct 1, 2026`. */
export function dateInWords(on: string): string {
  const [year = 0, month = 1, day = 1] = partsOf(on);
  return `${MONTHS[month - 1] ?? ''} ${day}, ${year}`;
}

/**
 * Reads a date-only attribute (Enrolled Date, Registration Date, Date of Birth). Intercom stores a date as Unix seconds
 * at 00:00:00 UTC: exactly that, or a string `YYYY-MM-DD`, is the date as written. Any other number or ISO time is an
 * instant, and its date is the one in `timeZone`. What can't be read is never guessed.
 * @param raw the attribute's value as Intercom holds it
 * @param timeZone report time zone, IANA name
 * @returns the date, and the instant as Intercom holds it: `at` of a date-only value is not the start of the day in
 * `timeZone`, so a date must never be made from it
 */
export function readDate(raw: AttributeValue | undefined, timeZone: string): DateReading {
  const reading = readInstant(raw);
  if (reading.kind !== 'instant') return reading;
  const { at } = reading;
  return { kind: 'date', on: at % DAY_SECONDS === 0 ? utcDateOf(at) : dateOf(at, timeZone), at };
}

/**
 * Reads an instant (such as Last Coaching Session): Unix seconds as number or string, an ISO time with its offset, or
 * `YYYY-MM-DD`, which means 00:00:00 UTC as Intercom stores dates.
 */
export function readInstant(raw: AttributeValue | undefined): InstantReading {
  if (raw === undefined || raw === null) return { kind: 'missing' };
  if (typeof raw === 'boolean') return unreadable('it is neither a number nor a date');
  if (typeof raw === 'number') return readSeconds(raw);
  const text = raw.trim();
  if (text === '') return { kind: 'missing' };
  if (NUMBER_PATTERN.test(text)) return readSeconds(Number(text));
  if (DATE_PATTERN.test(text)) {
    return isReadableDate(text)
      ? { kind: 'instant', at: utcMidnightOf(text) }
      : unreadable('there is no such date');
  }
  if (!INSTANT_PATTERN.test(text)) return unreadable('it is neither a number nor a date');
  const atMs = parseISO(text).getTime();
  return Number.isNaN(atMs) ? unreadable('there is no such date') : readSeconds(Math.floor(atMs / 1000));
}

function readSeconds(seconds: number): InstantReading {
  if (!Number.isInteger(seconds)) return unreadable('it is not in whole Unix seconds');
  if (seconds < EARLIEST_AT || seconds > LATEST_AT) {
    return unreadable('as Unix seconds it is too far away: it may be in milliseconds');
  }
  return { kind: 'instant', at: seconds };
}

function unreadable(why: string): Unreadable {
  return { kind: 'unreadable', why };
}

/** True for a date that exists, written `YYYY-MM-DD`, from 1900 to 2199. */
export function isReadableDate(on: string): boolean {
  if (!DATE_PATTERN.test(on) || on < EARLIEST_ON || on > LATEST_ON) return false;
  const at = utcMidnightOf(on);
  // A day that the month doesn't have is either refused or rolled into the next month.
  return !Number.isNaN(at) && utcDateOf(at) === on;
}

const QUARTER_SECONDS = 900;
const QUARTERS_FROM_AT = Date.UTC(1975, 0, 1) / 1000;

/**
 * When the quarter of an hour began that `at` lies in; null before 1975. Since then clocks are whole quarters away from
 * UTC, and are changed at whole quarters: all instants of one quarter share their date and offset. A year has 35,040.
 */
export function quarterOf(at: number): number | null {
  return at < QUARTERS_FROM_AT ? null : at - (at % QUARTER_SECONDS);
}

const MAX_QUARTERS = 100_000;

interface ZoneTime {
  /** Seconds that clocks are ahead of UTC. */
  readonly offset: number;
  readonly on: string;
}

/** By zone and quarter. */
const known = new Map<string, Map<number, ZoneTime>>();
let quarters = 0;

function offsetSeconds(at: number, timeZone: string): number {
  return zoneTimeOf(at, timeZone).offset;
}

function zoneTimeOf(at: number, timeZone: string): ZoneTime {
  const quarterAt = quarterOf(at);
  if (quarterAt === null) return findZoneTime(at, timeZone);
  const found = known.get(timeZone)?.get(quarterAt);
  if (found !== undefined) return found;
  if (quarters >= MAX_QUARTERS) {
    known.clear();
    quarters = 0;
  }
  const time = findZoneTime(quarterAt, timeZone);
  const ofZone = known.get(timeZone) ?? new Map<number, ZoneTime>();
  known.set(timeZone, ofZone.set(quarterAt, time));
  quarters += 1;
  return time;
}

function findZoneTime(at: number, timeZone: string): ZoneTime {
  const offset = findOffset(at, timeZone);
  return { offset, on: utcDateOf(at + offset) };
}

function findOffset(at: number, timeZone: string): number {
  return Math.round(tzOffset(timeZone, new Date(at * 1000)) * 60);
}

function utcDateOf(at: number): string {
  return new Date(at * 1000).toISOString().slice(0, 10);
}

function utcMidnightOf(on: string): number {
  return Date.parse(`${on}T00:00:00Z`) / 1000;
}

/**
 * The date in the time zone of the machine, for counting calendar days only: there every day is one day long, and at
 * noon no clock change can move it into a neighboring date. Counting in the report time zone gives the same number at
 * twenty times the cost.
 */
function hostNoonOf(on: string): Date {
  const [year = 0, month = 1, day = 1] = partsOf(on);
  return new Date(year, month - 1, day, 12);
}

function partsOf(on: string): number[] {
  return on.split('-').map(Number);
}
