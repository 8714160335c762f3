/*
 * Calendar arithmetic of its own: days are counted by number, and what clocks show is asked of Intl, second by second
 * where need be. Slow and plain, so that it can be read against the specification; nothing of `src` is used.
 */

const DAY = 86_400;
const formats = new Map<string, Intl.DateTimeFormat>();

/** `2026-10-15 11:00:00`: what clocks in `zone` show at `at`. */
function clockAt(at: number, zone: string): string {
  const known = formats.get(zone);
  const format =
    known ??
    new Intl.DateTimeFormat('sv-SE', {
      timeZone: zone,
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
      hourCycle: 'h23',
    });
  formats.set(zone, format);
  return format.format(at * 1000);
}

export function dateIn(at: number, zone: string): string {
  return clockAt(at, zone).slice(0, 10);
}

/** `2026-10-15T11:00:00-04:00`. */
export function isoIn(at: number, zone: string): string {
  const clock = clockAt(at, zone);
  const [hour = 0, minute = 0, second = 0] = clock.slice(11).split(':').map(Number);
  const shown = numberOfDay(clock.slice(0, 10)) * DAY + hour * 3600 + minute * 60 + second;
  const ahead = Math.round((shown - at) / 60);
  const two = (value: number): string => `0${value}`.slice(-2);
  const offset = `${two(Math.floor(Math.abs(ahead) / 60))}:${two(Math.abs(ahead) % 60)}`;
  return `${clock.replace(' ', 'T')}${ahead < 0 ? '-' : '+'}${offset}`;
}

function isLeap(year: number): boolean {
  return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
}

function daysOfMonth(year: number, month: number): number {
  return [31, isLeap(year) ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1] ?? 0;
}

/** How many leap days there were before `year`, counted from year 0. */
function leapDaysBefore(year: number): number {
  const last = year - 1;
  return Math.floor(last / 4) - Math.floor(last / 100) + Math.floor(last / 400);
}

const numbers = new Map<string, number>();

/** Days since 1 January 1970. */
export function numberOfDay(on: string): number {
  const number = numbers.get(on) ?? countDays(on);
  numbers.set(on, number);
  return number;
}

function countDays(on: string): number {
  const [year = 0, month = 0, day = 0] = on.split('-').map(Number);
  let number = (year - 1970) * 365 + leapDaysBefore(year) - leapDaysBefore(1970);
  for (let before = 1; before < month; before += 1) number += daysOfMonth(year, before);
  return number + day - 1;
}

export function dayOfNumber(number: number): string {
  let year = 1970 + Math.floor(number / 366) - 1;
  while (numberOfDay(`${year + 1}-01-01`) <= number) year += 1;
  let month = 1;
  let left = number - numberOfDay(`${year}-01-01`);
  while (left >= daysOfMonth(year, month)) {
    left -= daysOfMonth(year, month);
    month += 1;
  }
  return `${year}-${`0${month}`.slice(-2)}-${`0${left + 1}`.slice(-2)}`;
}

export function plusDays(on: string, days: number): string {
  return dayOfNumber(numberOfDay(on) + days);
}

/** Calendar days from `on` to `todayOn`; the future is 0 days ago. */
export function daysAgo(on: string, todayOn: string): number {
  return Math.max(0, numberOfDay(todayOn) - numberOfDay(on));
}

export function isDate(text: string): boolean {
  const [, year = '', month = '', day = ''] = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text) ?? [];
  const isMonth = Number(month) >= 1 && Number(month) <= 12;
  return (
    year !== '' && isMonth && Number(day) >= 1 && Number(day) <= daysOfMonth(Number(year), Number(month))
  );
}

export function utcMidnight(on: string): number {
  return numberOfDay(on) * DAY;
}

const starts = new Map<string, number>();

/** The first second of the date in `zone`. */
export function startOf(on: string, zone: string): number {
  const key = `${on} ${zone}`;
  const known = starts.get(key);
  if (known !== undefined) return known;
  // Clocks are whole quarters of an hour away from UTC since 1975; before that every second is tried.
  let at = utcMidnight(on) - 15 * 3600;
  while (dateIn(at, zone) < on) at += 900;
  if (on < '1975-01-01') while (dateIn(at - 1, zone) >= on) at -= 1;
  starts.set(key, at);
  return at;
}

export function firstOfMonth(on: string): string {
  return `${on.slice(0, 7)}-01`;
}

export function lastOfMonth(on: string): string {
  const [year = 0, month = 0] = on.split('-').map(Number);
  return `${on.slice(0, 7)}-${daysOfMonth(year, month)}`;
}

/** 1 January 1970 was a Thursday. */
export function mondayBefore(on: string): string {
  const number = numberOfDay(on);
  return dayOfNumber(number - ((((number + 3) % 7) + 7) % 7));
}
