import { Hono } from 'hono';
import type { Clock } from '../clock.js';
import { answerProblem } from '../http/problem.js';
import { readDate } from '../rules/calendar.js';
import type { AttributeValue } from '../rules/facts.js';
import {
  channelOf,
  isCoachingSession,
  isQualifyingCall,
  serviceCodeOf,
  sessionAt,
} from '../rules/sessions.js';
import type { Store } from '../store/ports/store.js';
import type { Freshness, MemberRecord } from '../store/ports/queries.js';
import { asOf } from './answer.js';
import { zoneTimeOf } from '../http/zone-time.js';

export interface MemberReportDeps {
  readonly store: Pick<Store, 'findMember' | 'freshness'>;
  readonly clock: Clock;
  readonly timeZone: string;
}

/** `GET /API/intercom/members/{id}`: one member with the evidence of every maintained attribute. */
export function createMemberRoutes(deps: MemberReportDeps): Hono {
  const routes = new Hono();
  routes.get('/:id', async (context) => {
    const record = await deps.store.findMember(context.req.param('id'));
    if (record === null) {
      return answerProblem(context, 404, 'No member has this Intercom contact id or User ID.');
    }
    const freshness = await deps.store.freshness();
    return context.json(
      describeMember(record, freshness, Math.floor(deps.clock.nowMs() / 1000), deps.timeZone),
    );
  });
  return routes;
}

function dateOn(value: AttributeValue | undefined, timeZone: string): string | null {
  const reading = readDate(value, timeZone);
  return reading.kind === 'date' ? reading.on : null;
}

/** Instants are Unix seconds, dates `YYYY-MM-DD` in the report time zone; null where there is none. */
function describeMember(
  record: MemberRecord,
  freshness: Freshness,
  generatedAt: number,
  timeZone: string,
): object {
  const { contact, decision, conversations, writes } = record;
  const { dateOf } = zoneTimeOf(timeZone);
  return {
    generatedAt,
    asOf: asOf(freshness),
    coverageFromAt: freshness.coverageFromAt,
    timeZone,
    memberId: contact.externalId ?? contact.id,
    contactId: contact.id,
    memberName: contact.name,
    memberEmail: contact.email,
    client: String(contact.attributes.Employer ?? '').trim() || null,
    enrolledOn: dateOn(contact.attributes['Enrolled Date'], timeZone),
    registeredOn: dateOn(contact.attributes['Registration Date'], timeZone),
    status: decision.status,
    nextChange: decision.nextChange,
    attributes: decision.evidence.map((evidence) => ({
      attribute: evidence.attribute,
      held: contact.attributes[evidence.attribute] ?? null,
      maintained: evidence.wanted.kind === 'value',
      wanted: evidence.wanted.kind === 'value' ? evidence.wanted.value : null,
      because: evidence.because,
      conversationIds: evidence.conversationIds,
      figures: evidence.figures,
    })),
    sessions: conversations.map((conversation) => {
      const closedAt = sessionAt(conversation);
      return {
        conversationId: conversation.id,
        state: conversation.state,
        channel: channelOf(conversation) ?? conversation.channel,
        serviceCode: serviceCodeOf(conversation) ?? conversation.serviceCode,
        coachId: conversation.coachId,
        coachName: conversation.coachName,
        createdAt: conversation.createdAt,
        time: closedAt,
        timeOn: closedAt === null ? null : dateOf(closedAt),
        isCoachingSession: isCoachingSession(conversation),
        isQualifyingCall: isQualifyingCall(conversation),
      };
    }),
    nearMisses: decision.nearMisses,
    warnings: decision.warnings,
    writes: writes.map(({ contactId: _contactId, ...write }) => write),
  };
}
