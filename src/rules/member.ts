import { differ } from './difference.js';
import { latestOf, leave } from './evidence.js';
import type {
  ConversationFacts,
  DecisionContext,
  Evidence,
  MemberDecision,
  MemberFacts,
  NearMiss,
  Warning,
} from './facts.js';
import { heldInstant, isUnreadable } from './held.js';
import { nearMiss, qualifyingAt } from './sessions.js';
import {
  ATTRIBUTE_TYPES,
  CLOSE_TIME,
  KEPT_ATTRIBUTES,
  MAINTAINED_ATTRIBUTES,
  type MaintainedAttribute,
} from './vocabulary.js';
import { wantFirstSessionDate, wantLastCall, wantLastCoachingSession } from './wanted-sessions.js';
import { wantEligiblePrograms, wantEngagementStatus } from './wanted-status.js';

/**
 * What the rules say of one contact at `context.nowAt`: the wanted value of every maintained attribute with its
 * evidence, the smallest change that brings Intercom there, the status and when it changes next. Pure: the same facts
 * give the same decision, in whatever order the conversations come. A lead is no member, and nothing is said of it.
 */
export function decideMember(facts: MemberFacts, context: DecisionContext): MemberDecision {
  const { contact, conversations, keptForms } = facts;
  if (contact.role === 'lead') return sayNothing();

  const lastSession = wantLastCoachingSession(facts, context);
  const { status, statusDate, current, nextChange, kept } = wantEngagementStatus(facts, lastSession, context);
  const wanted: Readonly<Record<MaintainedAttribute, Evidence>> = {
    'Last Coaching Session': lastSession.evidence,
    'First Session Date': wantFirstSessionDate(facts, context),
    'Last Call': wantLastCall(facts, context),
    'Engagement Status': status,
    'Engagement Status Date': statusDate,
    'Eligible Programs': wantEligiblePrograms(facts, context),
  };
  const evidence = MAINTAINED_ATTRIBUTES.map((attribute) => wanted[attribute]);
  return {
    evidence,
    changes: [...differ(evidence, contact.attributes, keptForms), ...kept],
    status: current,
    nextChange,
    lastQualifyingAt: latestOf(conversations, qualifyingAt)?.at ?? null,
    nearMisses: nearMissesOf(conversations),
    warnings: warningsOf(facts),
  };
}

function sayNothing(): MemberDecision {
  return {
    evidence: MAINTAINED_ATTRIBUTES.map((attribute) => leave(attribute, 'Left alone: a lead is no member')),
    changes: [],
    status: null,
    nextChange: null,
    lastQualifyingAt: null,
    nearMisses: [],
    warnings: [],
  };
}

/** Newest first. */
function nearMissesOf(conversations: readonly ConversationFacts[]): NearMiss[] {
  return conversations
    .flatMap((conversation) => nearMiss(conversation) ?? [])
    .sort(
      (one, other) => other.closedAt - one.closedAt || (one.conversationId < other.conversationId ? -1 : 1),
    );
}

/** Everything that can't be read; the value itself is left out, because it may be personal. */
function warningsOf({ contact, conversations }: MemberFacts): Warning[] {
  const ofContact = KEPT_ATTRIBUTES.flatMap((attribute): Warning[] => {
    const isDate = ATTRIBUTE_TYPES[attribute] === 'date';
    if (!isDate && !isUnreadable(contact, attribute)) return [];
    const reading = heldInstant(contact, attribute);
    if (reading.kind !== 'unreadable') return [];
    return [{ attribute, message: `${attribute} can't be read and counts as missing: ${reading.why}` }];
  });
  const wrong = conversations
    .filter((conversation) => conversation.state === 'closed' && conversation.hasWrongCloseTime === true)
    .toSorted((one, other) => other.updatedAt - one.updatedAt || (one.id < other.id ? -1 : 1));
  const ofCalls = wrong.slice(0, MAX_CLOSE_WARNINGS).map(({ id }): Warning => ({
    attribute: CLOSE_TIME,
    message: `${CLOSE_TIME} of conversation ${id} can't be right: its last update counts as its close`,
  }));
  return [...ofContact, ...ofCalls];
}

/** The newest ones; of those that matter for a status there are few. */
const MAX_CLOSE_WARNINGS = 20;
