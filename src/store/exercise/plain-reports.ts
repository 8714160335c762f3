import { dateOf } from '../../rules/calendar.js';
import { latestOf } from '../../rules/evidence.js';
import type { AttributeValue, ConversationFacts } from '../../rules/facts.js';
import { splitName } from '../../rules/person-name.js';
import {
  channelOf,
  isBillableCall,
  isCoachingSession,
  nearMiss,
  qualifyingAt,
  serviceCodeOf,
  sessionAt,
} from '../../rules/sessions.js';
import { fold } from '../../rules/text.js';
import { canonical, ENGAGEMENT_STATUSES, type Channel } from '../../rules/vocabulary.js';
import type {
  BillingFilter,
  BillingRow,
  CaseloadFilter,
  CaseloadRow,
  DataQualityFilter,
  DataQualityProblem,
  DataQualityRow,
  EngagementFilter,
  EngagementRow,
  MemberColumns,
  ParticipantFilter,
  ParticipantRow,
  SessionFilter,
  SessionRow,
  SessionsInWindow,
  UpcomingFilter,
  UpcomingRow,
  Window,
} from '../ports/reports.js';
import { heldDateAt, type Person, type World } from './report-world.js';
import { SETTINGS } from './samples.js';

/*
 * What the lists of {@link ReportStore} say, worked out row by row from what the store has been told: no index, no page,
 * nothing stored. Slow, and short enough to be compared with the port's words.
 */

/** A row, and what sorts it: numbers by size, texts by their bytes. */
export interface Placed<Row> {
  readonly key: readonly (string | number)[];
  readonly row: Row;
}

type Sessions = readonly { readonly conversation: ConversationFacts; readonly at: number }[];

export function inOrder<Row>(placed: readonly Placed<Row>[]): readonly Placed<Row>[] {
  return placed.toSorted((one, other) => comparePlaces(one.key, other.key));
}

export function comparePlaces(one: Placed<unknown>['key'], other: Placed<unknown>['key']): number {
  for (const [at, part] of one.entries()) {
    const against = other[at] ?? '';
    const order =
      typeof part === 'number' && typeof against === 'number'
        ? part - against
        : Buffer.compare(Buffer.from(String(part)), Buffer.from(String(against)));
    if (order !== 0) return order;
  }
  return 0;
}

function textOf(value: AttributeValue | undefined): string | null {
  const text = String(value ?? '').trim();
  return text === '' ? null : text;
}

function columnsOf({ contact: { id, externalId, name, email, attributes } }: Person): MemberColumns {
  const person = { userId: textOf(externalId), name: textOf(name), email: textOf(email) };
  return { contactId: id, ...person, employer: textOf(attributes['Employer']) };
}

const membersOf = (world: World): readonly Person[] => world.people.filter(({ kind }) => kind === 'member');

function conversationsOf(world: World, { contact: { id } }: Person): readonly ConversationFacts[] {
  return world.conversations.filter(({ contactId }) => contactId === id);
}

function timed(
  conversations: readonly ConversationFacts[],
  counts: (conversation: ConversationFacts) => boolean,
  { fromAt, toAt }: Window,
): Sessions {
  return conversations.flatMap((conversation) => {
    const at = counts(conversation) ? sessionAt(conversation) : null;
    return at !== null && at >= fromAt && (toAt === null || at < toAt) ? [{ conversation, at }] : [];
  });
}

const EVER: Window = { fromAt: -1e12, toAt: null };

function isAnyOf(value: string | null, wanted: readonly string[]): boolean {
  return wanted.length === 0 || (value !== null && wanted.some((one) => fold(one) === fold(value)));
}

/** Of one of the coaches, by id or by name. */
function isOfCoach(world: World, coachId: string | null, wanted: readonly string[]): boolean {
  if (wanted.length === 0) return true;
  if (coachId === null) return false;
  const name = nameOf(world, coachId);
  return wanted.some((one) => one.trim() === coachId || (name !== null && fold(one) === fold(name)));
}

function nameOf(world: World, coachId: string | null): string | null {
  return world.coaches.find(({ id }) => id === coachId)?.name ?? null;
}

interface Chosen {
  readonly coaches: readonly string[];
  readonly employers: readonly string[];
  readonly channels: readonly Channel[];
}

function passes(world: World, conversation: ConversationFacts, { coaches, channels }: Chosen): boolean {
  const channel = channelOf(conversation);
  const isOfChannel = channels.length === 0 || channels.some((one) => one === channel);
  return isOfChannel && isOfCoach(world, conversation.coachId, coaches);
}

function used(world: World, sessions: Sessions): SessionsInWindow {
  const coachIds = [...new Set(sessions.flatMap(({ conversation: { coachId } }) => coachId ?? []))].sort();
  const channels = [...new Set(sessions.flatMap(({ conversation }) => channelOf(conversation) ?? []))].sort();
  return { coachIds, coachNames: coachIds.map((id) => nameOf(world, id) ?? id), channels };
}

