import type {
  CaseloadFilter,
  CaseloadRow,
  ParticipantFilter,
  ParticipantRow,
  SessionFilter,
  SessionRow,
} from '../ports/reports.js';
import type { Coaches } from './coaches.js';
import type { Dialect } from './dialect.js';
import type { ListKind } from './list.js';
import { allOf, createConditions, MEMBER, sessionParams } from './parts.js';
import { channelName, number, text } from './read-values.js';
import { known } from './reading.js';

/** The window has no end, so a member's last session in it is the last one of all: no session needs to be looked at. */
export function caseloadList(dialect: Dialect): ListKind<CaseloadFilter, CaseloadRow> {
  const { ofMember, usedInWindow } = createConditions(dialect);
  const query = (filter: CaseloadFilter, coaches: Coaches) => {
    const window = { fromAt: filter.fromAt, toAt: null };
    const where = allOf(['m.last_session_at >= @fromAt', ...ofMember(window, filter)]);
    return { window, where, params: sessionParams(window, filter, coaches) };
  };
  return {
    name: 'caseload',
    parts: (filter, coaches) => {
      const { window, where, params } = query(filter, coaches);
      return known([
        {
          key: [],
          sort: [{ column: 'm.last_session_at', isDescending: true }, { column: 'm.contact_id' }],
          params,
          rows: ({ behind, orderAndLimit }) =>
            `select ${MEMBER}, ${usedInWindow(window)}, m.last_session_at, m.contact_id
             from reported_members m where ${where} and ${behind} ${orderAndLimit}`,
        },
      ]);
    },
    counted: (filter, coaches) => {
      const { where, params } = query(filter, coaches);
      return [{ from: `from reported_members m where ${where}`, params }];
    },
    present: ([contactId, userId, name, email, employer, used, lastSessionAt], coaches) => {
      const { coachIds, coachNames, channels } = coaches.sessionsOf(text(used) ?? '');
      return {
        contactId: String(contactId),
        userId: text(userId),
        name: text(name),
        email: text(email),
        employer: text(employer),
        coachIds,
        coachNames,
        channels,
        lastSessionAt: Number(lastSessionAt),
      };
    },
  };
}

export function sessionList(dialect: Dialect): ListKind<SessionFilter, SessionRow> {
  const { rowKey, byIndex } = dialect;
  const { ofSession } = createConditions(dialect);
  const query = (filter: SessionFilter, coaches: Coaches) => ({
    where: allOf(ofSession(filter.window, filter)),
    params: sessionParams(filter.window, filter, coaches),
  });
  return {
    name: 'sessions',
    parts: (filter, coaches) => {
      const { where, params } = query(filter, coaches);
      return known([
        {
          key: [],
          sort: [{ column: 's.reported_at', isDescending: true }, { column: 's.id' }],
          params,
          // The page is cut before anything is joined to it.
          rows: ({ behind, orderAndLimit }) =>
            `select ${MEMBER}, c.coach_id, c.channel_name, coalesce(c.service_code_name, c.service_code),
               x.reported_at, x.id
             from (select s.${rowKey} place, s.reported_at, s.id, s.contact_id from conversations s
                   where ${where} and ${behind} ${orderAndLimit}) x
             join conversations c on c.${rowKey} = x.place
             join reported_members m on m.contact_id = x.contact_id
             order by x.reported_at desc, x.id`,
        },
      ]);
    },
    counted: (filter, coaches) => {
      const { where, params } = query(filter, coaches);
      // Of the indexes that hold the channel this one is in the order of time for each coach.
      const isByChannel = filter.channels.length > 0 && filter.employers.length === 0;
      const hint = isByChannel ? byIndex('conversations_sessions_of_coach') : '';
      return [{ from: `from conversations s ${hint} where ${where}`, params }];
    },
    present: (
      [contactId, userId, name, email, employer, coach, used, serviceCode, sessionAt, id],
      coaches,
    ) => {
      const coachId = text(coach);
      const channel = channelName(used);
      if (channel === null) throw new TypeError('a coaching session without a known channel');
      return {
        contactId: String(contactId),
        userId: text(userId),
        name: text(name),
        email: text(email),
        employer: text(employer),
        conversationId: String(id),
        coachId,
        coachName: coachId === null ? null : coaches.nameOf(coachId),
        channel,
        serviceCode: text(serviceCode),
        sessionAt: Number(sessionAt),
      };
    },
  };
}

export function participantList(dialect: Dialect): ListKind<ParticipantFilter, ParticipantRow> {
  const { ofMember, usedInWindow } = createConditions(dialect);
  const query = (filter: ParticipantFilter, coaches: Coaches) => {
    const isChosen = filter.coaches.length + filter.employers.length > 0;
    // Left alone, an engine would find the enrolled and sort them; in this index they are sorted, with their dates.
    const from = `from reported_members m ${isChosen ? '' : dialect.byIndex('reported_members_without_session')}`;
    const enrolled = 'm.enrolled_on is not null and m.enrolled_on between @enrolledFromOn and @enrolledToOn';
    return {
      from: `${from} where ${allOf([enrolled, ...ofMember(null, filter)])}`,
      params: {
        ...sessionParams(null, filter, coaches),
        enrolledFromOn: filter.enrolledFromOn,
        enrolledToOn: filter.enrolledToOn,
      },
    };
  };
  return {
    name: 'new-participants',
    parts: (filter, coaches) => {
      const { from, params } = query(filter, coaches);
      return known([
        {
          key: [],
          sort: [{ column: 'm.without_session_since_on' }, { column: 'm.contact_id' }],
          params,
          rows: ({ behind, orderAndLimit }) =>
            `select ${MEMBER}, ${usedInWindow(null)}, m.enrolled_at, m.enrolled_on, m.first_session_at,
               m.last_session_at, m.without_session_since_on, m.contact_id
             ${from} and ${behind} ${orderAndLimit}`,
        },
      ]);
    },
    counted: (filter, coaches) => [query(filter, coaches)],
    present: (
      [contactId, userId, name, email, employer, used, enrolledAt, enrolledOn, firstAt, lastAt],
      coaches,
    ) => {
      const { coachIds, coachNames, channels } = coaches.sessionsOf(text(used) ?? '');
      return {
        contactId: String(contactId),
        userId: text(userId),
        name: text(name),
        email: text(email),
        employer: text(employer),
        coachIds,
        coachNames,
        channels,
        participantAt: Number(enrolledAt),
        participantOn: String(enrolledOn),
        firstSessionAt: number(firstAt),
        lastSessionAt: number(lastAt),
      };
    },
  };
}
