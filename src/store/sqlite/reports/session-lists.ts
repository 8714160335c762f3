import type {
  CaseloadFilter,
  CaseloadRow,
  ParticipantFilter,
  ParticipantRow,
  SessionFilter,
  SessionRow,
} from '../../report-store.js';
import type { ListKind } from './list.js';
import {
  allOf,
  channelName,
  MEMBER,
  memberConditions,
  number,
  sessionConditions,
  sessionParams,
  text,
  usedInWindow,
  type CoachBook,
} from './parts.js';

/** The window has no end, so a member's last session in it is the last one of all: no session needs to be looked at. */
export function caseloadList(coaches: CoachBook): ListKind<CaseloadFilter, CaseloadRow> {
  const query = (filter: CaseloadFilter) => {
    const window = { fromAt: filter.fromAt, toAt: null };
    const where = allOf(['m.last_session_at >= @fromAt', ...memberConditions(window, filter)]);
    return { window, where, params: sessionParams(window, filter, coaches) };
  };
  return {
    name: 'caseload',
    parts: (filter) => {
      const { window, where, params } = query(filter);
      return [
        {
          key: [],
          sort: [{ column: 'm.last_session_at', isDescending: true }, { column: 'm.contact_id' }],
          params,
          rows: ({ behind, orderAndLimit }) =>
            `select m.last_session_at k0, m.contact_id k1, ${MEMBER}, ${usedInWindow(window)}
             from reported_members m where ${where} and ${behind} ${orderAndLimit}`,
        },
      ];
    },
    counted: (filter) => {
      const { where, params } = query(filter);
      return [{ from: `from reported_members m where ${where}`, params }];
    },
    present: (raw) => {
      const { coachIds, coachNames, channels } = coaches.sessionsOf(text(raw['used']) ?? '');
      return {
        contactId: String(raw['contactId']),
        userId: text(raw['userId']),
        name: text(raw['name']),
        email: text(raw['email']),
        employer: text(raw['employer']),
        coachIds,
        coachNames,
        channels,
        lastSessionAt: Number(raw['k0']),
      };
    },
  };
}

export function sessionList(coaches: CoachBook): ListKind<SessionFilter, SessionRow> {
  const query = (filter: SessionFilter) => ({
    where: allOf(sessionConditions(filter.window, filter)),
    params: sessionParams(filter.window, filter, coaches),
  });
  return {
    name: 'sessions',
    parts: (filter) => {
      const { where, params } = query(filter);
      return [
        {
          key: [],
          sort: [{ column: 's.reported_at', isDescending: true }, { column: 's.id' }],
          params,
          // The page is cut before anything is joined to it.
          rows: ({ behind, orderAndLimit }) =>
            `select x.reported_at k0, x.id k1, c.coach_id coachId, c.channel_name channel,
               coalesce(c.service_code_name, c.service_code) serviceCode, ${MEMBER}
             from (select s.rowid place, s.reported_at, s.id, s.contact_id from conversations s
                   where ${where} and ${behind} ${orderAndLimit}) x
             join conversations c on c.rowid = x.place
             join reported_members m on m.contact_id = x.contact_id
             order by x.reported_at desc, x.id`,
        },
      ];
    },
    counted: (filter) => {
      const { where, params } = query(filter);
      // Of the indexes that hold the channel this one is in the order of time for each coach.
      const isByChannel = filter.channels.length > 0 && filter.employers.length === 0;
      const hint = isByChannel ? 'indexed by conversations_sessions_of_coach' : '';
      return [{ from: `from conversations s ${hint} where ${where}`, params }];
    },
    present: (raw) => {
      const coachId = text(raw['coachId']);
      const channel = channelName(raw['channel']);
      if (channel === null) throw new TypeError('a coaching session without a known channel');
      return {
        contactId: String(raw['contactId']),
        userId: text(raw['userId']),
        name: text(raw['name']),
        email: text(raw['email']),
        employer: text(raw['employer']),
        conversationId: String(raw['k1']),
        coachId,
        coachName: coachId === null ? null : coaches.nameOf(coachId),
        channel,
        serviceCode: text(raw['serviceCode']),
        sessionAt: Number(raw['k0']),
      };
    },
  };
}

export function participantList(coaches: CoachBook): ListKind<ParticipantFilter, ParticipantRow> {
  const query = (filter: ParticipantFilter) => {
    const isChosen = filter.coaches.length + filter.employers.length > 0;
    // Left alone, SQLite would find the enrolled and sort them; in this index they are sorted, with their dates.
    const from = `from reported_members m ${isChosen ? '' : 'indexed by reported_members_without_session'}`;
    const enrolled = 'm.enrolled_on is not null and m.enrolled_on between @enrolledFromOn and @enrolledToOn';
    return {
      from: `${from} where ${allOf([enrolled, ...memberConditions(null, filter)])}`,
      params: {
        ...sessionParams(null, filter, coaches),
        enrolledFromOn: filter.enrolledFromOn,
        enrolledToOn: filter.enrolledToOn,
      },
    };
  };
  return {
    name: 'new-participants',
    parts: (filter) => {
      const { from, params } = query(filter);
      return [
        {
          key: [],
          sort: [{ column: 'm.without_session_since_on' }, { column: 'm.contact_id' }],
          params,
          rows: ({ behind, orderAndLimit }) =>
            `select m.without_session_since_on k0, m.contact_id k1, m.enrolled_at participantAt,
               m.enrolled_on participantOn, m.first_session_at firstSessionAt, m.last_session_at lastSessionAt,
               ${MEMBER}, ${usedInWindow(null)}
             ${from} and ${behind} ${orderAndLimit}`,
        },
      ];
    },
    counted: (filter) => [query(filter)],
    present: (raw) => {
      const { coachIds, coachNames, channels } = coaches.sessionsOf(text(raw['used']) ?? '');
      return {
        contactId: String(raw['contactId']),
        userId: text(raw['userId']),
        name: text(raw['name']),
        email: text(raw['email']),
        employer: text(raw['employer']),
        coachIds,
        coachNames,
        channels,
        participantAt: Number(raw['participantAt']),
        participantOn: String(raw['participantOn']),
        firstSessionAt: number(raw['firstSessionAt']),
        lastSessionAt: number(raw['lastSessionAt']),
      };
    },
  };
}
