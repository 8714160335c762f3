import {
  dateIn,
  daysAgo,
  firstOfMonth,
  lastOfMonth,
  mondayBefore,
  numberOfDay,
  plusDays,
} from './plain-calendar.js';
import { latestFirst, statusOf, textBefore, type PlainClosed, type PlainMember } from './plain-member.js';
import { PLAIN_STATUSES, readDay, readTime, same, textOf, type PlainWorld } from './plain-world.js';

/* Every report as the specification tells it: all members, all their conversations, again and again. */

export type PlainRow = Readonly<Record<string, unknown>>;

/** Filters of all reports; absent ones filter nothing. */
export interface PlainQuery {
  readonly lookbackDays?: number;
  readonly coach?: readonly string[];
  readonly employer?: readonly string[];
  readonly channel?: readonly string[];
  readonly from?: string;
  readonly to?: string;
  readonly enrolledFrom?: string;
  readonly enrolledTo?: string;
  readonly month?: string;
  readonly referral?: readonly string[];
  readonly engagementStatus?: readonly string[];
  readonly enrolledDateFrom?: string;
  readonly enrolledDateTo?: string;
  readonly lastSessionFrom?: string;
  readonly lastSessionTo?: string;
  readonly days?: number;
  readonly weeks?: number;
  readonly problem?: readonly string[];
}

export interface PlainReports {
  readonly world: PlainWorld;
  readonly members: readonly PlainMember[];
}

interface Dated {
  readonly member: PlainMember;
  readonly session: PlainClosed;
}

const CASELOAD = { bucket_1: [0, 7], bucket_2: [8, 28], bucket_3: [29, 56], bucket_4: [57, 1e9] } as const;
const RECENT = { bucket_1: [0, 7], bucket_2: [8, 28], bucket_3: [29, 56] } as const;
const NEW = { gt_14_to_21: [14, 21], gt_21_to_28: [22, 28], gt_28: [29, 1e9] } as const;
type Buckets = Readonly<Record<string, readonly [from: number, to: number]>>;

function inBuckets(buckets: Buckets, days: number): PlainRow {
  return Object.fromEntries(
    Object.entries(buckets).map(([name, [from, to]]) => [name, days >= from && days <= to]),
  );
}

function countBuckets(buckets: Buckets, days: readonly number[]): PlainRow {
  return Object.fromEntries(
    Object.entries(buckets).map(([name, [from, to]]) => [
      name,
      days.filter((one) => one >= from && one <= to).length,
    ]),
  );
}

function today({ nowAt, zone }: PlainWorld): string {
  return dateIn(nowAt, zone);
}

function person({ contact, memberId, name, email, employer }: PlainMember): PlainRow {
  return { memberId, contactId: contact.id, memberName: name, memberEmail: email, client: employer };
}

function isOf(wanted: readonly string[] | undefined, value: string | null): boolean {
  if (wanted === undefined || wanted.length === 0) return true;
  return value !== null && wanted.some((one) => same(one) === same(value));
}

/** Coaches are asked for by id or by name. */
function isCoach(world: PlainWorld, { coach }: PlainQuery, coachId: string | null): boolean {
  if (coach === undefined || coach.length === 0) return true;
  if (coachId === null) return false;
  return isOf(coach, coachId) || isOf(coach, world.coachNames.get(coachId) ?? null);
}

function isMatch(world: PlainWorld, query: PlainQuery, session: PlainClosed): boolean {
  return isCoach(world, query, session.conversation.coachId) && isOf(query.channel, session.channel);
}

function chooses(
  world: PlainWorld,
  query: PlainQuery,
  member: PlainMember,
  sessions: readonly PlainClosed[],
) {
  if (!isOf(query.employer, member.employer)) return false;
  const asksForSessions = (query.coach ?? []).length > 0 || (query.channel ?? []).length > 0;
  return !asksForSessions || sessions.some((session) => isMatch(world, query, session));
}

function used(world: PlainWorld, sessions: readonly PlainClosed[]) {
  const coachIds = [...new Set(sessions.flatMap(({ conversation }) => conversation.coachId ?? []))].sort(
    textBefore,
  );
  const channelsUsed = [...new Set(sessions.flatMap(({ channel }) => channel ?? []))].sort(textBefore);
  return { coachIds, coachNames: coachIds.map((id) => world.coachNames.get(id) ?? id), channelsUsed };
}

