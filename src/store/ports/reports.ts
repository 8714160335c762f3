import type { NextChange } from '../../rules/facts.js';
import type { Channel, EngagementStatus } from '../../rules/vocabulary.js';

/**
 * What reports ask the store. Every question is answered from stored columns by an index, on connections of its own:
 * a heavy report never delays a webhook. Windows and bucket limits arrive as instants (Unix seconds) or calendar dates
 * that the report has worked out by the rules; what follows from a row's instants (days since, buckets) is worked out
 * by the report again, so the arithmetic of days stays in `rules/calendar`.
 *
 * Members are live contacts with role user: archived, merged and deleted ones are in no answer. A conversation counts
 * for a member only through `contactId`. Methods reject with `AppError('store_unavailable', 'later')`.
 *
 * Counts by limits: n ascending limits cut what is counted into n + 1 groups, and the answer has their sizes in order:
 * before the first limit, from each limit up to (not including) the next, and from the last one on. Their sum is the
 * list's `count`. The limits of "≤ 7, 8–28, 29–56, > 56 days ago" are the first instants of the days 56, 28 and 7 days
 * ago, and the groups come out oldest first.
 */
export interface ReportStore {
  /**
   * Changes with every commit that may change an answer or `Store.freshness`, whichever process made it, and never
   * comes back; a restart leaves it as it is. Cheap enough for every request: for ETags (which have to name the day
   * too, because days pass without a commit).
   */
  dataVersion(): Promise<string>;

  /** Members with a coaching session in the window, in order of the last one in it, latest first. */
  readonly caseload: ReportList<CaseloadFilter, CaseloadRow>;
  /** Coaching sessions in the window, latest first. */
  readonly sessions: ReportList<SessionFilter, SessionRow>;
  /** The members of `caseload` by their last coaching session in the window; limits are instants, Unix seconds. */
  caseloadCounts(filter: CaseloadFilter, limits: readonly number[]): Promise<readonly number[]>;
  /** The same of `sessions`. */
  sessionCounts(filter: SessionFilter, limits: readonly number[]): Promise<readonly number[]>;

  /** Members enrolled in the window, longest without a session first. */
  readonly newParticipants: ReportList<ParticipantFilter, ParticipantRow>;
  /**
   * The same members by the date since which they are without a session: that of the last one, else Enrolled Date.
   * Limits are dates (`YYYY-MM-DD`).
   */
  participantCounts(filter: ParticipantFilter, limitsOn: readonly string[]): Promise<readonly number[]>;

  /** Members that billing includes, by employer (without regard to case, empty last), name (likewise), member id. */
  readonly billing: ReportList<BillingFilter, BillingRow>;

  /** Members that pass the filters, by User ID, those without one last, then by contact id. */
  readonly engagement: ReportList<EngagementFilter, EngagementRow>;

  /** Members whose status changes before `beforeAt`, soonest first. */
  readonly upcoming: ReportList<UpcomingFilter, UpcomingRow>;

  /**
   * What coaches and registrars can fix at the source: calls by coach (name, then id; without a coach last), newest
   * first; then members by problem.
   */
  readonly dataQuality: ReportList<DataQualityFilter, DataQualityRow>;

  overview(windows: OverviewWindows): Promise<Overview>;

  /**
   * What filters may be set to: coaches with at least one coaching session by name, those without one last; employers
   * with at least one member, each in one of its spellings, without regard to case.
   */
  filterChoices(): Promise<FilterChoices>;

  close(): Promise<void>;
}

/**
 * One list, whole or by pages. A cursor names the place behind a row, not a number of rows: rows that come and go
 * meanwhile make no other row appear twice or not at all. Ties are settled by id, so the order is always the same.
 */
export interface ReportList<Filter, Row> {
  count(filter: Filter): Promise<number>;
  /**
   * At most `limit` rows after `after`, an opaque text of an earlier answer.
   * @throws AppError `cursor_invalid` for any other text, and for the cursor of another list.
   */
  page(filter: Filter, page: PageRequest): Promise<Page<Row>>;
  /**
   * Every row, in batches; memory stays flat however many there are. Stops early when the consumer does. Each batch is
   * read for itself, so that a slow consumer holds nothing up: a row that moves meanwhile may be met at both of its
   * places or at neither; all others are met once.
   */
  all(filter: Filter): AsyncIterable<readonly Row[]>;
}

export interface PageRequest {
  readonly limit: number;
  readonly after: string | null;
}

export interface Page<Row> {
  readonly rows: readonly Row[];
  /** Null on the last page. */
  readonly next: string | null;
}

/** Half-open window of instants, Unix seconds. */
export interface Window {
  readonly fromAt: number;
  /** Exclusive. Null is no end: a lookback has none, because a time ahead of the clock counts as today. */
  readonly toAt: number | null;
}

/**
 * An empty list filters nothing; several values mean any of them. Values are compared trimmed and without regard to
 * case, coaches by id or name. Coach and channel choose members who have one session with both; the other columns
 * still describe all their sessions in the window.
 */
export interface SessionFilter {
  readonly window: Window;
  readonly coaches: readonly string[];
  readonly employers: readonly string[];
  readonly channels: readonly Channel[];
}

/** As {@link SessionFilter}, in a window without an end. */
export interface CaseloadFilter extends Omit<SessionFilter, 'window'> {
  readonly fromAt: number;
}

/** Who a row is about: contact id, User ID and the columns that name a person. */
export interface MemberColumns {
  readonly contactId: string;
  /** Intercom's User ID; null where it is empty. */
  readonly userId: string | null;
  readonly name: string | null;
  readonly email: string | null;
  readonly employer: string | null;
}

