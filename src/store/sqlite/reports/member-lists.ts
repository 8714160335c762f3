import { canonical, ENGAGEMENT_STATUSES } from '../../../rules/vocabulary.js';
import type {
  BillingFilter,
  BillingRow,
  EngagementFilter,
  EngagementRow,
  UpcomingFilter,
  UpcomingRow,
} from '../../report-store.js';
import type { ListKind } from './list.js';
import {
  channelName,
  folded,
  IN_WINDOW,
  MEMBER,
  memberColumns,
  number,
  OF_EMPLOYERS,
  text,
  windowParams,
  type CoachBook,
} from './parts.js';

export const billingList: ListKind<BillingFilter, BillingRow> = {
  name: 'billing',
  keys: 5,
  query: ({ enrolledFromOn, enrolledToOn, calls, employers }) => ({
    sql: `select m.has_no_employer k0, m.employer_key k1, m.name_key k2, m.member_id k3, m.contact_id k4, ${MEMBER},
             m.enrolled_at enrolledAt, m.enrolled_on between @enrolledFromOn and @enrolledToOn isNew,
             (select max(s.reported_at) from conversations s
              where s.contact_id = m.contact_id and s.is_billable = 1 and ${IN_WINDOW}) lastSessionAt
      from reported_members m
      where ${OF_EMPLOYERS} and (isNew = 1 or lastSessionAt is not null)`,
    params: { ...windowParams(calls), enrolledFromOn, enrolledToOn, employers: folded(employers) },
  }),
  present: (raw) => ({
    ...memberColumns(raw),
    enrolledAt: number(raw['enrolledAt']),
    lastSessionAt: number(raw['lastSessionAt']),
    isNewParticipant: raw['isNew'] === 1,
    engagedDuringMonth: raw['lastSessionAt'] !== null,
  }),
};

export const engagementList: ListKind<EngagementFilter, EngagementRow> = {
  name: 'engagement',
  keys: 3,
  query: (filter) => ({
    sql: `select m.has_no_user_id k0, m.member_id k1, m.contact_id k2, ${MEMBER}, m.birth_on birthOn,
             m.maintained_session_at sessionAt, m.maintained_status status, m.maintained_status_at statusDateAt,
             m.maintained_programs programs, m.registration_code registrationCode
      from reported_members m
      where ${OF_EMPLOYERS}
        and (@referrals = '[]' or m.referral_key in (select value from json_each(@referrals)))
        and (@statuses = '[]' or m.maintained_status_key in (select value from json_each(@statuses)))
        and (@enrolledFromOn is null or m.enrolled_on >= @enrolledFromOn)
        and (@enrolledToOn is null or m.enrolled_on <= @enrolledToOn)
        and (@fromAt is null or m.maintained_session_at >= @fromAt)
        and (@toAt is null or m.maintained_session_at < @toAt)`,
    params: {
      employers: folded(filter.employers),
      referrals: folded(filter.referrals),
      statuses: folded(filter.statuses),
      enrolledFromOn: filter.enrolledFromOn,
      enrolledToOn: filter.enrolledToOn,
      ...filter.lastSession,
    },
  }),
  present: (raw) => ({
    ...memberColumns(raw),
    birthOn: text(raw['birthOn']),
    lastCoachingSessionAt: number(raw['sessionAt']),
    status: text(raw['status']),
    statusDateAt: number(raw['statusDateAt']),
    eligiblePrograms: text(raw['programs']),
    registrationCode: text(raw['registrationCode']),
  }),
};

export function upcomingList(coaches: CoachBook): ListKind<UpcomingFilter, UpcomingRow> {
  return {
    name: 'upcoming',
    keys: 2,
    query: (filter) => ({
      sql: `select m.next_change_at k0, m.contact_id k1, ${MEMBER}, m.status status, m.next_change_at nextAt,
               m.next_change_on nextOn, m.next_change_to nextTo, m.last_qualifying_at lastQualifyingAt,
               m.last_qualifying_coach_id coachId, m.last_qualifying_channel channel,
               m.last_qualifying_service_code serviceCode
        from reported_members m
        where m.next_change_at >= @fromAt and m.next_change_at < @beforeAt and ${OF_EMPLOYERS}
          and (@coaches = '[]' or m.last_qualifying_coach_id in (select value from json_each(@coaches)))`,
      params: {
        fromAt: filter.fromAt,
        beforeAt: filter.beforeAt,
        employers: folded(filter.employers),
        coaches: JSON.stringify(filter.coaches.length === 0 ? [] : coaches.idsOf(filter.coaches)),
      },
    }),
    present: (raw) => {
      const coachId = text(raw['coachId']);
      const to = canonical(ENGAGEMENT_STATUSES, text(raw['nextTo']));
      if (to === null) throw new TypeError('a next change without a status');
      return {
        ...memberColumns(raw),
        status: canonical(ENGAGEMENT_STATUSES, text(raw['status'])),
        nextChange: { at: Number(raw['nextAt']), on: String(raw['nextOn']), to },
        lastQualifyingAt: number(raw['lastQualifyingAt']),
        coachId,
        coachName: coachId === null ? null : coaches.nameOf(coachId),
        channel: channelName(raw['channel']),
        serviceCode: text(raw['serviceCode']),
      };
    },
  };
}