export function plainCaseload({ world, members }: PlainReports, query: PlainQuery) {
  const lookbackDays = query.lookbackDays ?? 365;
  const inWindow = members
    .map((member) => ({
      member,
      sessions: member.sessions.filter((one) => one.daysAgo <= lookbackDays).sort(latestFirst),
    }))
    .flatMap(({ member, sessions }) => {
      const [last] = sessions;
      return last === undefined ? [] : [{ member, sessions, last }];
    })
    .sort(
      (one, other) =>
        other.last.at - one.last.at || textBefore(one.member.contact.id, other.member.contact.id),
    );
  const chosen = inWindow.filter(({ member, sessions }) => chooses(world, query, member, sessions));
  return {
    summary: countBuckets(
      CASELOAD,
      inWindow.map(({ last }) => last.daysAgo),
    ),
    members: chosen.map(({ member, sessions, last }) => {
      const { coachIds, coachNames, channelsUsed } = used(world, sessions);
      return {
        ...person(member),
        coachIds,
        coachNames,
        channelsUsed,
        channelCombo: channelsUsed.join(' + '),
        lastSessionAt: last.at,
        daysSinceLastSession: last.daysAgo,
        buckets: inBuckets(CASELOAD, last.daysAgo),
      };
    }),
    sessions: sessionRows(
      world,
      inWindow.flatMap(({ member, sessions }) => sessions.map((session) => ({ member, session }))),
      query,
    ),
  };
}

function sessionRows(world: PlainWorld, dated: readonly Dated[], query: PlainQuery): PlainRow[] {
  return dated
    .filter(({ member, session }) => isOf(query.employer, member.employer) && isMatch(world, query, session))
    .sort((one, other) => latestFirst(one.session, other.session))
    .map(({ member, session }) => {
      const { coachId } = session.conversation;
      return {
        ...person(member),
        coachId,
        coachName: coachId === null ? null : (world.coachNames.get(coachId) ?? null),
        channel: session.channel,
        serviceCode: session.code,
        time: session.at,
        daysSince: session.daysAgo,
      };
    });
}

export function plainSessions({ world, members }: PlainReports, query: PlainQuery) {
  const todayOn = today(world);
  const from = query.from ?? plusDays(todayOn, -(query.lookbackDays ?? 365));
  const to = query.to ?? todayOn;
  const all = members.flatMap((member) => member.sessions.map((session) => ({ member, session })));
  // A date in the future counts as today.
  const countedOn = ({ on }: PlainClosed): string => (on > todayOn ? todayOn : on);
  const inRange = all.filter(({ session }) => countedOn(session) >= from && countedOn(session) <= to);
  const rows = sessionRows(world, inRange, query);
  const everything = sessionRows(world, all, query);
  const summary = countBuckets(
    RECENT,
    everything.map((row) => Number(row['daysSince'])),
  );
  return { summary: { ...summary, inRange: rows.length }, sessions: rows };
}

export function plainNewParticipants({ world, members }: PlainReports, query: PlainQuery) {
  const todayOn = today(world);
  const isRange = query.enrolledFrom !== undefined || query.enrolledTo !== undefined;
  const from =
    query.enrolledFrom ?? (isRange ? '0000-01-01' : plusDays(todayOn, -(query.lookbackDays ?? 365)));
  const to = query.enrolledTo ?? todayOn;
  const rows = members
    .flatMap((member) => {
      const { enrolled } = member;
      if (enrolled === null || enrolled.on < from || enrolled.on > to) return [];
      if (!chooses(world, query, member, member.sessions)) return [];
      const sessions = [...member.sessions].sort(latestFirst);
      const [last] = sessions;
      return [{ member, enrolled, sessions, last, sinceOn: last?.on ?? enrolled.on }];
    })
    .sort(
      (one, other) =>
        numberOfDay(one.sinceOn) - numberOfDay(other.sinceOn) ||
        textBefore(one.member.contact.id, other.member.contact.id),
    )
    .map(({ member, enrolled, sessions, last, sinceOn }) => {
      const { coachIds, coachNames, channelsUsed } = used(world, sessions);
      const daysWithoutSession = daysAgo(sinceOn, todayOn);
      return {
        ...person(member),
        participantAt: enrolled.at,
        participantOn: enrolled.on,
        daysSinceParticipant: daysAgo(enrolled.on, todayOn),
        hasSession: last !== undefined,
        firstSessionAt: sessions.at(-1)?.at ?? null,
        lastSessionAt: last?.at ?? null,
        daysSinceLastSession: last?.daysAgo ?? null,
        coachIds,
        coachNames,
        channelsUsed,
        daysWithoutSession,
        buckets: inBuckets(NEW, daysWithoutSession),
      };
    });
  const days = rows.map(({ daysWithoutSession }) => daysWithoutSession);
  return { summary: countBuckets(NEW, days), participants: rows };
}