/** Coaches and channels of all the member's sessions in the window, each sorted; names in the order of the ids. */
export interface SessionsInWindow {
  readonly coachIds: readonly string[];
  /** The id where a coach's name isn't known. */
  readonly coachNames: readonly string[];
  readonly channels: readonly Channel[];
}

export interface CaseloadRow extends MemberColumns, SessionsInWindow {
  readonly lastSessionAt: number;
}

export interface SessionRow extends MemberColumns {
  readonly conversationId: string;
  readonly coachId: string | null;
  readonly coachName: string | null;
  readonly channel: Channel;
  /** Canonical spelling where it has one, else as written. */
  readonly serviceCode: string | null;
  readonly sessionAt: number;
}

/** Enrolled dates, both inclusive. Filters choose as in {@link SessionFilter}, among all sessions that are known. */
export interface ParticipantFilter {
  readonly enrolledFromOn: string;
  readonly enrolledToOn: string;
  readonly coaches: readonly string[];
  readonly employers: readonly string[];
  readonly channels: readonly Channel[];
}

export interface ParticipantRow extends MemberColumns, SessionsInWindow {
  /** Enrolled Date as Intercom holds it: 00:00:00 UTC for a date-only value. */
  readonly participantAt: number;
  readonly participantOn: string;
  readonly firstSessionAt: number | null;
  readonly lastSessionAt: number | null;
}

export interface BillingFilter {
  /** Dates of the month, both inclusive. */
  readonly enrolledFromOn: string;
  readonly enrolledToOn: string;
  /** Closed Phone and Video Conference conversations whose session time lies here make a member engaged. */
  readonly calls: { readonly fromAt: number; readonly toAt: number };
  readonly employers: readonly string[];
}

export interface BillingRow extends MemberColumns {
  /** Enrolled Date as Intercom holds it: 00:00:00 UTC for a date-only value. */
  readonly enrolledAt: number | null;
  readonly enrolledOn: string | null;
  readonly lastSessionAt: number | null;
  readonly isNewParticipant: boolean;
  readonly engagedDuringMonth: boolean;
}

/** Empty lists and nulls filter nothing; dates are inclusive. */
export interface EngagementFilter {
  readonly referrals: readonly string[];
  readonly employers: readonly string[];
  readonly statuses: readonly EngagementStatus[];
  readonly enrolledFromOn: string | null;
  readonly enrolledToOn: string | null;
  /** The member's Last Coaching Session. */
  readonly lastSession: { readonly fromAt: number | null; readonly toAt: number | null };
}

export interface EngagementRow {
  readonly userId: string | null;
  readonly employer: string | null;
  /** Without middle names and titles; empty where there is none. */
  readonly firstName: string;
  /** With its particles, without suffixes; empty where there is none. */
  readonly lastName: string;
  readonly birthOn: string | null;
  /**
   * Maintained values as this service wants them in Intercom, or as held there where it leaves them alone; instants
   * that can't be read are null.
   */
  readonly lastCoachingSessionAt: number | null;
  readonly status: string | null;
  readonly statusDateAt: number | null;
  readonly eligiblePrograms: string | null;
  readonly registrationCode: string | null;
}

export interface UpcomingFilter {
  /** Status changes at or after this instant … */
  readonly fromAt: number;
  /** … and before this one. */
  readonly beforeAt: number;
  readonly coaches: readonly string[];
  readonly employers: readonly string[];
}

export interface UpcomingRow extends MemberColumns {
  readonly enrolledOn: string | null;
  readonly status: EngagementStatus | null;
  readonly nextChange: NextChange;
  readonly lastQualifyingAt: number | null;
  /** Coach, channel and service code of the last qualifying call. */
  readonly coachId: string | null;
  readonly coachName: string | null;
  readonly channel: Channel | null;
  readonly serviceCode: string | null;
}

export type DataQualityProblem = 'call does not count' | 'no Enrolled Date' | 'no User ID' | 'no Employer';

export interface DataQualityFilter {
  readonly problems: readonly DataQualityProblem[];
  readonly coaches: readonly string[];
  readonly employers: readonly string[];
  /** Calls that closed at or after this instant; members have no such limit. */
  readonly closedFromAt: number;
}

export interface DataQualityRow extends MemberColumns {
  readonly problem: DataQualityProblem;
  /** What would have to change: "Service Code empty", "Channel unknown: Phnoe". One for a member's problem. */
  readonly reasons: readonly string[];
  readonly conversationId: string | null;
  readonly closedAt: number | null;
  readonly coachId: string | null;
  readonly coachName: string | null;
}

export interface OverviewWindows {
  /** Month to date, and the same number of days of the month before; dates inclusive. */
  readonly thisMonth: DatedWindow;
  readonly lastMonth: DatedWindow;
  /** First instants of the weeks to count sessions in, ascending; the last week has no end, as a lookback has none. */
  readonly weekLimits: readonly number[];
}

export interface DatedWindow extends Window {
  readonly fromOn: string;
  readonly toOn: string;
}

export interface Overview {
  readonly thisMonth: MonthFigures;
  readonly lastMonth: MonthFigures;
  readonly members: number;
  /** Members by status; `none` have no Enrolled Date. */
  readonly statuses: Readonly<Record<EngagementStatus | 'none', number>>;
  /**
   * One row per week (index into `weekLimits`) and service code (canonical, in one of its spellings, or null) that has
   * sessions.
   */
  readonly sessionsByWeek: readonly {
    readonly week: number;
    readonly serviceCode: string | null;
    readonly sessions: number;
  }[];
}

export interface MonthFigures {
  readonly registrations: number;
  readonly enrollments: number;
  readonly qualifyingCalls: number;
}

export interface FilterChoices {
  readonly coaches: readonly { readonly id: string; readonly name: string | null }[];
  readonly employers: readonly string[];
}
