import { TZDate } from '@date-fns/tz';
import { addDays } from 'date-fns/addDays';
import { startOfDay } from 'date-fns/startOfDay';

/**
 * The calendar day that `at` falls on in `timeZone`: its first second, and the first second of the next day
 * (Unix seconds; 23 or 25 hours apart where the clocks change). Null when `at` is beyond all calendars.
 */
export function dayBounds(
  at: number,
  timeZone: string,
): { readonly startAt: number; readonly nextAt: number } | null {
  const moment = new Date(at * 1000);
  if (Number.isNaN(moment.getTime()) || moment.getUTCFullYear() > 9999) return null;
  const start = startOfDay(new TZDate(moment.getTime(), timeZone));
  const next = startOfDay(addDays(start, 1));
  return { startAt: Math.floor(start.getTime() / 1000), nextAt: Math.floor(next.getTime() / 1000) };
}
