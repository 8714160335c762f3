import { fold } from '../../rules/text.js';
import type { SessionFilter } from '../ports/reports.js';
import type { Coaches } from './coaches.js';
import type { Dialect } from './dialect.js';
import type { Params } from './reading.js';

/** Read out field by field where rows are made: spreading them from one place doubles the time of a whole report. */
export const MEMBER = 'm.contact_id, m.user_id, m.name, m.email, m.employer';

/** Conditions that hold together; without any, everything passes. */
export function allOf(conditions: readonly string[]): string {
  return conditions.length === 0 ? 'true' : conditions.join(' and ');
}

type Chosen = Pick<SessionFilter, 'coaches' | 'employers' | 'channels'>;
/** Null where all sessions that are known count. */
type SessionWindow = SessionFilter['window'] | null;

/** Conditions that several lists have, in an engine's words. */
export interface Conditions {
  /** `m` is of one of the employers; nothing where none is asked for. */
  readonly ofEmployers: (employers: readonly string[]) => string[];
  /** `s` passes the filters, its member's employer too; the parameters are in {@link sessionParams}. */
  readonly ofSession: (window: SessionWindow, chosen: Chosen) => string[];
  /** `m` has one session with both, the coach and the channel, and is of one of the employers. */
  readonly ofMember: (window: SessionWindow, chosen: Chosen) => string[];
  /** Coach and channel of every session of `m` in the window, for {@link Coaches.sessionsOf}. */
  readonly usedInWindow: (window: SessionWindow) => string;
}

export function createConditions({ inList, isTrue, isFalse, joinTexts, isAmong }: Dialect): Conditions {
  /** In these words, because the indexes of sessions hold exactly the rows for which they are true. */
  const session = `s.reported_at is not null and ${isTrue('s.is_coaching_session')}`;
  /** Members are found by employer along the index of billing, which begins with whether they have one. */
  const isOfEmployer = `${isFalse('m.has_no_employer')} and ${inList('m.employer_key', 'employers')}`;

  /** `s` is a coaching session in the window. */
  const inWindow = (window: SessionWindow): string[] => {
    if (window === null) return [session];
    return [session, 's.reported_at >= @fromAt', ...(window.toAt === null ? [] : ['s.reported_at < @toAt'])];
  };
  const ofEmployers = (employers: readonly string[]): string[] =>
    employers.length === 0 ? [] : [isOfEmployer];
  const ofSession: Conditions['ofSession'] = (window, { coaches, employers, channels }) => [
    ...inWindow(window),
    ...(coaches.length === 0 ? [] : [inList('s.coach_id', 'coaches')]),
    ...(channels.length === 0 ? [] : [inList('s.channel_name', 'channels')]),
    ...(employers.length === 0
      ? []
      : [`s.contact_id in (select m.contact_id from reported_members m where ${isOfEmployer})`]),
  ];

  return {
    ofEmployers,
    ofSession,
    ofMember: (window, { coaches, employers, channels }) => {
      const match = allOf(ofSession(window, { coaches, channels, employers: [] }));
      const own = ofEmployers(employers);
      // Few sessions are of one coach, but many over one channel: those are looked for from each member.
      if (coaches.length > 0) {
        return [...own, isAmong('m.contact_id', 's.contact_id', `from conversations s where ${match}`)];
      }
      if (channels.length === 0) return own;
      return [
        ...own,
        `exists (select 1 from conversations s where s.contact_id = m.contact_id and ${match})`,
      ];
    },
    usedInWindow: (window) =>
      `(select ${joinTexts("coalesce(s.coach_id, '') || ':' || s.channel_name")} from conversations s
        where s.contact_id = m.contact_id and ${allOf(inWindow(window))})`,
  };
}

export function sessionParams(window: SessionWindow, chosen: Chosen, coaches: Coaches): Params {
  return {
    ...(window === null ? {} : { fromAt: window.fromAt, toAt: window.toAt }),
    employers: folded(chosen.employers),
    coaches: coachIds(chosen.coaches, coaches),
    channels: chosen.channels,
  };
}

export function coachIds(asked: readonly string[], coaches: Coaches): readonly string[] {
  return asked.length === 0 ? [] : coaches.idsOf(asked);
}

export const folded = (values: readonly string[]): readonly string[] => values.map(fold);
