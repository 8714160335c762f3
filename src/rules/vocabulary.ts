import { fold } from './text.js';

/**
 * Every name, threshold and mapping of the business, each once. The glossary that people read is made from this file.
 */

/** Contact attributes this service maintains: the names are Intercom's display names. */
export const MAINTAINED_ATTRIBUTES = [
  'Last Coaching Session',
  'First Session Date',
  'Last Call',
  'Engagement Status',
  'Engagement Status Date',
  'Eligible Programs',
] as const;
export type MaintainedAttribute = (typeof MAINTAINED_ATTRIBUTES)[number];

/** Contact attributes this service only reads. */
export const READ_ATTRIBUTES = [
  'Enrolled Date',
  'Registration Date',
  'Date of Birth',
  'Employer',
  'Referral',
  'Registration Code',
] as const;

/** All contact attributes that the cache keeps; nothing else of `custom_attributes` is ever stored. */
export const KEPT_ATTRIBUTES = [...MAINTAINED_ATTRIBUTES, ...READ_ATTRIBUTES] as const;
export type KeptAttribute = (typeof KEPT_ATTRIBUTES)[number];

/** Intercom's `data_type` of each contact attribute, for checking and creating them. */
export const ATTRIBUTE_TYPES: Readonly<Record<KeptAttribute, 'date' | 'string'>> = {
  'Last Coaching Session': 'date',
  'First Session Date': 'date',
  'Last Call': 'date',
  'Engagement Status': 'string',
  'Engagement Status Date': 'date',
  'Eligible Programs': 'string',
  'Enrolled Date': 'date',
  'Registration Date': 'date',
  'Date of Birth': 'date',
  Employer: 'string',
  Referral: 'string',
  'Registration Code': 'string',
};

/** Attributes that name a calendar date, not an instant: how they are read is in `readDate`. */
export const DATE_ONLY_ATTRIBUTES = [
  'Enrolled Date',
  'Registration Date',
  'Date of Birth',
] as const satisfies readonly KeptAttribute[];

/** Conversation attributes the rules read. */
export const CHANNEL_ATTRIBUTE = 'Channel';
export const SERVICE_CODE_ATTRIBUTE = 'Service Code';
/** When a conversation was last closed, as Intercom calls it. */
export const CLOSE_TIME = 'last_close_at';

export const CHANNELS = ['Phone', 'Video Conference', 'Email', 'Chat'] as const;
export type Channel = (typeof CHANNELS)[number];

/** Channels whose closed conversations can be a qualifying coaching call, and that billing counts. */
export const CALL_CHANNELS = ['Phone', 'Video Conference'] as const satisfies readonly Channel[];

/** The channel that Last Call looks at. */
export const LAST_CALL_CHANNEL = 'Phone' satisfies Channel;

export const QUALIFYING_SERVICE_CODES = ['Health Coaching 001', 'Disease Management 002'] as const;
export type QualifyingServiceCode = (typeof QUALIFYING_SERVICE_CODES)[number];

export const ENGAGEMENT_STATUSES = ['Engaged', 'At Risk', 'Unengaged'] as const;
export type EngagementStatus = (typeof ENGAGEMENT_STATUSES)[number];

/** A member is Engaged up to and including this many days after the last qualifying call (or after enrollment). */
export const ENGAGED_UP_TO_DAYS = 28;
/** A member is At Risk up to and including this many days after the last qualifying call. */
export const AT_RISK_UP_TO_DAYS = 56;

/** Days of a report's bucket, both inclusive; `toDays` is null where the bucket has no end. */
export interface DayBucket {
  readonly name: string;
  readonly fromDays: number;
  readonly toDays: number | null;
}

/** Caseload: days since the last coaching session. */
export const CASELOAD_BUCKETS = [
  { name: 'bucket_1', fromDays: 0, toDays: 7 },
  { name: 'bucket_2', fromDays: 8, toDays: ENGAGED_UP_TO_DAYS },
  { name: 'bucket_3', fromDays: ENGAGED_UP_TO_DAYS + 1, toDays: AT_RISK_UP_TO_DAYS },
  { name: 'bucket_4', fromDays: AT_RISK_UP_TO_DAYS + 1, toDays: null },
] as const satisfies readonly DayBucket[];

/** New participants: days without a coaching session. */
export const NEW_PARTICIPANT_BUCKETS = [
  { name: 'gt_14_to_21', fromDays: 14, toDays: 21 },
  { name: 'gt_21_to_28', fromDays: 22, toDays: ENGAGED_UP_TO_DAYS },
  { name: 'gt_28', fromDays: ENGAGED_UP_TO_DAYS + 1, toDays: null },
] as const satisfies readonly DayBucket[];

/** Billing counts a call from this many days before the 1st of the month. */
export const BILLING_REACH_DAYS = AT_RISK_UP_TO_DAYS;

/** Which programs a Referral opens; `ELIGIBLE_PROGRAMS_BY_REFERRAL` replaces it without code. */
export const DEFAULT_ELIGIBLE_PROGRAMS_BY_REFERRAL: Readonly<Record<string, string>> = {
  'Counter Health': 'Smart Access',
};

/**
 * The canonical spelling for `text` among `names`, compared in the folded form.
 * Returns null when it is none of them.
 */
export function canonical<Name extends string>(names: readonly Name[], text: string | null): Name | null {
  if (text === null) return null;
  // Nearly all are written right, and this is asked of every conversation several times.
  const exact = names.find((name) => name === text);
  if (exact !== undefined) return exact;
  const wanted = fold(text);
  return names.find((name) => fold(name) === wanted) ?? null;
}
