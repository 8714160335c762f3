import type { ClaimedCalls, ClaimRequest, SettledCalls, SharedRate, ToldRate } from '../ports/replicas.js';

/** The shared window, as it is stored; what the columns mean is said in `tables/replica-tables.ts`. */
export interface RateWindowState {
  readonly number: number;
  readonly limit: number | null;
  readonly remaining: number | null;
  readonly reset: number | null;
  readonly endsAtMs: number;
  readonly isAssumed: boolean;
  readonly claimed: number;
  readonly claimedUntilMs: number;
  readonly untold: number;
  readonly beforeFrom: number;
  readonly claimedBefore: number;
  readonly claimedBeforeUntilMs: number;
  readonly untoldBefore: number;
  readonly pausedUntilMs: number;
  readonly pauses: number;
  readonly testUntilMs: number | null;
}

/** Intercom's windows. */
const WINDOW_MS = 10_000;
/** Nothing lies further ahead, unless the clock has gone back. */
const MAX_AHEAD_MS = 60_000;
/** A limit of which nobody has heard for so long is asked for again. */
const FORGOTTEN_WINDOWS = 360;
/** Calls that are out at once while nothing is known about the limit. */
const FIRST_CALLS = 2;
/** No workspace's limit is lower, so it is safe to send as many that no answer tells about. */
const LOWEST_LIMIT = 10;
/** A request reaches Intercom within this time after it was sent. */
const ARRIVAL_MS = 8000;
const MAX_BLOCK = 20;
/** Each process claims this part of its share at a time. */
const BLOCK_PARTS = 4;
/** Share of each window that sweeps leave to event-driven work. */
const KEPT_FOR_SOON = 0.1;
/** Entries of one note. */
const MAX_SETTLED = 4;
const RETRY_MS = 1000;
/** While one call asks for all others. */
const RETRY_FIRST_MS = 250;

export function firstWindow(nowMs: number): RateWindowState {
  const none = { claimed: 0, claimedUntilMs: 0, untold: 0 };
  const noneBefore = { beforeFrom: 1, claimedBefore: 0, claimedBeforeUntilMs: 0, untoldBefore: 0 };
  const unknown = { limit: null, remaining: null, reset: null, isAssumed: true };
  const open = { pausedUntilMs: 0, pauses: 0, testUntilMs: null };
  return { number: 1, ...unknown, ...none, ...noneBefore, ...open, endsAtMs: nowMs + WINDOW_MS };
}

/*
 * Why the sum of all calls never exceeds Intercom's limit. A call that Intercom has counted in this window is one of
 * these: its answer has told of it, then `remaining` is no higher than that answer said; or nobody has said yet what became
 * of it, then it is in `claimed`, or in `claimedBefore` where it was claimed in the window before; or no answer told, then it
 * is in `untold` or `untoldBefore`. Only what all of these leave is given out. Older ones are forgotten only when none of
 * them can still be on its way: calls that were claimed may be sent until the window seemed to end, and reach Intercom a
 * few seconds later. The end is known late, if anything, so the calls of a window that is over count in the new one too.
 */

/** Takes in what became of calls. */
export function noteSettled(
  state: RateWindowState,
  nowMs: number,
  settled: readonly SettledCalls[],
): RateWindowState {
  return settled
    .slice(0, MAX_SETTLED)
    .reduce((known, some) => noteSome(known, nowMs, some), roll(state, nowMs));
}

