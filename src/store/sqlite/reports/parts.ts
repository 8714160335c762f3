import type Database from 'better-sqlite3';
import { canonical, CHANNELS, fold, type Channel } from '../../../rules/vocabulary.js';
import type { MemberColumns, SessionFilter, SessionsInWindow, Window } from '../../report-store.js';
import type { SqlValue } from './list.js';

export type Raw = Readonly<Record<string, SqlValue>>;

/** Looks coaches up by id or name. */
export interface CoachBook {
  idsOf(values: readonly string[]): string[];
  nameOf(id: string): string | null;
}

export function createCoachBook(sqlite: Database.Database): CoachBook {
  const all = sqlite.prepare<[], { id: string; name: string | null }>('select id, name from coaches');
  const one = sqlite.prepare<[string], string | null>('select name from coaches where id = ?').pluck();
  return {
    idsOf: (values) => {
      const wanted = new Set(values.map(fold));
      const named = all.all().filter(({ name }) => name !== null && wanted.has(fold(name)));
      return [...new Set([...values.map((value) => value.trim()), ...named.map(({ id }) => id)])];
    },
    nameOf: (id) => one.get(id) ?? null,
  };
}

export const MEMBER =
  'm.contact_id contactId, m.user_id userId, m.name name, m.email email, m.employer employer';
export const IN_WINDOW = 's.reported_at >= @fromAt and (@toAt is null or s.reported_at < @toAt)';
export const SESSION = 's.reported_at is not null and s.is_coaching_session = 1';
export const OF_EMPLOYERS =
  "(@employers = '[]' or m.employer_key in (select value from json_each(@employers)))";
export const OF_COACHES = "(@coaches = '[]' or s.coach_id in (select value from json_each(@coaches)))";
export const OF_CHANNELS = "(@channels = '[]' or s.channel_name in (select value from json_each(@channels)))";
/** One session with both, the coach and the channel. */
export const HAS_MATCH = `(@coaches = '[]' and @channels = '[]' or exists (
  select 1 from conversations s
  where s.contact_id = m.contact_id and ${SESSION} and ${IN_WINDOW} and ${OF_COACHES} and ${OF_CHANNELS}))`;
export const USED = `(select json_group_array(json_array(coach_id, channel_name)) from (
  select distinct s.coach_id, s.channel_name from conversations s
  where s.contact_id = m.contact_id and ${SESSION} and ${IN_WINDOW})) used`;

export const folded = (values: readonly string[]): string => JSON.stringify(values.map(fold));
export const text = (value: SqlValue | undefined): string | null =>
  typeof value === 'string' ? value : null;
export const number = (value: SqlValue | undefined): number | null =>
  typeof value === 'number' ? value : null;

export function windowParams({ fromAt, toAt }: Window): Record<string, SqlValue> {
  return { fromAt, toAt };
}

export function memberColumns(raw: Raw): MemberColumns {
  return {
    contactId: String(raw['contactId']),
    userId: text(raw['userId']),
    name: text(raw['name']),
    email: text(raw['email']),
    employer: text(raw['employer']),
  };
}

export function sessionsInWindow(raw: Raw, coaches: CoachBook): SessionsInWindow {
  const used: unknown = JSON.parse(String(raw['used']));
  const pairs: unknown[][] = Array.isArray(used) ? used.filter((pair) => Array.isArray(pair)) : [];
  const ids = new Set(pairs.flatMap(([id]) => (typeof id === 'string' ? [id] : [])));
  const coachIds = [...ids].sort((one, other) => (one < other ? -1 : 1));
  const channels = CHANNELS.filter((name) => pairs.some(([, channel]) => channel === name));
  return {
    coachIds,
    coachNames: coachIds.map((id) => coaches.nameOf(id) ?? id),
    channels: [...channels].sort((one, other) => (one < other ? -1 : 1)),
  };
}

export const channelName = (value: SqlValue | undefined): Channel | null => canonical(CHANNELS, text(value));

export function sessionParams(
  filter: Pick<SessionFilter, 'window' | 'coaches' | 'employers' | 'channels'>,
  coaches: CoachBook,
): Record<string, SqlValue> {
  return {
    ...windowParams(filter.window),
    employers: folded(filter.employers),
    coaches: JSON.stringify(filter.coaches.length === 0 ? [] : coaches.idsOf(filter.coaches)),
    channels: JSON.stringify(filter.channels),
  };
}
