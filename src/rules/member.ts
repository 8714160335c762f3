import { readInstant } from './calendar.js';
import { differ } from './difference.js';
import { latestOf, leave } from './evidence.js';
import type {
  ContactFacts,
  ConversationFacts,
  DecisionContext,
  Evidence,
  MemberDecision,
  MemberFacts,
  NearMiss,
  Warning,
} from './facts.js';
import { nearMiss, qualifyingAt } from './sessions.js';
import {
  ATTRIBUTE_TYPES,
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
    warnings: warningsOf(contact),
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

/** Every date that can't be read; the value itself is left out, because it may be personal. */
function warningsOf(contact: ContactFacts): Warning[] {
  return KEPT_ATTRIBUTES.filter((attribute) => ATTRIBUTE_TYPES[attribute] === 'date').flatMap((attribute) => {
    const reading = readInstant(contact.attributes[attribute]);
    if (reading.kind !== 'unreadable') return [];
    return [{ attribute, message: `${attribute} can't be read and counts as missing: ${reading.why}` }];
  });
}