export function plainCaseload(world: World, filter: CaseloadFilter): Placed<CaseloadRow>[] {
  return membersOf(world).flatMap((person) => {
    const member = columnsOf(person);
    const sessions = timed(conversationsOf(world, person), isCoachingSession, { ...filter, toAt: null });
    const isChosen = sessions.some(({ conversation }) => passes(world, conversation, filter));
    if (!isChosen || !isAnyOf(member.employer, filter.employers)) return [];
    const lastSessionAt = Math.max(...sessions.map(({ at }) => at));
    return [
      {
        key: [-lastSessionAt, member.contactId],
        row: { ...member, ...used(world, sessions), lastSessionAt },
      },
    ];
  });
}

export function plainSessions(world: World, filter: SessionFilter): Placed<SessionRow>[] {
  return membersOf(world).flatMap((person) => {
    const member = columnsOf(person);
    if (!isAnyOf(member.employer, filter.employers)) return [];
    return timed(conversationsOf(world, person), isCoachingSession, filter.window).flatMap(
      ({ conversation, at }) => {
        const channel = channelOf(conversation);
        if (channel === null || !passes(world, conversation, filter)) return [];
        const { id, coachId, serviceCode } = conversation;
        const row = {
          ...member,
          conversationId: id,
          coachId,
          coachName: nameOf(world, coachId),
          channel,
          serviceCode: serviceCodeOf(conversation) ?? serviceCode,
          sessionAt: at,
        };
        return [{ key: [-at, id], row }];
      },
    );
  });
}

export function plainParticipants(world: World, filter: ParticipantFilter): Placed<ParticipantRow>[] {
  return membersOf(world).flatMap((person) => {
    const { enrolledOn } = person;
    const member = columnsOf(person);
    const sessions = timed(conversationsOf(world, person), isCoachingSession, EVER);
    const hasFilter = filter.coaches.length + filter.channels.length > 0;
    const isChosen = !hasFilter || sessions.some(({ conversation }) => passes(world, conversation, filter));
    if (enrolledOn === null || !isChosen || !isAnyOf(member.employer, filter.employers)) return [];
    if (enrolledOn < filter.enrolledFromOn || enrolledOn > filter.enrolledToOn) return [];
    const times = sessions.map(({ at }) => at);
    const lastSessionAt = times.length === 0 ? null : Math.max(...times);
    const row = {
      ...member,
      ...used(world, sessions),
      participantAt: heldDateAt(enrolledOn),
      participantOn: enrolledOn,
      firstSessionAt: times.length === 0 ? null : Math.min(...times),
      lastSessionAt,
    };
    return [{ key: [withoutSessionSince(row), member.contactId], row }];
  });
}

/** The date since which a new participant is without a session. */
export function withoutSessionSince({ lastSessionAt, participantOn }: ParticipantRow): string {
  return lastSessionAt === null ? participantOn : dateOf(lastSessionAt, SETTINGS.timeZone);
}

export function plainBilling(world: World, filter: BillingFilter): Placed<BillingRow>[] {
  return membersOf(world).flatMap((person) => {
    const { enrolledOn } = person;
    const member = columnsOf(person);
    const calls = timed(conversationsOf(world, person), isBillableCall, filter.calls);
    const isNewParticipant =
      enrolledOn !== null && enrolledOn >= filter.enrolledFromOn && enrolledOn <= filter.enrolledToOn;
    if (!isAnyOf(member.employer, filter.employers) || (!isNewParticipant && calls.length === 0)) return [];
    const row = {
      ...member,
      enrolledAt: enrolledOn === null ? null : heldDateAt(enrolledOn),
      enrolledOn,
      lastSessionAt: calls.length === 0 ? null : Math.max(...calls.map(({ at }) => at)),
      isNewParticipant,
      engagedDuringMonth: calls.length > 0,
    };
    const { employer, name, userId, contactId } = member;
    const hasNone = employer === null ? 1 : 0;
    return [{ key: [hasNone, fold(employer ?? ''), fold(name ?? ''), userId ?? contactId, contactId], row }];
  });
}

