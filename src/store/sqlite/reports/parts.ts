import type Database from 'better-sqlite3';
import { canonical, CHANNELS, fold, type Channel } from '../../../rules/vocabulary.js';
import type { MemberColumns, SessionFilter, SessionsInWindow } from '../../report-store.js';
import type { Params, RawRow, SqlValue } from './list.js';

/** Looks coaches up by id or name. */
export interface CoachBook {
  /** Names may have changed since the last list was read. */
  readAgain(): void;
  idsOf(values: readonly string[]): string[];
  nameOf(id: string): string | null;
}

export function createCoachBook(sqlite: Database.Database): CoachBook {
  const all = sqlite.prepare<[], { id: string; name: string | null }>('select id, name from coaches');
  let names: ReadonlyMap<string, string | null> = new Map();
  return {
    readAgain: () => {
      names = new Map(all.all().map(({ id, name }) => [id, name]));
    },
    idsOf: (values) => {
      const wanted = new Set(values.map(fold));
      const named = [...names].filter(([, name]) => name !== null && wanted.has(fold(name)));
      return [...new Set([...values.map((value) => value.trim()), ...named.map(([id]) => id)])];
    },
    nameOf: (id) => names.get(id) ?? null,
  };
}

export const MEMBER =
  'm.contact_id contactId, m.user_id userId, m.name name, m.email email, m.employer employer';
/** In these words, because the indexes of sessions hold exactly the rows for which they are true. */
const SESSION = 's.reported_at is not null and s.is_coaching_session = 1';
const OF_COACHES = 's.coach_id in (select value from json_each(@coaches))';
const OF_CHANNELS = 's.channel_name in (select value from json_each(@channels))';
/** Members are found by employer along the index of billing, which begins with whether they have one. */
const OF_EMPLOYERS = 'm.has_no_employer = 0 and m.employer_key in (select value from json_each(@employers))';

/** Conditions that hold together; without any, everything passes. */
export function allOf(conditions: readonly string[]): string {
  return conditions.length === 0 ? '1' : conditions.join(' and ');
}

/** `m` is of one of the employers; nothing where none is asked for. */
export function ofEmployers(employers: readonly string[]): string[] {
  return employers.length === 0 ? [] : [OF_EMPLOYERS];
}

type Chosen = Pick<SessionFilter, 'coaches' | 'employers' | 'channels'>;
/** Null where all sessions that are known count. */
type SessionWindow = SessionFilter['window'] | null;

/** `s` is a coaching session in the window; the parameters are in {@link sessionParams}. */
function inWindow(window: SessionWindow): string[] {
  if (window === null) return [SESSION];
  return [SESSION, 's.reported_at >= @fromAt', ...(window.toAt === null ? [] : ['s.reported_at < @toAt'])];
}

/** `s` passes the filters, its member's employer too. */
export function sessionConditions(window: SessionWindow, { coaches, employers, channels }: Chosen): string[] {
  return [
    ...inWindow(window),
    ...(coaches.length === 0 ? [] : [OF_COACHES]),
    ...(channels.length === 0 ? [] : [OF_CHANNELS]),
    ...(employers.length === 0
      ? []
      : [`s.contact_id in (select m.contact_id from reported_members m where ${OF_EMPLOYERS})`]),
  ];
}

/** `m` has one session with both, the coach and the channel, and is of one of the employers. */
export function memberConditions(window: SessionWindow, { coaches, employers, channels }: Chosen): string[] {
  const match = allOf(sessionConditions(window, { coaches, channels, employers: [] }));
  const own = ofEmployers(employers);
  // Few sessions are of one coach, but many over one channel: those are looked for from each member.
  if (coaches.length > 0) {
    return [...own, `m.contact_id in (select s.contact_id from conversations s where ${match})`];
  }
  if (channels.length === 0) return own;
  return [...own, `exists (select 1 from conversations s where s.contact_id = m.contact_id and ${match})`];
}

/** Coach and channel of every session of `m` in the window, as one text of JSON. */
export function usedInWindow(window: SessionWindow): string {
  return `(select json_group_array(json_array(coach_id, channel_name)) from (
    select distinct s.coach_id, s.channel_name from conversations s
    where s.contact_id = m.contact_id and ${allOf(inWindow(window))})) used`;
}

export function sessionParams(window: SessionWindow, chosen: Chosen, coaches: CoachBook): Params {
  return {
    ...(window === null ? {} : { fromAt: window.fromAt, toAt: window.toAt }),
    employers: folded(chosen.employers),
    coaches: coachIds(chosen.coaches, coaches),
    channels: JSON.stringify(chosen.channels),
  };
}

export function coachIds(asked: readonly string[], coaches: CoachBook): string {
  return JSON.stringify(asked.length === 0 ? [] : coaches.idsOf(asked));
}

export const folded = (values: readonly string[]): string => JSON.stringify(values.map(fold));
export const text = (value: SqlValue | undefined): string | null =>
  typeof value === 'string' ? value : null;
export const number = (value: SqlValue | undefined): number | null =>
  typeof value === 'number' ? value : null;

export function memberColumns(raw: RawRow): MemberColumns {
  return {
    contactId: String(raw['contactId']),
    userId: text(raw['userId']),
    name: text(raw['name']),
    email: text(raw['email']),
    employer: text(raw['employer']),
  };
}

export function sessionsInWindow(raw: RawRow, coaches: CoachBook): SessionsInWindow {
  const used: unknown = JSON.parse(String(raw['used']));
  const pairs: unknown[][] = Array.isArray(used) ? used.filter((pair) => Array.isArray(pair)) : [];
  const ids = new Set(pairs.flatMap(([id]) => (typeof id === 'string' ? [id] : [])));
  const sortedIds = [...ids].sort((one, other) => (one < other ? -1 : 1));
  const channels = CHANNELS.filter((name) => pairs.some(([, channel]) => channel === name));
  return {
    coachIds: sortedIds,
    coachNames: sortedIds.map((id) => coaches.nameOf(id) ?? id),
    channels: [...channels].sort((one, other) => (one < other ? -1 : 1)),
  };
}

export const channelName = (value: SqlValue | undefined): Channel | null => canonical(CHANNELS, text(value));
