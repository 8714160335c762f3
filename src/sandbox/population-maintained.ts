import {
  AT_RISK_UP_TO_DAYS,
  CALL_CHANNELS,
  canonical,
  CHANNEL_ATTRIBUTE,
  ENGAGED_UP_TO_DAYS,
  type EngagementStatus,
  QUALIFYING_SERVICE_CODES,
  SERVICE_CODE_ATTRIBUTE,
} from '../rules/vocabulary.js';
import type { Random } from './random.js';
import type { AttributeValues, ContactRecord, ConversationRecord } from './records.js';

const DAY_SECONDS = 86_400;

/**
 * The maintained attributes as somebody kept them by hand before the service came: of a third of the members right,
 * of a third some weeks old, of a third never filled in.
 */
export function maintainedBefore(
  random: Random,
  contact: ContactRecord,
  conversations: readonly ConversationRecord[],
  endAt: number,
): AttributeValues {
  const care = random.weighted([
    ['right', 1],
    ['stale', 1],
    ['empty', 1],
  ] as const);
  if (care === 'empty') return {};
  const knownUntil = care === 'right' ? endAt : endAt - random.between(20, 90) * DAY_SECONDS;
  const calls = conversations.flatMap((conversation) => {
    const closedAt = conversation.statistics?.lastCloseAt ?? null;
    return closedAt !== null && closedAt <= knownUntil && isQualifying(conversation) ? [closedAt] : [];
  });
  const [firstAt] = calls;
  const lastAt = calls.length === 0 ? undefined : Math.max(...calls);
  if (firstAt === undefined || lastAt === undefined) return {};
  return {
    'Last Coaching Session': lastAt,
    ...(random.chance(0.8) ? { 'First Session Date': Math.min(firstAt, ...calls) } : {}),
    ...(contact.customAttributes['Enrolled Date'] === undefined
      ? {}
      : {
          'Engagement Status': statusAfter((knownUntil - lastAt) / DAY_SECONDS),
          'Engagement Status Date': knownUntil,
        }),
    ...(contact.customAttributes['Referral'] === 'Counter Health'
      ? { 'Eligible Programs': 'Smart Access' }
      : {}),
  };
}

function isQualifying(conversation: ConversationRecord): boolean {
  const { [CHANNEL_ATTRIBUTE]: channel, [SERVICE_CODE_ATTRIBUTE]: serviceCode } =
    conversation.customAttributes;
  return (
    canonical(CALL_CHANNELS, typeof channel === 'string' ? channel : null) !== null &&
    canonical(QUALIFYING_SERVICE_CODES, typeof serviceCode === 'string' ? serviceCode : null) !== null
  );
}

/** Counted roughly, as by hand. */
function statusAfter(days: number): EngagementStatus {
  if (days <= ENGAGED_UP_TO_DAYS) return 'Engaged';
  return days <= AT_RISK_UP_TO_DAYS ? 'At Risk' : 'Unengaged';
}