/** Gives out calls, after what became of others has been taken in. `processes`: how many are at work. */
export function claimCalls(
  before: RateWindowState,
  nowMs: number,
  { priority, wanted, settled }: Omit<ClaimRequest, 'nowMs'>,
  processes: number,
): { readonly state: RateWindowState; readonly claimed: ClaimedCalls } {
  const state = noteSettled(before, nowMs, settled);
  const left = roomOf(state);
  const kept = priority === 'soon' ? 0 : Math.floor((state.limit ?? 0) * KEPT_FOR_SOON);
  const block = Math.max(1, Math.min(MAX_BLOCK, Math.floor(left / (BLOCK_PARTS * Math.max(1, processes)))));
  const isClosed = nowMs < state.pausedUntilMs || nowMs < (state.testUntilMs ?? 0);
  const most = Math.min(isOneByOne(state) ? 1 : block, Math.max(1, Math.floor(wanted)), left - kept);
  const granted = isClosed ? 0 : Math.max(0, most);
  const isTest = granted > 0 && state.testUntilMs !== null;
  const after = {
    ...state,
    claimed: state.claimed + granted,
    claimedUntilMs:
      granted > 0 ? Math.max(state.claimedUntilMs, heldUntilMs(state, nowMs)) : state.claimedUntilMs,
    ...(isTest ? { testUntilMs: nowMs + WINDOW_MS } : {}),
  };
  const seen = describeRate(after, nowMs);
  const toEndMs = Math.max(1, seen.endsInMs);
  const retryInMs =
    seen.pausedForMs > 0
      ? seen.pausedForMs
      : Math.min(toEndMs, isOneByOne(state) ? RETRY_FIRST_MS : RETRY_MS);
  return { state: after, claimed: { ...seen, granted, retryInMs: granted > 0 ? 0 : retryInMs } };
}

/** How the window stands for those who use it. */
export function describeRate(state: RateWindowState, nowMs: number): SharedRate {
  const { number: window, pauses, limit } = state;
  return {
    window,
    pauses,
    limit,
    remaining: limit === null ? null : Math.max(0, roomOf(state)),
    endsInMs: heldUntilMs(state, nowMs) - nowMs,
    pausedForMs: Math.max(0, state.pausedUntilMs - nowMs),
    isOneByOne: isOneByOne(state),
  };
}

/** Nobody holds a call for longer than a window, however late its end was told. */
function heldUntilMs({ endsAtMs }: RateWindowState, nowMs: number): number {
  return Math.min(endsAtMs, nowMs + WINDOW_MS);
}

function isOneByOne({ limit, testUntilMs }: RateWindowState): boolean {
  return limit === null || testUntilMs !== null;
}

function roomOf({ remaining, claimed, claimedBefore, untold, untoldBefore }: RateWindowState): number {
  const out = claimed + claimedBefore;
  const room = (remaining ?? LOWEST_LIMIT) - out - untold - untoldBefore;
  return remaining === null ? Math.min(FIRST_CALLS - out, room) : room;
}

/** Begins a full window when the known one is over. */
function roll(state: RateWindowState, nowMs: number): RateWindowState {
  const { limit } = state;
  // Further ahead than can be: the clock has gone back.
  const endsAtMs = state.endsAtMs - nowMs > MAX_AHEAD_MS ? nowMs + WINDOW_MS : state.endsAtMs;
  const pausedUntilMs = Math.min(state.pausedUntilMs, nowMs + MAX_AHEAD_MS);
  const testUntilMs = state.testUntilMs === null ? null : Math.min(state.testUntilMs, nowMs + WINDOW_MS);
  const current = { ...state, endsAtMs, pausedUntilMs, testUntilMs };
  if (nowMs < endsAtMs) return current;
  const passed = windowsSince(endsAtMs, nowMs);
  const nextEndsAtMs = endsAtMs + passed * WINDOW_MS;
  const begun = beginWindow(current, nextEndsAtMs - WINDOW_MS);
  const isForgotten = passed > FORGOTTEN_WINDOWS;
  return {
    ...begun,
    limit: isForgotten ? null : limit,
    remaining: isForgotten ? null : limit,
    reset: isForgotten || state.reset === null ? null : state.reset + (passed * WINDOW_MS) / 1000,
    endsAtMs: nextEndsAtMs,
    isAssumed: true,
  };
}

function windowsSince(endsAtMs: number, nowMs: number): number {
  return Math.floor((nowMs - endsAtMs) / WINDOW_MS) + 1;
}

