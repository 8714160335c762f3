import type {
  CaseloadRow,
  ParticipantFilter,
  ParticipantRow,
  SessionFilter,
  SessionRow,
  Window,
} from '../../report-store.js';
import type { ListKind } from './list.js';
import {
  channelName,
  HAS_MATCH,
  IN_WINDOW,
  MEMBER,
  memberColumns,
  number,
  OF_CHANNELS,
  OF_COACHES,
  OF_EMPLOYERS,
  SESSION,
  sessionParams,
  sessionsInWindow,
  text,
  USED,
  type CoachBook,
} from './parts.js';

export function caseloadList(coaches: CoachBook): ListKind<SessionFilter, CaseloadRow> {
  return {
    name: 'caseload',
    keys: 2,
    query: (filter) => ({
      sql: `select -x.last k0, m.contact_id k1, x.last lastSessionAt, ${MEMBER}, ${USED}
        from (select s.contact_id, max(s.reported_at) last from conversations s
              where ${SESSION} and ${IN_WINDOW} group by s.contact_id) x
        join reported_members m on m.contact_id = x.contact_id
        where ${OF_EMPLOYERS} and ${HAS_MATCH}`,
      params: sessionParams(filter, coaches),
    }),
    present: (raw) => ({
      ...memberColumns(raw),
      ...sessionsInWindow(raw, coaches),
      lastSessionAt: Number(raw['lastSessionAt']),
    }),
  };
}

export function sessionList(coaches: CoachBook): ListKind<SessionFilter, SessionRow> {
  return {
    name: 'sessions',
    keys: 2,
    query: (filter) => ({
      sql: `select -s.reported_at k0, s.id k1, s.reported_at sessionAt, s.id conversationId, s.coach_id coachId,
               s.channel_name channel, coalesce(s.service_code_name, s.service_code) serviceCode, ${MEMBER}
        from conversations s join reported_members m on m.contact_id = s.contact_id
        where ${SESSION} and ${IN_WINDOW} and ${OF_EMPLOYERS} and ${OF_COACHES} and ${OF_CHANNELS}`,
      params: sessionParams(filter, coaches),
    }),
    present: (raw) => {
      const coachId = text(raw['coachId']);
      const channel = channelName(raw['channel']);
      if (channel === null) throw new TypeError('a coaching session without a known channel');
      return {
        ...memberColumns(raw),
        conversationId: String(raw['conversationId']),
        coachId,
        coachName: coachId === null ? null : coaches.nameOf(coachId),
        channel,
        serviceCode: text(raw['serviceCode']),
        sessionAt: Number(raw['sessionAt']),
      };
    },
  };
}

const ALL_TIME: Window = { fromAt: Number.MIN_SAFE_INTEGER, toAt: null };

export function participantList(coaches: CoachBook): ListKind<ParticipantFilter, ParticipantRow> {
  return {
    name: 'new-participants',
    keys: 2,
    query: (filter) => ({
      sql: `select m.without_session_since_on k0, m.contact_id k1, m.enrolled_at participantAt,
               m.enrolled_on participantOn, m.first_session_at firstSessionAt, m.last_session_at lastSessionAt,
               ${MEMBER}, ${USED}
        from reported_members m
        where m.enrolled_on between @enrolledFromOn and @enrolledToOn and ${OF_EMPLOYERS} and ${HAS_MATCH}`,
      params: {
        ...sessionParams({ ...filter, window: ALL_TIME }, coaches),
        enrolledFromOn: filter.enrolledFromOn,
        enrolledToOn: filter.enrolledToOn,
      },
    }),
    present: (raw) => ({
      ...memberColumns(raw),
      ...sessionsInWindow(raw, coaches),
      participantAt: Number(raw['participantAt']),
      participantOn: String(raw['participantOn']),
      firstSessionAt: number(raw['firstSessionAt']),
      lastSessionAt: number(raw['lastSessionAt']),
    }),
  };
}
