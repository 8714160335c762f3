import { CALL_CHANNELS, canonical, ENGAGEMENT_STATUSES } from '../../rules/vocabulary.js';
import type {
  BillingFilter,
  BillingRow,
  EngagementFilter,
  EngagementRow,
  UpcomingFilter,
  UpcomingRow,
} from '../ports/reports.js';
import type { Coaches } from './coaches.js';
import type { Dialect } from './dialect.js';
import type { ListKind, SortKey } from './list.js';
import { allOf, coachIds, createConditions, folded, MEMBER } from './parts.js';
import { channelName, number, text } from './read-values.js';
import { known, type Params } from './reading.js';

/** A list whose rows are members that pass `where`, and nothing but them. */
function memberList<Filter, Row>(kind: {
  readonly name: string;
  readonly sort: readonly SortKey[];
  readonly columns: string;
  /** @param askedFor rows of a page, or to be counted */
  readonly query: (
    filter: Filter,
    coaches: Coaches,
    askedFor: 'page' | 'all',
  ) => { readonly where: string; readonly params: Params };
  readonly present: ListKind<Filter, Row>['present'];
}): ListKind<Filter, Row> {
  const { name, sort, columns, query, present } = kind;
  const keys = sort.map(({ column }) => column).join(', ');
  return {
    name,
    parts: (filter, coaches) => {
      const { where, params } = query(filter, coaches, 'page');
      const rows = ({ behind, orderAndLimit }: { readonly behind: string; readonly orderAndLimit: string }) =>
        `select ${columns}, ${keys} from reported_members m
         where ${where} and ${behind} ${orderAndLimit}`;
      return known([{ key: [], sort, params, rows }]);
    },
    counted: (filter, coaches) => {
      const { where, params } = query(filter, coaches, 'all');
      return [{ from: `from reported_members m where ${where}`, params }];
    },
    present,
  };
}

const CALLS = CALL_CHANNELS.map((channel) => `'${channel}'`).join(', ');

export function billingList(dialect: Dialect): ListKind<BillingFilter, BillingRow> {
  const { ofEmployers } = createConditions(dialect);
  /** Calls that billing counts, in the window: by their channel, which the index of a member's sessions holds. */
  const billedCalls = `conversations s where s.contact_id = m.contact_id and s.reported_at is not null
    and ${dialect.isTrue('s.is_coaching_session')} and s.channel_name in (${CALLS})
    and s.reported_at >= @fromAt and s.reported_at < @toAt`;
  const reachesWindow = 'm.last_billable_at >= @fromAt and m.first_billable_at < @toAt';
  const isNewMember = 'm.enrolled_on between @enrolledFromOn and @enrolledToOn';
  /**
   * Most members' first and last call say whether one lies in the window; only where one lies before and one behind are
   * the calls between them looked at. Answered step by step, so that no engine takes the conditions apart to find members
   * by some of them: the index of billing holds all that is asked, and is walked once.
   */
  const isBilled = (askedFor: 'page' | 'all'): string => `case
    when ${reachesWindow} and (m.last_billable_at < @toAt or m.first_billable_at >= @fromAt) then true
    when ${isNewMember} then true
    when ${reachesWindow} then ${dialect.exists(`from ${billedCalls}`, askedFor)}
    else false end`;
  const lastBilled = `case
    when m.last_billable_at < @fromAt or m.first_billable_at >= @toAt then null
    when m.last_billable_at < @toAt then m.last_billable_at
    else (select max(s.reported_at) from ${billedCalls}) end`;
  return memberList<BillingFilter, BillingRow>({
    name: 'billing',
    sort: ['m.has_no_employer', 'm.employer_key', 'm.name_key', 'm.member_id', 'm.contact_id'].map(
      (column) => ({
        column,
      }),
    ),
    columns: `${MEMBER}, m.enrolled_at, m.enrolled_on, ${isNewMember}, ${lastBilled}`,
    query: ({ enrolledFromOn, enrolledToOn, calls, employers }, _, askedFor) => ({
      where: allOf([...ofEmployers(employers), isBilled(askedFor)]),
      params: { ...calls, enrolledFromOn, enrolledToOn, employers: folded(employers) },
    }),
    present: ([contactId, userId, name, email, employer, enrolledAt, enrolledOn, isNew, lastSessionAt]) => ({
      contactId: String(contactId),
      userId: text(userId),
      name: text(name),
      email: text(email),
      employer: text(employer),
      enrolledAt: number(enrolledAt),
      enrolledOn: text(enrolledOn),
      lastSessionAt: number(lastSessionAt),
      isNewParticipant: isNew === 1,
      engagedDuringMonth: lastSessionAt !== null,
    }),
  });
}

