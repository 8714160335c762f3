import type { FieldProblem } from '../http/problem.js';
import { addDaysOn, startOfDayAt } from '../rules/calendar.js';
import { CHANNELS } from '../rules/vocabulary.js';
import type { Window } from '../store/ports/reports.js';
import { choiceList, textList, wholeNumber } from '../http/query-fields.js';

/** Filters that several reports share. */
export const coachField = textList('Coach, by name or Intercom id; may repeat');
export const employerField = textList('Employer; may repeat');
export const channelField = choiceList(CHANNELS, 'Channel of a session; may repeat');
export const lookbackField = wholeNumber(
  { min: 1, max: 365 },
  365,
  'Days to look back; today and the day exactly so many days ago are included',
);

/** From the first instant of `fromOn` on, without an end: a time ahead of the clock counts as today. */
export function windowSince(fromOn: string, timeZone: string): Window {
  return { fromAt: startOfDayAt(fromOn, timeZone), toAt: null };
}

/** Both dates included; no end where `toOn` is today or later. */
export function windowOfDates(fromOn: string, toOn: string, todayOn: string, timeZone: string): Window {
  const fromAt = startOfDayAt(fromOn, timeZone);
  return { fromAt, toAt: toOn >= todayOn ? null : startOfDayAt(addDaysOn(toOn, 1), timeZone) };
}

/** A range whose end lies before its beginning. */
export function checkRange(
  from: readonly [name: string, on: string | undefined],
  to: readonly [name: string, on: string | undefined],
): FieldProblem[] {
  if (from[1] === undefined || to[1] === undefined || from[1] <= to[1]) return [];
  return [{ field: to[0], message: `must not be before ${from[0]}` }];
}
