import { dateOf, readInstant } from '../../rules/calendar.js';
import { heldValue, sameValue } from '../../rules/difference.js';
import { earliestOf, latestOf } from '../../rules/evidence.js';
import type { AttributeValue, ConversationFacts, MemberDecision } from '../../rules/facts.js';
import { heldDate } from '../../rules/held.js';
import { splitName } from '../../rules/person-name.js';
import {
  channelOf,
  isBillableCall,
  isCoachingSession,
  qualifyingAt,
  serviceCodeOf,
  sessionAt,
} from '../../rules/sessions.js';
import { cutText, fold } from '../../rules/text.js';
import { canonical, ENGAGEMENT_STATUSES, type MaintainedAttribute } from '../../rules/vocabulary.js';
import type { ContactRow } from './rows.js';

/** What the rules said last; null for a member they have not been asked about yet. */
export type Decided = Pick<MemberDecision, 'evidence' | 'status' | 'nextChange' | 'lastQualifyingAt'> | null;

export type ReportedMember = ReturnType<typeof reportedMember>;

/**
 * One narrow row per member for the reports.
 * @param conversations all cached ones of the contact
 * @param timeZone report time zone, IANA name
 */
export function reportedMember(
  contact: ContactRow,
  conversations: readonly ConversationFacts[],
  decided: Decided,
  timeZone: string,
) {
  const userId = filled(contact.externalId);
  const { first: firstName, last: lastName } = splitName(contact.name);
  return {
    contactId: contact.id,
    memberId: userId ?? contact.id,
    userId,
    hasNoUserId: userId === null,
    hasNoEmployer: contact.employer === null,
    name: filled(contact.name),
    nameKey: fold(contact.name ?? ''),
    firstName,
    lastName,
    email: filled(contact.email),
    employer: contact.employer,
    employerKey: fold(contact.employer ?? ''),
    referralKey: fold(contact.referral ?? ''),
    registrationCode: contact.registrationCode,
    enrolledOn: contact.enrolledOn,
    enrolledAt: enrolledAt(contact, timeZone),
    registeredOn: contact.registeredOn,
    birthOn: contact.birthOn,
    ...sessionColumns(contact, conversations, timeZone),
    status: decided?.status ?? null,
    nextChangeAt: decided?.nextChange?.at ?? null,
    nextChangeOn: decided?.nextChange?.on ?? null,
    nextChangeTo: decided?.nextChange?.to ?? null,
    ...maintainedColumns(contact, decided),
  };
}

function enrolledAt(contact: ContactRow, timeZone: string): number | null {
  const reading = heldDate(contact, 'Enrolled Date', timeZone);
  return reading.kind === 'date' ? reading.at : null;
}

function sessionColumns(contact: ContactRow, conversations: readonly ConversationFacts[], timeZone: string) {
  const coachingAt = (one: ConversationFacts): number | null =>
    isCoachingSession(one) ? sessionAt(one) : null;
  const billableAt = (one: ConversationFacts): number | null => (isBillableCall(one) ? sessionAt(one) : null);
  const lastSessionAt = latestOf(conversations, coachingAt)?.at ?? null;
  const lastQualifying = latestOf(conversations, qualifyingAt);
  const lastCall = lastQualifying?.conversations[0];
  return {
    firstSessionAt: earliestOf(conversations, coachingAt)?.at ?? null,
    lastSessionAt,
    firstBillableAt: earliestOf(conversations, billableAt)?.at ?? null,
    lastBillableAt: latestOf(conversations, billableAt)?.at ?? null,
    withoutSessionSinceOn: lastSessionAt === null ? contact.enrolledOn : dateOf(lastSessionAt, timeZone),
    lastQualifyingAt: lastQualifying?.at ?? null,
    lastQualifyingCoachId: lastCall?.coachId ?? null,
    lastQualifyingChannel: lastCall === undefined ? null : channelOf(lastCall),
    lastQualifyingServiceCode: lastCall === undefined ? null : serviceCodeOf(lastCall),
  };
}

function maintainedColumns(contact: ContactRow, decided: Decided) {
  const valueOf = (attribute: MaintainedAttribute): AttributeValue => {
    const wanted = decided?.evidence.find((one) => one.attribute === attribute)?.wanted;
    const value = wanted?.kind === 'value' ? wanted.value : heldValue(contact.attributes, attribute);
    // What Intercom keeps in another form (a time cut to its day) is shown as it was sent.
    const form = contact.keptForms.find(
      (one) => one.attribute === attribute && sameValue(attribute, one.kept, value),
    );
    return form === undefined ? value : form.sent;
  };
  const status = filled(valueOf('Engagement Status'));
  return {
    maintainedSessionAt: instantOf(valueOf('Last Coaching Session')),
    maintainedStatus: canonical(ENGAGEMENT_STATUSES, status) ?? status,
    maintainedStatusKey: fold(status ?? ''),
    maintainedStatusAt: instantOf(valueOf('Engagement Status Date')),
    maintainedPrograms: filled(valueOf('Eligible Programs')),
  };
}

function instantOf(value: AttributeValue): number | null {
  const reading = readInstant(value);
  return reading.kind === 'instant' ? reading.at : null;
}

function filled(value: AttributeValue): string | null {
  const text = cutText(String(value ?? '')).trim();
  return text === '' ? null : text;
}
