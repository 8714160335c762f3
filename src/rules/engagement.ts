import { addDaysOn, daysSince, startOfDayAt } from './calendar.js';
import type { NextChange } from './facts.js';
import { AT_RISK_UP_TO_DAYS, ENGAGED_UP_TO_DAYS, type EngagementStatus } from './vocabulary.js';

export interface EngagementFacts {
  readonly enrolledOn: string;
  /** Date of the latest qualifying coaching call; null when there was none. */
  readonly lastQualifyingOn: string | null;
  readonly todayOn: string;
  /** Report time zone, IANA name. */
  readonly timeZone: string;
}

export interface Engagement {
  readonly status: EngagementStatus;
  /** Calendar days since the last qualifying call, or since enrollment when there was none; the future counts as 0. */
  readonly days: number;
  /** When the status changes if nothing else happens; always on a later date than today. */
  readonly nextChange: NextChange | null;
}

/**
 * An enrolled member's Engagement Status today. The last qualifying call alone decides, so a first call that came late
 * is never held against the member again; without any call the member is Engaged for the first days after enrollment.
 */
export function judgeEngagement(facts: EngagementFacts): Engagement {
  const { enrolledOn, lastQualifyingOn, todayOn } = facts;
  const sinceOn = lastQualifyingOn ?? enrolledOn;
  const days = daysSince(sinceOn, todayOn);
  const afterEngaged = lastQualifyingOn === null ? 'Unengaged' : 'At Risk';

  if (days <= ENGAGED_UP_TO_DAYS) {
    return {
      status: 'Engaged',
      days,
      nextChange: changeAfter(ENGAGED_UP_TO_DAYS, sinceOn, afterEngaged, facts),
    };
  }
  if (lastQualifyingOn !== null && days <= AT_RISK_UP_TO_DAYS) {
    return {
      status: 'At Risk',
      days,
      nextChange: changeAfter(AT_RISK_UP_TO_DAYS, sinceOn, 'Unengaged', facts),
    };
  }
  return { status: 'Unengaged', days, nextChange: null };
}

/** The change comes with the first day on which the limit is passed. */
function changeAfter(
  limitDays: number,
  sinceOn: string,
  to: EngagementStatus,
  facts: EngagementFacts,
): NextChange {
  const on = addDaysOn(sinceOn, limitDays + 1);
  return { at: startOfDayAt(on, facts.timeZone), on, to };
}
