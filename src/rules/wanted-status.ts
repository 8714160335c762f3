import { dateInWords, dateOf, readInstant } from './calendar.js';
import { heldValue, sameValue, satisfies } from './difference.js';
import { judgeEngagement } from './engagement.js';
import { agoInWords, callInWords, leave, want } from './evidence.js';
import type { AttributeValue, Change, DecisionContext, Evidence, MemberFacts, NextChange } from './facts.js';
import { heldDate } from './held.js';
import { fold } from './text.js';
import { canonical, ENGAGEMENT_STATUSES, type EngagementStatus } from './vocabulary.js';
import type { Latest } from './wanted-sessions.js';

export interface WantedStatus {
  readonly status: Evidence;
  readonly statusDate: Evidence;
  /** Null for a member without a readable Enrolled Date, or where none is known as long as the day isn't. */
  readonly current: EngagementStatus | null;
  readonly nextChange: NextChange | null;
  /** Changes decided earlier that stay as they are, although nothing is said of their attributes now. */
  readonly kept: readonly Change[];
}

/** Engagement Status and its date, from the Enrolled Date and the last coaching session that holds. */
export function wantEngagementStatus(
  facts: MemberFacts,
  last: Latest,
  context: DecisionContext,
): WantedStatus {
  const { timeZone } = context;
  const enrolled = heldDate(facts.contact, 'Enrolled Date', timeZone);
  if (enrolled.kind !== 'date') {
    const because = `Left alone: Enrolled Date ${enrolled.kind === 'missing' ? 'is empty' : "can't be read"}`;
    return {
      status: leave('Engagement Status', because),
      statusDate: leave('Engagement Status Date', because),
      current: null,
      nextChange: null,
      kept: [],
    };
  }
  if (context.isDayKnown === false) return holdEngagementStatus(facts, context);
  const todayOn = dateOf(context.nowAt, timeZone);
  const lastQualifyingOn = last.at === null ? null : dateOf(last.at, timeZone);
  const dates = { enrolledOn: enrolled.on, lastQualifyingOn, todayOn };
  const engagement = judgeEngagement({ ...dates, timeZone });
  const because = `${engagement.status} because ${reasonInWords(last, dates)}`;
  const figures = { ...dates, daysSince: engagement.days };
  return {
    status: want('Engagement Status', engagement.status, because, figures, last.source),
    statusDate: wantStatusDate(facts, engagement.status, context),
    current: engagement.status,
    nextChange: engagement.nextChange,
    kept: [],
  };
}

const STATUS_ATTRIBUTES = ['Engagement Status', 'Engagement Status Date'] as const;

/** Says nothing of the status by a date that can't be right: it stays as it was, and is due again at once. */
function holdEngagementStatus({ contact, waiting }: MemberFacts, context: DecisionContext): WantedStatus {
  const because = "Left alone: this machine's clock can't be right; decided as soon as it is";
  const kept = waiting.filter(({ attribute }) => STATUS_ATTRIBUTES.some((one) => one === attribute));
  const newest = kept.find(({ attribute }) => attribute === 'Engagement Status');
  const held = newest?.after ?? heldValue(contact.attributes, 'Engagement Status');
  const current = canonical(ENGAGEMENT_STATUSES, held === null ? null : String(held));
  const { nowAt, timeZone } = context;
  return {
    status: leave('Engagement Status', because),
    statusDate: leave('Engagement Status Date', because),
    current,
    nextChange: { at: nowAt, on: dateOf(nowAt, timeZone), to: current ?? 'Unengaged' },
    kept,
  };
}

interface StatusDates {
  readonly enrolledOn: string;
  readonly lastQualifyingOn: string | null;
  readonly todayOn: string;
}

function reasonInWords(last: Latest, { enrolledOn, lastQualifyingOn, todayOn }: StatusDates): string {
  if (lastQualifyingOn === null) {
    return `no qualifying call is known and Enrolled Date fell ${agoInWords(enrolledOn, todayOn)}`;
  }
  const ago = agoInWords(lastQualifyingOn, todayOn);
  if (last.source === null) return `the last coaching session that Intercom holds was ${ago}`;
  return `the last qualifying call, ${callInWords(last.source.conversations[0])}, closed ${ago}`;
}

/**
 * The time at which this service changes the status: only together with a change, and the one decided first when that
 * change is still on its way to Intercom.
 */
function wantStatusDate(facts: MemberFacts, status: EngagementStatus, context: DecisionContext): Evidence {
  const attribute = 'Engagement Status Date';
  const held = facts.contact.attributes;
  if (satisfies('Engagement Status', heldValue(held, 'Engagement Status'), status, facts.keptForms)) {
    const because = `Unchanged, because Engagement Status is ${status} already`;
    return want(attribute, heldValue(held, attribute), because, {});
  }
  const waiting = waitingStatusDate(facts, status);
  const decidedAt = waiting.kind === 'instant' ? waiting.at : context.nowAt;
  const changedOn = dateOf(decidedAt, context.timeZone);
  const because = `Engagement Status changes to ${status}, decided on ${dateInWords(changedOn)}`;
  return want(attribute, decidedAt, because, { changedOn });
}

/** The date of a status change that is on its way: waiting with it, or in Intercom already where only the date arrived. */
function waitingStatusDate(
  { waiting, contact }: MemberFacts,
  status: EngagementStatus,
): ReturnType<typeof readInstant> {
  const isWaiting = waiting.some(
    (change) =>
      change.attribute === 'Engagement Status' && sameValue('Engagement Status', change.after, status),
  );
  if (!isWaiting) return { kind: 'missing' };
  const date = waiting.find((change) => change.attribute === 'Engagement Status Date');
  return readInstant(date === undefined ? contact.attributes['Engagement Status Date'] : date.after);
}

/** Eligible Programs: from Referral through the mapping; a Referral outside the mapping leaves it alone. */
export function wantEligiblePrograms(facts: MemberFacts, context: DecisionContext): Evidence {
  const attribute = 'Eligible Programs';
  const referral = textOf(facts.contact.attributes.Referral);
  if (referral === '') return leave(attribute, 'Left alone: Referral is empty');
  const entry = Object.entries(context.eligibleProgramsByReferral).find(([name]) => fold(name) === referral);
  if (entry === undefined) return leave(attribute, 'Left alone: no programs are set for this Referral');
  const [name, programs] = entry;
  return want(attribute, programs, `Referral ${name} opens ${programs}`, { referral: name });
}

function textOf(raw: AttributeValue | undefined): string {
  return fold(String(raw ?? ''));
}
