import type { Clock } from '../clock.js';
import type { RateReport } from './rate-headers.js';

/** What became of calls that were claimed in one window of the store. Durations count from now. */
export interface SettledGroup {
  readonly window: number;
  readonly pauses: number;
  readonly told: number;
  readonly untold: number;
  readonly unsent: number;
  readonly report: {
    readonly limit: number;
    readonly remaining: number;
    readonly reset: number;
    readonly endsInMs: number;
  } | null;
  readonly hasPassed: boolean;
  readonly pauseMs: number | null;
}

/** What was answered to a claimed call. */
export interface ClaimOutcome {
  readonly status: number;
  readonly report: RateReport | null;
  /** How long no call goes out from now on; null where calls may. */
  readonly pauseMs: number | null;
}

/** Collects what became of claimed calls until the store is told. */
export interface SettledCalls {
  readonly note: (of: ClaimedIn, outcome: ClaimOutcome | null) => void;
  readonly noteUnsent: (of: ClaimedIn, count: number) => void;
  readonly isEmpty: () => boolean;
  /** All that is collected, which then is forgotten here. */
  readonly takeAll: () => SettledGroup[];
}

/** When a call was claimed, in the store's terms. */
export interface ClaimedIn {
  readonly window: number;
  readonly pauses: number;
}

/** Nobody wants to know of older windows any more. */
const MAX_GROUPS = 4;

interface Group extends ClaimedIn {
  told: number;
  untold: number;
  unsent: number;
  report: (Pick<RateReport, 'limit' | 'remaining' | 'reset'> & { readonly endsAtMs: number }) | null;
  hasPassed: boolean;
  pausedUntilMs: number | null;
}

/** Its times are monotonic: nobody can set them while they wait to be told. */
export function createSettledCalls(clock: Clock): SettledCalls {
  let groups: Group[] = [];

  const groupOf = ({ window, pauses }: ClaimedIn): Group => {
    const known = groups.find((group) => group.window === window && group.pauses === pauses);
    if (known !== undefined) return known;
    const counts = { told: 0, untold: 0, unsent: 0, report: null, hasPassed: false, pausedUntilMs: null };
    const group: Group = { window, pauses, ...counts };
    groups = [...groups, group].slice(-MAX_GROUPS);
    return group;
  };

  const fromNow = (atMs: number): number => Math.ceil(atMs - clock.monotonicMs());

  return {
    note: (of, outcome) => {
      const group = groupOf(of);
      const report = outcome?.report ?? null;
      if (report === null) group.untold += 1;
      else {
        group.told += 1;
        const endsAtMs = clock.monotonicMs() + report.resetAtMs - clock.nowMs();
        group.report = newerOf(group.report, { ...report, endsAtMs });
      }
      if (outcome === null) return;
      if (outcome.status !== 429) group.hasPassed = true;
      else if (outcome.pauseMs !== null) group.pausedUntilMs = clock.monotonicMs() + outcome.pauseMs;
    },
    noteUnsent: (of, count) => {
      if (count > 0) groupOf(of).unsent += count;
    },
    isEmpty: () => groups.length === 0,
    takeAll: () => {
      const all = groups.map(({ report, pausedUntilMs, ...group }) => ({
        ...group,
        report:
          report === null
            ? null
            : {
                limit: report.limit,
                remaining: report.remaining,
                reset: report.reset,
                endsInMs: fromNow(report.endsAtMs),
              },
        pauseMs: pausedUntilMs === null ? null : Math.max(0, fromNow(pausedUntilMs)),
      }));
      groups = [];
      return all;
    },
  };
}

/** The newest window, with the lowest count: answers overtake each other. */
function newerOf(known: Group['report'], report: NonNullable<Group['report']>): Group['report'] {
  if (known === null || report.reset > known.reset) return report;
  if (report.reset < known.reset) return known;
  const { remaining, endsAtMs } = known;
  return {
    ...report,
    remaining: Math.min(remaining, report.remaining),
    endsAtMs: Math.min(endsAtMs, report.endsAtMs),
  };
}
