import { dateIn, isDate, utcMidnight } from './plain-calendar.js';

/* What Intercom holds, and how the specification reads it. */

export interface PlainContact {
  readonly id: string;
  readonly role: 'user' | 'lead';
  readonly isArchived: boolean;
  readonly userId: string | null;
  readonly name: string | null;
  readonly email: string | null;
  readonly attributes: Readonly<Record<string, unknown>>;
}

export interface PlainConversation {
  readonly id: string;
  /** The service has met it: it changed since `knownFromAt`, or was read for another reason. */
  readonly isKnown: boolean;
  readonly contactIds: readonly string[];
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly lastCloseAt: number | null;
  readonly state: 'open' | 'closed' | 'snoozed';
  readonly coachId: string | null;
  readonly attributes: Readonly<Record<string, unknown>>;
}

export interface PlainWorld {
  readonly zone: string;
  readonly nowAt: number;
  /** Every conversation that changed since then is known. */
  readonly knownFromAt: number;
  readonly contacts: readonly PlainContact[];
  readonly conversations: readonly PlainConversation[];
  readonly coachNames: ReadonlyMap<string, string>;
  /** First and last name by the whole one, as whoever made it up meant them. */
  readonly nameParts: ReadonlyMap<string, readonly [first: string, last: string]>;
}

export const PLAIN_CHANNELS = ['Phone', 'Video Conference', 'Email', 'Chat'];
export const PLAIN_CODES = ['Health Coaching 001', 'Disease Management 002'];
export const PLAIN_STATUSES = ['Engaged', 'At Risk', 'Unengaged'];

export function same(text: string): string {
  return text.normalize('NFKC').replaceAll(/\s+/g, ' ').trim().toLowerCase();
}

/** A filled-in text without blanks around it, else null. */
export function textOf(value: unknown): string | null {
  if (value === null || value === undefined) return null;
  const text = typeof value === 'string' ? value.trim() : JSON.stringify(value);
  return text === '' ? null : text;
}

export function oneOf(names: readonly string[], value: unknown): string | null {
  const text = textOf(value);
  if (text === null) return null;
  for (const name of names) if (same(name) === same(text)) return name;
  return null;
}

/** Unix seconds; `bad` for what can't be read. */
export function readTime(value: unknown): number | 'missing' | 'bad' {
  if (value === null || value === undefined) return 'missing';
  if (typeof value === 'number') return inReach(value);
  if (typeof value !== 'string') return 'bad';
  const text = value.trim();
  if (text === '') return 'missing';
  if (/^[+-]?[0-9]+(\.[0-9]+)?$/.test(text)) return inReach(Number(text));
  if (isDate(text)) return inReach(utcMidnight(text));
  // An ISO time that names its offset is an instant too.
  if (/^\d{4}-\d{2}-\d{2}T.*(Z|[+-]\d{2}:?\d{2})$/.test(text) && isDate(text.slice(0, 10))) {
    const at = Math.floor(Date.parse(text) / 1000);
    return Number.isNaN(at) ? 'bad' : inReach(at);
  }
  return 'bad';
}

/** Whole seconds from 1900 to 2199; everything else is a slip. */
function inReach(at: number): number | 'bad' {
  const isInReach = at >= utcMidnight('1900-01-01') && at < utcMidnight('2200-01-01');
  return Number.isInteger(at) && isInReach ? at : 'bad';
}

export interface PlainDate {
  readonly on: string;
  readonly at: number;
}

/** A date-only attribute: exactly 00:00 UTC is the date as written, everything else an instant. `at` is Intercom's. */
export function readDay(value: unknown, zone: string): PlainDate | null {
  const at = readTime(value);
  if (typeof at !== 'number') return null;
  return { on: dateIn(at, at % 86_400 === 0 ? 'UTC' : zone), at };
}

/** 0 is how programs write that there is none; only somebody's birth can be so long ago. */
export function isZero(value: unknown): boolean {
  return value === 0 || (typeof value === 'string' && value.trim() !== '' && Number(value) === 0);
}

export function readRecentDay(value: unknown, zone: string): PlainDate | null {
  return isZero(value) ? null : readDay(value, zone);
}
