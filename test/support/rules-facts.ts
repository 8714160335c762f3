import type {
  ContactFacts,
  ConversationFacts,
  DecisionContext,
  Evidence,
  MemberDecision,
  MemberFacts,
} from '../../src/rules/facts.js';
import type { MaintainedAttribute } from '../../src/rules/vocabulary.js';

export const NEW_YORK = 'America/New_York';

/** Unix seconds of an instant such as `2026-10-01T12:00:00-04:00`. */
export function at(instant: string): number {
  return Date.parse(instant) / 1000;
}

/** Unix seconds as Intercom stores the date `on`: 00:00:00 UTC. */
export function storedDate(on: string): number {
  return at(`${on}T00:00:00Z`);
}

/** A closed call that qualifies, at noon UTC of `on`, unless `others` say differently. */
export function call(id: string, closed: string, others: Partial<ConversationFacts> = {}): ConversationFacts {
  const closedAt = at(closed.includes('T') ? closed : `${closed}T12:00:00Z`);
  return {
    id,
    contactId: 'c1',
    createdAt: closedAt - 3600,
    updatedAt: closedAt + 60,
    state: 'closed',
    channel: 'Phone',
    serviceCode: 'Health Coaching 001',
    coachId: '17',
    lastCloseAt: closedAt,
    ...others,
  };
}

export function contact(
  attributes: ContactFacts['attributes'],
  others: Partial<ContactFacts> = {},
): ContactFacts {
  return {
    id: 'c1',
    role: 'user',
    externalId: 'user-1',
    name: null,
    email: null,
    createdAt: at('2025-01-01T00:00:00Z'),
    updatedAt: at('2026-10-01T00:00:00Z'),
    attributes,
    ...others,
  };
}

/** A member whose conversations are known from 1 January 2026 on. */
export function member(
  attributes: ContactFacts['attributes'],
  conversations: readonly ConversationFacts[] = [],
  others: Partial<MemberFacts> = {},
): MemberFacts {
  return {
    contact: contact(attributes),
    conversations,
    coverageFromAt: at('2026-01-01T05:00:00Z'),
    waiting: [],
    ownFirstSessionAt: null,
    keptForms: [],
    ...others,
  };
}

/** The moment `now` with the default settings; a bare date means noon in New York. */
export function context(now: string): DecisionContext {
  return {
    nowAt: at(now.includes('T') ? now : `${now}T16:00:00Z`),
    timeZone: NEW_YORK,
    eligibleProgramsByReferral: { 'Counter Health': 'Smart Access' },
  };
}

export function evidenceOf(decision: MemberDecision, attribute: MaintainedAttribute): Evidence {
  const evidence = decision.evidence.find((one) => one.attribute === attribute);
  if (evidence === undefined) throw new Error(`no evidence of ${attribute}`);
  return evidence;
}

/** The value after the decided change; undefined when the attribute does not change. */
export function changeOf(decision: MemberDecision, attribute: MaintainedAttribute): unknown {
  return decision.changes.find((change) => change.attribute === attribute)?.after;
}