/** What may have reached Intercom in the window that begins stays counted. */
function beginWindow(state: RateWindowState, beganAtMs: number): RateWindowState {
  const begun = { ...state, number: state.number + 1, claimed: 0, claimedUntilMs: 0, untold: 0 };
  const mayArrive = (untilMs: number): boolean => untilMs + ARRIVAL_MS > beganAtMs;
  const [keepsOlder, keepsLast] = [mayArrive(state.claimedBeforeUntilMs), mayArrive(state.claimedUntilMs)];
  const older = keepsOlder ? { claimed: state.claimedBefore, untold: state.untoldBefore } : NONE;
  const last = keepsLast ? state : NONE;
  const untilMs = Math.max(keepsOlder ? state.claimedBeforeUntilMs : 0, keepsLast ? state.claimedUntilMs : 0);
  return {
    ...begun,
    beforeFrom: keepsOlder ? state.beforeFrom : keepsLast ? state.number : begun.number,
    claimedBefore: older.claimed + last.claimed,
    untoldBefore: older.untold + last.untold,
    claimedBeforeUntilMs: untilMs,
  };
}

const NONE = { claimed: 0, untold: 0 };

function noteSome(state: RateWindowState, nowMs: number, some: SettledCalls): RateWindowState {
  const { told, untold, unsent } = some;
  const known = told + untold + unsent;
  const isCurrent = some.window === state.number;
  const isBefore = some.window >= state.beforeFrom && some.window < state.number;
  const counted = {
    ...state,
    claimed: isCurrent ? Math.max(0, state.claimed - known) : state.claimed,
    claimedBefore: isBefore ? Math.max(0, state.claimedBefore - known) : state.claimedBefore,
    untold: isCurrent ? state.untold + untold : state.untold,
    untoldBefore: isBefore ? state.untoldBefore + untold : state.untoldBefore,
  };
  const learned = some.report === null ? counted : learn(counted, nowMs, some.report, isCurrent);
  return noteStatus(learned, nowMs, some);
}

function learn(state: RateWindowState, nowMs: number, report: ToldRate, isCurrent: boolean): RateWindowState {
  const { limit, remaining, reset } = report;
  const endsAtMs = nowMs + report.endsInMs;
  const told = { limit, remaining, reset, endsAtMs, isAssumed: false };
  // Of a window that is over by now the name and the limit still tell what the one after it is.
  const passed = endsAtMs > nowMs ? 0 : windowsSince(endsAtMs, nowMs);
  const following = {
    limit,
    remaining: limit,
    reset: reset + (passed * WINDOW_MS) / 1000,
    endsAtMs: endsAtMs + passed * WINDOW_MS,
    isAssumed: true,
  };
  const current = passed === 0 ? told : following;
  const begin = (): RateWindowState => ({ ...beginWindow(state, current.endsAtMs - WINDOW_MS), ...current });
  if (state.reset === null || state.remaining === null) return begin();
  const stepSeconds = reset - state.reset;
  // One that is only assumed is named by guess, to which Intercom's own need not be exact.
  const isSame = stepSeconds === 0 || (state.isAssumed && stepSeconds > 0 && stepSeconds < WINDOW_MS / 1000);
  if (!isSame && stepSeconds > 0) return begin();
  // Of a window that is over; unless the call was claimed in this one, which then was taken for over too early.
  if (!isSame && !isCurrent) return state;
  return {
    ...state,
    ...told,
    // Answers overtake each other, so the lowest count is the newest. Every estimate of the end is late, if anything.
    remaining: Math.min(state.remaining, remaining),
    endsAtMs: stepSeconds === 0 ? Math.min(state.endsAtMs, endsAtMs) : endsAtMs,
  };
}

/** Pauses for all, and what ends them. */
function noteStatus(state: RateWindowState, nowMs: number, some: SettledCalls): RateWindowState {
  const isNews = some.pauses === state.pauses;
  if (some.pauseMs !== null) {
    const pausedUntilMs = Math.max(state.pausedUntilMs, nowMs + Math.min(some.pauseMs, MAX_AHEAD_MS));
    return isNews
      ? { ...state, pausedUntilMs, pauses: state.pauses + 1, testUntilMs: 0 }
      : { ...state, pausedUntilMs };
  }
  if (!isNews || state.testUntilMs === null) return state;
  if (some.hasPassed) return { ...state, testUntilMs: null };
  return some.untold > 0 || some.unsent > 0 ? { ...state, testUntilMs: 0 } : state;
}
