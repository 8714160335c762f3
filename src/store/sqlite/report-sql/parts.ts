import type Database from 'better-sqlite3';
import { cutText, fold } from '../../../rules/text.js';
import { canonical, CHANNELS, type Channel } from '../../../rules/vocabulary.js';
import type { SessionFilter, SessionsInWindow } from '../../ports/reports.js';
import type { Params, SqlValue } from './list.js';

/** Coaches by id or name, as they are called now. */
export interface CoachBook {
  /** To be called before a list is read: names may have changed. */
  readAgain(): void;
  idsOf(values: readonly string[]): string[];
  nameOf(id: string): string | null;
  /** What {@link usedInWindow} has found, with names. */
  sessionsOf(used: string): SessionsInWindow;
}

export function createCoachBook(sqlite: Database.Database): CoachBook {
  const all = sqlite.prepare<[], { id: string; name: string | null }>('select id, name from coaches');
  let names: ReadonlyMap<string, string | null> = new Map();
  let version: unknown;
  const nameOf = (id: string): string | null => names.get(id) ?? null;
  return {
    readAgain: () => {
      // Another number as soon as another connection has committed anything.
      const current = sqlite.pragma('data_version', { simple: true });
      if (current === version) return;
      version = current;
      names = new Map(all.all().map(({ id, name }) => [id, name]));
    },
    idsOf: (values) => {
      const wanted = new Set(values.map(fold));
      const named = [...names].filter(([, name]) => name !== null && wanted.has(fold(name)));
      return [...new Set([...values.map((value) => cutText(value.trim())), ...named.map(([id]) => id)])];
    },
    nameOf,
    sessionsOf: (used) => {
      const { ids, channels } = readUsed(used);
      return { coachIds: ids, coachNames: ids.map((id) => nameOf(id) ?? id), channels };
    },
  };
}

interface UsedOnce {
  readonly coachId: string | null;
  readonly channel: Channel | null;
}

/** A coach's sessions over one channel are written alike in all rows: there are few such texts. */
const usedOnce = new Map<string, UsedOnce>();

/** `5210001:Phone,5210002:Chat,:Email`: neither ids nor channels hold a comma or a colon. */
function readUsed(used: string): { readonly ids: readonly string[]; readonly channels: readonly Channel[] } {
  const ids: string[] = [];
  const channels: Channel[] = [];
  for (const written of used === '' ? [] : used.split(',')) {
    const { coachId, channel } = usedOnce.get(written) ?? readUsedOnce(written);
    if (coachId !== null && !ids.includes(coachId)) ids.push(coachId);
    if (channel !== null && !channels.includes(channel)) channels.push(channel);
  }
  return { ids: sortTexts(ids), channels: sortTexts(channels) };
}

function readUsedOnce(written: string): UsedOnce {
  const [id = '', channel] = written.split(':');
  const used = { coachId: id === '' ? null : id, channel: channelName(channel) };
  usedOnce.set(written, used);
  return used;
}

function sortTexts<Text extends string>(texts: Text[]): Text[] {
  return texts.sort((one, other) => (one < other ? -1 : 1));
}

/** Read out field by field where rows are made: spreading them from one place doubles the time of a whole report. */
export const MEMBER = 'm.contact_id, m.user_id, m.name, m.email, m.employer';
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

/** Coach and channel of every session of `m` in the window, for {@link CoachBook.sessionsOf}. */
export function usedInWindow(window: SessionWindow): string {
  return `(select group_concat(coalesce(s.coach_id, '') || ':' || s.channel_name) from conversations s
    where s.contact_id = m.contact_id and ${allOf(inWindow(window))})`;
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
export const channelName = (value: SqlValue | undefined): Channel | null => canonical(CHANNELS, text(value));
