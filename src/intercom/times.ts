import { EARLIEST_EVENT_AT } from '../rules/calendar.js';

const NUMBER = /^\d{1,12}(?:\.\d+)?$/;
const ISO_8601 = /^(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?)\s?(Z|UTC|[+-]\d{2}:?\d{2})?$/i;

/** 9999-12-31: beyond it a number is not seconds (milliseconds, most likely). */
const LATEST_AT = 253_402_300_799;
/** Longer than any way to write a time. */
const MAX_TIME_LENGTH = 64;

/**
 * An instant as Intercom writes it: Unix seconds (REST), the same as text, or ISO-8601 (webhooks; without a zone it
 * is UTC, as all of Intercom's times are). Whole Unix seconds, or null for anything else: 0, milliseconds, and what
 * lies before 2000 is no time of an event or an object.
 */
export function readTime(value: unknown): number | null {
  if (typeof value === 'number') return inRange(Math.floor(value));
  if (typeof value !== 'string' || value.length > MAX_TIME_LENGTH) return null;
  const text = value.trim();
  if (NUMBER.test(text)) return inRange(Math.floor(Number(text)));
  const [, day, time, zone] = ISO_8601.exec(text) ?? [];
  if (day === undefined || time === undefined || !isCalendarDay(day)) return null;
  return inRange(Math.floor(Date.parse(`${day}T${time}${zoneOf(zone)}`) / 1000));
}

function inRange(at: number): number | null {
  return at >= EARLIEST_EVENT_AT && at <= LATEST_AT ? at : null;
}

/** `Date.parse` lets 30 February pass for 2 March. */
function isCalendarDay(day: string): boolean {
  const atMs = Date.parse(`${day}T00:00:00Z`);
  return !Number.isNaN(atMs) && new Date(atMs).toISOString().startsWith(day);
}

function zoneOf(zone: string | undefined): string {
  if (zone === undefined || /^(?:z|utc)$/i.test(zone)) return 'Z';
  return zone.includes(':') ? zone : `${zone.slice(0, 3)}:${zone.slice(3)}`;
}
