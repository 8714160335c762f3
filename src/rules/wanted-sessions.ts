import { dateInWords, dateOf } from './calendar.js';
import { heldValue, satisfies } from './difference.js';
import {
  agoInWords,
  callInWords,
  earliestOf,
  latestOf,
  leave,
  want,
  type DatedConversations,
} from './evidence.js';
import type { DecisionContext, Evidence, MemberFacts } from './facts.js';
import { heldDate, heldInstant } from './held.js';
import { callAt, qualifyingAt } from './sessions.js';

/** A "latest" attribute with the instant it stands for. */
export interface Latest {
  readonly evidence: Evidence;
  /** Unix seconds; null when there is none. */
  readonly at: number | null;
  /** The cached conversations it comes from; null when Intercom's own value is kept, or when there is none. */
  readonly source: DatedConversations | null;
}

/** Last Coaching Session: session time of the latest qualifying coaching call. */
export function wantLastCoachingSession(facts: MemberFacts, context: DecisionContext): Latest {
  const source = latestOf(facts.conversations, qualifyingAt);
  return wantLatest({ attribute: 'Last Coaching Session', noun: 'qualifying call', source }, facts, context);
}

/** Last Call: the latest phone call in any state. */
export function wantLastCall(facts: MemberFacts, context: DecisionContext): Evidence {
  const source = latestOf(facts.conversations, callAt);
  return wantLatest({ attribute: 'Last Call', noun: 'phone call', source }, facts, context).evidence;
}

interface LatestRule {
  readonly attribute: 'Last Coaching Session' | 'Last Call';
  readonly noun: string;
  readonly source: DatedConversations | null;
}

/**
 * The cached conversations decide about all times that the cache covers. What Intercom holds from before that is kept
 * unless a later conversation is known; what it holds inside the coverage without a conversation for it is corrected.
 */
function wantLatest(
  { attribute, noun, source }: LatestRule,
  facts: MemberFacts,
  context: DecisionContext,
): Latest {
  const { coverageFromAt } = facts;
  const { timeZone } = context;
  const raw = heldValue(facts.contact.attributes, attribute);
  const held = heldInstant(facts.contact, attribute);
  const todayOn = dateOf(context.nowAt, timeZone);
  const coverageFromOn = coverageFromAt === null ? null : dateOf(coverageFromAt, timeZone);
  const heldOn = held.kind === 'instant' ? dateOf(held.at, timeZone) : null;
  const limits = { todayOn, heldOn, coverageFromOn };

  const isBeforeCoverage = held.kind === 'instant' && (coverageFromAt === null || held.at < coverageFromAt);
  if (isBeforeCoverage && (source === null || held.at > source.at)) {
    const why =
      coverageFromOn === null
        ? 'the conversations are not loaded completely yet'
        : `conversations are known from ${dateInWords(coverageFromOn)} on, and none of them is a later ${noun}`;
    const because = `Kept as Intercom holds it, ${agoInWords(dateOf(held.at, timeZone), todayOn)}: ${why}`;
    return { evidence: want(attribute, raw, because, limits), at: held.at, source: null };
  }
  if (source !== null) {
    const calledOn = dateOf(source.at, timeZone);
    const call = source.conversations[0];
    const verb = call.state === 'closed' ? 'closed' : `begun (${call.state} now)`;
    const because = `The latest ${noun}, ${callInWords(call)}, ${verb} ${agoInWords(calledOn, todayOn)}`;
    return {
      evidence: want(attribute, source.at, because, { calledOn, ...limits }, source),
      at: source.at,
      source,
    };
  }
  if (held.kind === 'unreadable') {
    const because = `Left alone: no ${noun} is known, and what Intercom holds can't be read`;
    return { evidence: leave(attribute, because, limits), at: null, source: null };
  }
  const because =
    held.kind === 'missing'
      ? `No ${noun} is known`
      : `Cleared: no known conversation is the ${noun} that Intercom holds ${agoInWords(dateOf(held.at, timeZone), todayOn)}; it was reopened, reclassified or deleted`;
  return { evidence: want(attribute, null, because, limits), at: null, source: null };
}

/**
 * First Session Date: session time of the earliest qualifying coaching call, written only where it is empty. A value
 * that this service wrote is corrected when an earlier call becomes known or its call no longer counts; a value from
 * elsewhere is never touched.
 */
export function wantFirstSessionDate(facts: MemberFacts, context: DecisionContext): Evidence {
  const attribute = 'First Session Date';
  const { contact, coverageFromAt, ownFirstSessionAt } = facts;
  const { timeZone } = context;
  const raw = heldValue(contact.attributes, attribute);
  const held = heldInstant(contact, attribute);
  const enrolled = heldDate(contact, 'Enrolled Date', timeZone);
  const registered = heldDate(contact, 'Registration Date', timeZone);
  const source = earliestOf(facts.conversations, qualifyingAt);
  const figures = {
    calledOn: source === null ? null : dateOf(source.at, timeZone),
    heldOn: held.kind === 'instant' ? dateOf(held.at, timeZone) : null,
    enrolledOn: enrolled.kind === 'date' ? enrolled.on : null,
    registeredOn: registered.kind === 'date' ? registered.on : null,
    coverageFromOn: coverageFromAt === null ? null : dateOf(coverageFromAt, timeZone),
  };

  if (enrolled.kind !== 'date' && registered.kind !== 'date') {
    return leave(attribute, 'Left alone: there is no Enrolled Date and no Registration Date', figures);
  }
  if (coverageFromAt === null) {
    return leave(attribute, 'Left alone: the conversations are not loaded completely yet', figures);
  }
  if (held.kind !== 'missing') {
    const isOwn = ownFirstSessionAt !== null && satisfies(attribute, raw, ownFirstSessionAt, facts.keptForms);
    if (!isOwn)
      return leave(attribute, 'Left alone: this service did not write what Intercom holds', figures);
    if (ownFirstSessionAt < coverageFromAt && (source === null || source.at > ownFirstSessionAt)) {
      return leave(
        attribute,
        'Kept: it was written from a call before the conversations that are known',
        figures,
      );
    }
  }
  if (source === null) {
    const because =
      held.kind === 'missing'
        ? 'No qualifying call is known'
        : 'Cleared: the call it was written from no longer counts, and no other qualifying call is known';
    return want(attribute, null, because, figures);
  }
  const closed = `closed on ${dateInWords(dateOf(source.at, timeZone))}`;
  const because = `The earliest qualifying call, ${callInWords(source.conversations[0])}, ${closed}`;
  return want(attribute, source.at, because, figures, source);
}