export function engagementList(dialect: Dialect): ListKind<EngagementFilter, EngagementRow> {
  const { inList } = dialect;
  const { ofEmployers } = createConditions(dialect);
  return memberList<EngagementFilter, EngagementRow>({
    name: 'engagement',
    sort: ['m.has_no_user_id', 'm.member_id', 'm.contact_id'].map((column) => ({ column })),
    columns: `m.user_id, m.employer, m.first_name, m.last_name, m.birth_on, m.maintained_session_at,
    m.maintained_status, m.maintained_status_at, m.maintained_programs, m.registration_code`,
    query: ({ referrals, employers, statuses, enrolledFromOn, enrolledToOn, lastSession }) => {
      const { fromAt, toAt } = lastSession;
      const where = [
        ...ofEmployers(employers),
        // An empty value is nobody's, as with employers.
        ...(referrals.length === 0
          ? []
          : [`m.referral_key <> '' and ${inList('m.referral_key', 'referrals')}`]),
        ...(statuses.length === 0 ? [] : [inList('m.maintained_status_key', 'statuses')]),
        ...(enrolledFromOn === null ? [] : ['m.enrolled_on >= @enrolledFromOn']),
        ...(enrolledToOn === null ? [] : ['m.enrolled_on <= @enrolledToOn']),
        ...(fromAt === null ? [] : ['m.maintained_session_at >= @fromAt']),
        ...(toAt === null ? [] : ['m.maintained_session_at < @toAt']),
      ];
      const lists = {
        employers: folded(employers),
        referrals: folded(referrals),
        statuses: folded(statuses),
      };
      return { where: allOf(where), params: { ...lists, enrolledFromOn, enrolledToOn, fromAt, toAt } };
    },
    present: ([userId, employer, first, last, birthOn, sessionAt, status, statusAt, programs, code]) => ({
      userId: text(userId),
      employer: text(employer),
      firstName: String(first),
      lastName: String(last),
      birthOn: text(birthOn),
      lastCoachingSessionAt: number(sessionAt),
      status: text(status),
      statusDateAt: number(statusAt),
      eligiblePrograms: text(programs),
      registrationCode: text(code),
    }),
  });
}

export function upcomingList(dialect: Dialect): ListKind<UpcomingFilter, UpcomingRow> {
  const { ofEmployers } = createConditions(dialect);
  return memberList<UpcomingFilter, UpcomingRow>({
    name: 'upcoming',
    sort: ['m.next_change_at', 'm.contact_id'].map((column) => ({ column })),
    columns: `${MEMBER}, m.status, m.next_change_on, m.next_change_to, m.enrolled_on, m.last_qualifying_at,
      m.last_qualifying_coach_id, m.last_qualifying_channel, m.last_qualifying_service_code`,
    query: (filter, coaches) => ({
      where: allOf([
        'm.next_change_at >= @fromAt and m.next_change_at < @beforeAt',
        ...ofEmployers(filter.employers),
        ...(filter.coaches.length === 0 ? [] : [dialect.inList('m.last_qualifying_coach_id', 'coaches')]),
      ]),
      params: {
        fromAt: filter.fromAt,
        beforeAt: filter.beforeAt,
        employers: folded(filter.employers),
        coaches: coachIds(filter.coaches, coaches),
      },
    }),
    present: (raw, coaches) => {
      const [contactId, userId, name, email, employer, status, nextOn, nextTo, enrolledOn] = raw;
      const [lastQualifyingAt, coach, channel, serviceCode, nextAt] = raw.slice(9);
      const coachId = text(coach);
      const to = canonical(ENGAGEMENT_STATUSES, text(nextTo));
      if (to === null) throw new TypeError('a next change without a status');
      return {
        contactId: String(contactId),
        userId: text(userId),
        name: text(name),
        email: text(email),
        employer: text(employer),
        enrolledOn: text(enrolledOn),
        status: canonical(ENGAGEMENT_STATUSES, text(status)),
        nextChange: { at: Number(nextAt), on: String(nextOn), to },
        lastQualifyingAt: number(lastQualifyingAt),
        coachId,
        coachName: coachId === null ? null : coaches.nameOf(coachId),
        channel: channelName(channel),
        serviceCode: text(serviceCode),
      };
    },
  });
}