export function plainEngagement(world: World, filter: EngagementFilter): Placed<EngagementRow>[] {
  return membersOf(world).flatMap((person) => {
    const { contactId, userId, employer, name } = columnsOf(person);
    const { attributes } = person.contact;
    const written = textOf(attributes['Engagement Status']);
    const lastAt = attributes['Last Coaching Session'];
    const lastCoachingSessionAt = typeof lastAt === 'number' ? lastAt : null;
    const isBetween = (
      value: string | number | null,
      from: string | number | null,
      to: string | number | null,
    ) =>
      (from === null || (value !== null && value >= from)) &&
      (to === null || (value !== null && value <= to));
    const { fromAt, toAt } = filter.lastSession;
    const isChosen =
      isAnyOf(employer, filter.employers) &&
      isAnyOf(textOf(attributes['Referral']), filter.referrals) &&
      isAnyOf(written, filter.statuses) &&
      isBetween(person.enrolledOn, filter.enrolledFromOn, filter.enrolledToOn) &&
      isBetween(lastCoachingSessionAt, fromAt, toAt === null ? null : toAt - 1);
    if (!isChosen) return [];
    const { first, last } = splitName(name);
    const statusDate = attributes['Engagement Status Date'];
    const row = {
      userId,
      employer,
      firstName: first,
      lastName: last,
      birthOn: attributes['Date of Birth'] === '1980-02-29' ? '1980-02-29' : null,
      lastCoachingSessionAt,
      status: canonical(ENGAGEMENT_STATUSES, written) ?? written,
      statusDateAt: typeof statusDate === 'number' ? statusDate : null,
      eligiblePrograms: textOf(attributes['Eligible Programs']),
      registrationCode: textOf(attributes['Registration Code']),
    };
    return [{ key: [userId === null ? 1 : 0, userId ?? contactId, contactId], row }];
  });
}

export function plainUpcoming(world: World, filter: UpcomingFilter): Placed<UpcomingRow>[] {
  return membersOf(world).flatMap((person) => {
    const member = columnsOf(person);
    const { status, nextChange } = person.decided;
    const last = latestOf(conversationsOf(world, person), qualifyingAt);
    const lastCall = last?.conversations[0];
    const coachId = lastCall?.coachId ?? null;
    if (nextChange === null || nextChange.at < filter.fromAt || nextChange.at >= filter.beforeAt) return [];
    if (!isAnyOf(member.employer, filter.employers) || !isOfCoach(world, coachId, filter.coaches)) return [];
    const row = {
      ...member,
      enrolledOn: person.enrolledOn,
      status,
      nextChange,
      lastQualifyingAt: last?.at ?? null,
      coachId,
      coachName: nameOf(world, coachId),
      channel: lastCall === undefined ? null : channelOf(lastCall),
      serviceCode: lastCall === undefined ? null : serviceCodeOf(lastCall),
    };
    return [{ key: [nextChange.at, member.contactId], row }];
  });
}

const LACKS = [
  ['no Enrolled Date', 'Enrolled Date empty or unreadable', ({ enrolledOn }: Person) => enrolledOn === null],
  ['no User ID', 'User ID empty', (person: Person) => columnsOf(person).userId === null],
  ['no Employer', 'Employer empty', (person: Person) => columnsOf(person).employer === null],
] as const satisfies readonly (readonly [DataQualityProblem, string, (person: Person) => boolean])[];

export function plainDataQuality(world: World, filter: DataQualityFilter): Placed<DataQualityRow>[] {
  const isAsked = (problem: DataQualityProblem): boolean =>
    filter.problems.length === 0 || filter.problems.includes(problem);
  return membersOf(world).flatMap((person): Placed<DataQualityRow>[] => {
    const member = columnsOf(person);
    if (!isAnyOf(member.employer, filter.employers)) return [];
    const calls = conversationsOf(world, person).flatMap((conversation): Placed<DataQualityRow>[] => {
      const miss = nearMiss(conversation);
      const { coachId } = conversation;
      if (miss === null || miss.closedAt < filter.closedFromAt || !isAsked('call does not count')) return [];
      if (!isOfCoach(world, coachId, filter.coaches)) return [];
      const coachName = nameOf(world, coachId);
      const { conversationId, closedAt, reasons } = miss;
      const problem = 'call does not count';
      const row = { ...member, problem, reasons, conversationId, closedAt, coachId, coachName } as const;
      const coach = coachId === null ? [1, '', ''] : [0, fold(coachName ?? coachId), coachId];
      return [{ key: [0, ...coach, -closedAt, conversationId], row }];
    });
    const none = { conversationId: null, closedAt: null, coachId: null, coachName: null };
    const lacks = LACKS.flatMap(([problem, reason, isLacking], at): Placed<DataQualityRow>[] => {
      if (!isAsked(problem) || filter.coaches.length > 0 || !isLacking(person)) return [];
      return [{ key: [at + 1, member.contactId], row: { ...member, problem, reasons: [reason], ...none } }];
    });
    return [...calls, ...lacks];
  });
}

/** Coaching sessions of members, for what is counted of them. */
export function plainSessionTimes(world: World): Sessions {
  return membersOf(world).flatMap((person) => timed(conversationsOf(world, person), isCoachingSession, EVER));
}

export function plainMembers(world: World): readonly (Person & { readonly columns: MemberColumns })[] {
  return membersOf(world).map((person) => ({ ...person, columns: columnsOf(person) }));
}
