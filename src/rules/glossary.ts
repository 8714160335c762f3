import {
  AT_RISK_UP_TO_DAYS,
  BILLING_REACH_DAYS,
  CALL_CHANNELS,
  CASELOAD_BUCKETS,
  CHANNEL_ATTRIBUTE,
  CHANNELS,
  DATE_ONLY_ATTRIBUTES,
  ENGAGED_UP_TO_DAYS,
  LAST_CALL_CHANNEL,
  NEW_PARTICIPANT_BUCKETS,
  QUALIFYING_SERVICE_CODES,
  SERVICE_CODE_ATTRIBUTE,
  ENGAGEMENT_STATUSES,
  type DayBucket,
  type EngagementStatus,
  type MaintainedAttribute,
} from './vocabulary.js';

export interface GlossaryEntry {
  readonly term: string;
  readonly meaning: string;
}

export interface GlossaryContext {
  /** Report time zone, IANA name. */
  readonly timeZone: string;
  readonly eligibleProgramsByReferral: Readonly<Record<string, string>>;
}

/** The words and numbers of the rules for people, made from the vocabulary that the rules themselves run on. */
export function glossary(context: GlossaryContext): readonly GlossaryEntry[] {
  const maintained = Object.entries(maintainedAttributes(context)).map(([term, meaning]) => ({
    term,
    meaning,
  }));
  return [
    ...peopleAndSessions(),
    ...time(context),
    ...maintained,
    ...statuses(),
    ...upkeep(),
    ...reportWords(),
  ];
}

function peopleAndSessions(): GlossaryEntry[] {
  return [
    { term: 'Contact', meaning: 'A contact in Intercom.' },
    { term: 'Member', meaning: 'A contact with the role user. Leads are never written and never reported.' },
    {
      term: 'User ID',
      meaning:
        "The contact's external id in Intercom. A report's memberId is the User ID, or the Intercom contact id where there is none; contactId is always the Intercom contact id.",
    },
    { term: 'Coach', meaning: 'The teammate to whom the conversation is assigned.' },
    { term: 'Employer', meaning: "The member's Employer attribute; some reports call it client." },
    {
      term: 'Coaching session',
      meaning: `A closed conversation whose ${CHANNEL_ATTRIBUTE} is ${either(CHANNELS)}. Reports count these.`,
    },
    {
      term: 'Qualifying coaching call',
      meaning: `A closed conversation whose ${CHANNEL_ATTRIBUTE} is ${either(CALL_CHANNELS)} and whose ${SERVICE_CODE_ATTRIBUTE} is ${either(QUALIFYING_SERVICE_CODES)}. Engagement counts these.`,
    },
    {
      term: 'Near miss',
      meaning: `A closed conversation that does not qualify because ${CHANNEL_ATTRIBUTE} or ${SERVICE_CODE_ATTRIBUTE} is empty or unknown. Filling it in at its source in Intercom makes it count.`,
    },
    {
      term: 'Session time',
      meaning: 'When the conversation was last closed, or when it last changed where Intercom does not say.',
    },
    {
      term: 'Whose conversation',
      meaning: 'A conversation belongs to the first contact in its contact list.',
    },
    {
      term: 'Same value',
      meaning:
        'Attribute values are compared without blanks at either end and without regard to capital letters.',
    },
  ];
}

function time({ timeZone }: GlossaryContext): GlossaryEntry[] {
  return [
    { term: 'Report time zone', meaning: `${timeZone}: all dates, days and months are meant there.` },
    {
      term: 'Days since',
      meaning: `Calendar days between two dates in ${timeZone}: a call late yesterday evening was 1 day ago from midnight on. A date in the future counts as 0 days ago.`,
    },
    {
      term: 'Date-only attributes',
      meaning: `${list(DATE_ONLY_ATTRIBUTES)}: a value at exactly 00:00 UTC, or written YYYY-MM-DD, is that date as written; any other time has its date in ${timeZone}.`,
    },
    {
      term: 'Unreadable value',
      meaning: 'A date that cannot be read counts as missing and is listed among the warnings of the member.',
    },
  ];
}