export function plainBilling({ world, members }: PlainReports, query: PlainQuery): PlainRow[] {
  const month = query.month ?? today(world).slice(0, 7);
  const firstOn = `${month}-01`;
  const lastOn = lastOfMonth(firstOn);
  const reachOn = plusDays(firstOn, -56);
  return members
    .filter(({ employer }) => isOf(query.employer, employer))
    .map((member) => {
      const calls = member.sessions
        .filter(({ channel }) => channel === 'Phone' || channel === 'Video Conference')
        .filter(({ on }) => on >= reachOn && on <= lastOn)
        .sort(latestFirst);
      const enrolledOn = member.enrolled?.on ?? '';
      return { member, last: calls[0], isNew: enrolledOn >= firstOn && enrolledOn <= lastOn };
    })
    .filter(({ last, isNew }) => isNew || last !== undefined)
    .sort((one, other) => {
      const [first, second] = [one.member, other.member];
      return (
        Number(first.employer === null) - Number(second.employer === null) ||
        textBefore(same(first.employer ?? ''), same(second.employer ?? '')) ||
        textBefore(same(first.name ?? ''), same(second.name ?? '')) ||
        textBefore(first.memberId, second.memberId)
      );
    })
    .map(({ member, last, isNew }) => ({
      memberId: member.memberId,
      memberName: member.name,
      memberEmail: member.email,
      employer: member.employer,
      registrationAt: member.enrolled?.at ?? null,
      lastSessionAt: last?.at ?? null,
      isNewParticipant: isNew,
      engagedDuringMonth: last !== undefined,
      registrationOn: member.enrolled?.on ?? null,
    }));
}

export function plainEngagement({ world, members }: PlainReports, query: PlainQuery): PlainRow[] {
  const { zone } = world;
  const dayOf = (value: unknown): string | null => {
    const at = readTime(value);
    return typeof at === 'number' ? dateIn(at, zone) : null;
  };
  return members
    .map((member) => {
      const { attributes } = member.contact;
      const { lastCoachingSession, statusDate, programs } = member.maintained;
      const [first = '', last = ''] = world.nameParts.get(member.contact.name ?? '') ?? [];
      return {
        member,
        referral: textOf(attributes['Referral']),
        row: {
          employee_id: textOf(member.contact.userId),
          name_first: first,
          name_last: last,
          member_dob: readDay(attributes['Date of Birth'], zone)?.on ?? null,
          group_description: member.employer,
          last_coaching_session: dayOf(lastCoachingSession),
          program_status: statusOf(member),
          status_date: dayOf(statusDate),
          eligible_programs: programs ?? textOf(attributes['Eligible Programs']),
          registration_code: textOf(attributes['Registration Code']),
        },
      };
    })
    .filter(
      ({ member, referral, row }) =>
        isOf(query.referral, referral) &&
        isOf(query.employer, member.employer) &&
        isOf(query.engagementStatus, row.program_status) &&
        isBetween(member.enrolled?.on ?? null, query.enrolledDateFrom, query.enrolledDateTo) &&
        isBetween(row.last_coaching_session, query.lastSessionFrom, query.lastSessionTo),
    )
    .sort(
      (one, other) =>
        Number(one.row.employee_id === null) - Number(other.row.employee_id === null) ||
        textBefore(one.member.memberId, other.member.memberId),
    )
    .map(({ row }) => row);
}

function isBetween(on: string | null, from: string | undefined, to: string | undefined): boolean {
  if (from === undefined && to === undefined) return true;
  return on !== null && (from === undefined || on >= from) && (to === undefined || on <= to);
}

export function plainOverview({ world, members }: PlainReports, query: PlainQuery) {
  const todayOn = today(world);
  const firstOn = firstOfMonth(todayOn);
  const lastOfBefore = plusDays(firstOn, -1);
  const beforeFirstOn = firstOfMonth(lastOfBefore);
  const sameDay = plusDays(beforeFirstOn, numberOfDay(todayOn) - numberOfDay(firstOn));
  const sessions = members.flatMap((member) => member.sessions);
  const countedOn = ({ on }: PlainClosed): string => (on > todayOn ? todayOn : on);
  const figures = (fromOn: string, toOn: string) => ({
    fromOn,
    toOn,
    registrations: members.filter(({ registered }) => isBetween(registered?.on ?? null, fromOn, toOn)).length,
    enrollments: members.filter(({ enrolled }) => isBetween(enrolled?.on ?? null, fromOn, toOn)).length,
    qualifyingCalls: sessions.filter((one) => one.isQualifying && isBetween(countedOn(one), fromOn, toOn))
      .length,
  });
  const weeks: PlainRow[] = [];
  for (let index = (query.weeks ?? 8) - 1; index >= 0; index -= 1) {
    const weekOn = plusDays(mondayBefore(todayOn), -7 * index);
    const counts = new Map<string, { code: string | null; sessions: number }>();
    for (const session of sessions) {
      if (!isBetween(countedOn(session), weekOn, plusDays(weekOn, 6))) continue;
      const key = session.code === null ? '' : same(session.code);
      const { code, sessions: before } = counts.get(key) ?? { code: session.code, sessions: 0 };
      const isSmaller = code !== null && session.code !== null && textBefore(session.code, code) < 0;
      counts.set(key, { code: isSmaller ? session.code : code, sessions: before + 1 });
    }
    weeks.push(
      ...[...counts.values()]
        .sort(
          (one, other) =>
            Number(one.code !== null) - Number(other.code !== null) ||
            textBefore(one.code ?? '', other.code ?? ''),
        )
        .map(({ code, sessions: count }) => ({ weekOn, serviceCode: code, sessions: count })),
    );
  }
  return {
    total: members.length,
    summary: {
      monthToDate: figures(firstOn, todayOn),
      monthBefore: figures(beforeFirstOn, sameDay < lastOfBefore ? sameDay : lastOfBefore),
      statuses: [...PLAIN_STATUSES, null].map((status) => ({
        status,
        members: members.filter(({ maintained }) => maintained.status === status).length,
      })),
    },
    weeks,
  };
}

