import { expect } from 'vitest';
import type { Harness } from '../support/harness.js';
import { dateIn } from './plain-calendar.js';
import { latestFirst, textBefore, type PlainMember } from './plain-member.js';
import {
  isZero,
  oneOf,
  PLAIN_CHANNELS,
  PLAIN_CODES,
  readTime,
  textOf,
  type PlainWorld,
} from './plain-world.js';

const DATES = [
  'Last Coaching Session',
  'First Session Date',
  'Last Call',
  'Engagement Status Date',
  'Enrolled Date',
  'Registration Date',
  'Date of Birth',
];

/** The reports of single members; `every`: each how many-th of them. */
export async function compareMembers(
  harness: Harness,
  { world, members }: { readonly world: PlainWorld; readonly members: readonly PlainMember[] },
  every: number,
): Promise<void> {
  for (const [index, member] of members.entries()) {
    if (index % every !== 0) continue;
    const { contact, memberId } = member;
    const expected = expectedMember(world, member);
    for (const id of new Set([contact.id, memberId])) {
      const answer = await harness.get(`/API/intercom/members/${encodeURIComponent(id)}`);
      expect(await answer.json()).toMatchObject(expected);
    }
  }
  const known = new Set(members.map(({ contact }) => contact.id));
  for (const { id } of world.contacts) {
    if (known.has(id)) continue;
    const { status } = await harness.get(`/API/intercom/members/${id}`);
    expect(status).toBe(404);
  }
}

function expectedMember(world: PlainWorld, member: PlainMember): object {
  const { contact, memberId, name, email, employer, known, closed, maintained } = member;
  const wanted = new Map<string, unknown>([
    ['Last Coaching Session', maintained.lastCoachingSession],
    ['First Session Date', maintained.firstSession],
    ['Last Call', maintained.lastCall],
    ['Engagement Status', maintained.status ?? undefined],
    ['Engagement Status Date', maintained.status === null ? undefined : (maintained.statusDate ?? null)],
    ['Eligible Programs', maintained.programs],
  ]);
  return {
    memberId,
    contactId: contact.id,
    memberName: name,
    memberEmail: email,
    client: employer,
    status: maintained.status,
    nextChange: maintained.next,
    attributes: [...wanted].map(([attribute, value]) => ({
      attribute,
      held: contact.attributes[attribute] ?? null,
      maintained: value !== undefined,
      wanted: value ?? null,
    })),
    sessions: [...known]
      .sort((one, other) => other.createdAt - one.createdAt || textBefore(other.id, one.id))
      .map((conversation) => {
        const channel = oneOf(PLAIN_CHANNELS, conversation.attributes['Channel']);
        const code = oneOf(PLAIN_CODES, conversation.attributes['Service Code']);
        const end = closed.find((one) => one.conversation === conversation);
        return {
          conversationId: conversation.id,
          state: conversation.state,
          channel: channel ?? textOf(conversation.attributes['Channel']),
          serviceCode: code ?? textOf(conversation.attributes['Service Code']),
          coachId: conversation.coachId,
          coachName: world.coachNames.get(conversation.coachId ?? '') ?? null,
          createdAt: conversation.createdAt,
          time: end?.at ?? null,
          timeOn: end === undefined ? null : dateIn(end.at, world.zone),
          isCoachingSession: end !== undefined && channel !== null,
          isQualifyingCall: end?.isQualifying === true,
        };
      }),
    nearMisses: closed
      .filter(({ miss }) => miss !== null)
      .sort(latestFirst)
      .map(({ conversation, at, miss }) => ({
        conversationId: conversation.id,
        closedAt: at,
        coachId: conversation.coachId,
        reasons: miss,
      })),
    warnings: DATES.filter((date) => {
      const value = contact.attributes[date];
      return readTime(value) === 'bad' || (date !== 'Date of Birth' && isZero(value));
    }).map((attribute) => ({ attribute })),
  };
}