function maintainedAttributes(context: GlossaryContext): Readonly<Record<MaintainedAttribute, string>> {
  const programs = Object.entries(context.eligibleProgramsByReferral).map(
    ([referral, program]) => `${referral} → ${program}`,
  );
  return {
    'Last Coaching Session': 'Session time of the latest qualifying coaching call.',
    'First Session Date':
      'Session time of the earliest qualifying coaching call. Written only when the member has an Enrolled Date or Registration Date and the attribute is empty; a value that came from elsewhere is never touched.',
    'Last Call': `The latest conversation whose ${CHANNEL_ATTRIBUTE} is ${LAST_CALL_CHANNEL}, in any state: its session time once it is closed, its beginning before that.`,
    'Engagement Status': `${either(ENGAGEMENT_STATUSES)}, by the days since the last qualifying coaching call; only for members with an Enrolled Date.`,
    'Engagement Status Date':
      'When this service changed Engagement Status; written together with it and never alone.',
    'Eligible Programs':
      programs.length === 0
        ? 'Left alone: no programs are set for any Referral.'
        : `From Referral: ${programs.join('; ')}. Any other Referral leaves it alone.`,
  };
}

function statuses(): GlossaryEntry[] {
  const meanings: Readonly<Record<EngagementStatus, string>> = {
    Engaged: `The last qualifying coaching call was at most ${ENGAGED_UP_TO_DAYS} days ago; or there was none yet, and Enrolled Date is at most ${ENGAGED_UP_TO_DAYS} days ago.`,
    'At Risk': `The last qualifying coaching call was ${ENGAGED_UP_TO_DAYS + 1} to ${AT_RISK_UP_TO_DAYS} days ago.`,
    Unengaged: `The last qualifying coaching call was more than ${AT_RISK_UP_TO_DAYS} days ago; or there was none, and Enrolled Date is more than ${ENGAGED_UP_TO_DAYS} days ago. A later call makes the member Engaged again.`,
  };
  return [
    ...entriesOf(meanings),
    {
      term: 'Next status change',
      meaning: `When nothing else happens before: 00:00 in the report time zone of day ${ENGAGED_UP_TO_DAYS + 1} or ${AT_RISK_UP_TO_DAYS + 1}.`,
    },
  ];
}

function upkeep(): GlossaryEntry[] {
  return [
    {
      term: 'Coverage',
      meaning:
        'The time from which on all conversations are known. What Intercom holds from before that is kept unless something later is known; what it holds since then without a conversation for it is corrected or cleared.',
    },
    {
      term: 'Evidence',
      meaning: 'Why a value holds: the conversations, dates and day counts it comes from.',
    },
    {
      term: 'Drift',
      meaning: 'A difference between Intercom and the rules that a sweep found, and no event had told of.',
    },
  ];
}

function reportWords(): GlossaryEntry[] {
  return [
    ...CASELOAD_BUCKETS.map((bucket) => bucketEntry(bucket, 'Caseload: the last coaching session was')),
    ...NEW_PARTICIPANT_BUCKETS.map((bucket) =>
      bucketEntry(bucket, 'New participants: the last coaching session, or without one Enrolled Date, was'),
    ),
    {
      term: 'Billable',
      meaning: `Enrolled Date in the month, or a closed ${either(CALL_CHANNELS)} conversation with any ${SERVICE_CODE_ATTRIBUTE} from ${BILLING_REACH_DAYS} days before the 1st through the last day of the month.`,
    },
  ];
}

function bucketEntry({ name, fromDays, toDays }: DayBucket, what: string): GlossaryEntry {
  return { term: name, meaning: `${what} ${daysInWords(fromDays, toDays)} days ago.` };
}

function daysInWords(fromDays: number, toDays: number | null): string {
  if (toDays === null) return `more than ${fromDays - 1}`;
  return fromDays === 0 ? `at most ${toDays}` : `${fromDays} to ${toDays}`;
}

function entriesOf(meanings: Readonly<Record<string, string>>): GlossaryEntry[] {
  return Object.entries(meanings).map(([term, meaning]) => ({ term, meaning }));
}

function list(names: readonly string[]): string {
  return names.join(', ');
}

function either(names: readonly string[]): string {
  return new Intl.ListFormat('en-GB', { type: 'disjunction' }).format(names);
}