export function plainUpcoming({ world, members }: PlainReports, query: PlainQuery): PlainRow[] {
  const todayOn = today(world);
  const lastOn = plusDays(todayOn, query.days ?? 7);
  return members
    .flatMap((member) => {
      const { next, status } = member.maintained;
      const call = member.lastQualifying;
      const coachId = call?.conversation.coachId ?? null;
      if (next === null || next.on < todayOn || next.on > lastOn) return [];
      if (!isOf(query.employer, member.employer) || !isCoach(world, query, coachId)) return [];
      return [{ member, next, status, call, coachId }];
    })
    .sort(
      (one, other) =>
        one.next.at - other.next.at || textBefore(one.member.contact.id, other.member.contact.id),
    )
    .map(({ member, next, status, call, coachId }) => ({
      ...person(member),
      coachId,
      coachName: coachId === null ? null : (world.coachNames.get(coachId) ?? null),
      fromStatus: status,
      toStatus: next.to,
      changesAt: next.at,
      changesOn: next.on,
      lastCallAt: call?.at ?? null,
      channel: call?.channel ?? null,
      serviceCode: call?.code ?? null,
      enrolledOn: member.enrolled?.on ?? null,
    }));
}

export function plainDataQuality({ world, members }: PlainReports, query: PlainQuery) {
  const people = members.filter(({ employer }) => isOf(query.employer, employer));
  const nameOf = (coachId: string): string => world.coachNames.get(coachId) ?? coachId;
  const calls = people
    .flatMap((member) => member.closed.map((session) => ({ member, session })))
    .filter(
      ({ session }) =>
        session.miss !== null &&
        session.daysAgo <= (query.lookbackDays ?? 365) &&
        isCoach(world, query, session.conversation.coachId),
    )
    .sort((one, other) => {
      const [first, second] = [one.session.conversation.coachId, other.session.conversation.coachId];
      return (
        Number(first === null) - Number(second === null) ||
        textBefore(same(nameOf(first ?? '')), same(nameOf(second ?? ''))) ||
        textBefore(first ?? '', second ?? '') ||
        latestFirst(one.session, other.session)
      );
    })
    .map(({ member, session }) => {
      const { coachId, id } = session.conversation;
      return {
        problem: 'call does not count',
        reasons: session.miss,
        coachId,
        coachName: coachId === null ? null : (world.coachNames.get(coachId) ?? null),
        conversationId: id,
        closedAt: session.at,
        ...person(member),
      };
    });
  const lacking = (problem: string, reason: string, lacks: (member: PlainMember) => boolean): PlainRow[] =>
    (query.coach ?? []).length > 0
      ? []
      : people
          .filter(lacks)
          .sort((one, other) => textBefore(one.contact.id, other.contact.id))
          .map((member) => ({
            problem,
            reasons: [reason],
            coachId: null,
            coachName: null,
            conversationId: null,
            closedAt: null,
            ...person(member),
          }));
  const parts = [
    calls,
    lacking('no Enrolled Date', 'Enrolled Date empty or unreadable', ({ enrolled }) => enrolled === null),
    lacking('no User ID', 'User ID empty', ({ contact }) => textOf(contact.userId) === null),
    lacking('no Employer', 'Employer empty', ({ employer }) => employer === null),
  ];
  const [one = 0, two = 0, three = 0, four = 0] = parts.map((part) => part.length);
  return {
    summary: {
      callsThatDoNotCount: one,
      withoutEnrolledDate: two,
      withoutUserId: three,
      withoutEmployer: four,
    },
    items: parts.flat().filter((row) => isOf(query.problem, String(row['problem']))),
  };
}
