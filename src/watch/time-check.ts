import type { Clock } from '../clock.js';
import { AppError } from '../errors.js';
import type { Log } from '../log.js';

/**
 * Says whether this machine's clock can be believed, for everything that decides by today's date: what Intercom's
 * answers say of the time (`Date`), and the time that has passed since by a clock that nobody can set, tell what time
 * it should be. More than an hour away from that, in either direction, the clock is not believed until an answer agrees
 * with it. Before the first answer the time at the start stands in for it. Somebody looks every few seconds: where an
 * hour lies between two looks the machine slept, or both clocks were moved, and an answer has to agree as well.
 */
export interface TimeCheck {
  isTrusted(): boolean;
  /** How far the clock is ahead of the time it should show, milliseconds; negative where it is behind. */
  aheadMs(): number;
  /** Takes in the `Date` of an answer that has just come; null without one. */
  noteAnswer(serverAtMs: number | null): void;
  /** Where the clock is not believed, asks Intercom for the time, but not again and again. */
  confirm(signal: AbortSignal): Promise<void>;
}

/** What health and pages say of it. */
export type ShownTime = Pick<TimeCheck, 'isTrusted' | 'aheadMs'>;

export interface TimeCheckOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Makes a call whose answer is handed to {@link TimeCheck.noteAnswer}. */
  readonly ask: (signal: AbortSignal) => Promise<unknown>;
}

/** Answers have whole seconds and clocks differ by some; an hour never moves a date by more than a late look would. */
export const MAX_ERROR_MS = 3_600_000;
const ASK_EVERY_MS = 15_000;
/** On average an answer's second began this long before it was made. */
const HALF_A_SECOND_MS = 500;

export function createTimeCheck({ clock, log, ask }: TimeCheckOptions): TimeCheck {
  let anchor = { trueMs: clock.nowMs(), monotonicMs: clock.monotonicMs() };
  let lookedAtMs = clock.nowMs();
  let mustBeConfirmed = false;
  let wasTrusted = true;
  let askedAtMs = Number.NEGATIVE_INFINITY;

  const aheadMs = (): number => clock.nowMs() - (anchor.trueMs + clock.monotonicMs() - anchor.monotonicMs);

  const isTrusted = (): boolean => {
    const ahead = aheadMs();
    const nowMs = clock.nowMs();
    if (Math.abs(nowMs - lookedAtMs) > MAX_ERROR_MS) mustBeConfirmed = true;
    lookedAtMs = nowMs;
    const isNow = !mustBeConfirmed && Math.abs(ahead) <= MAX_ERROR_MS;
    if (isNow !== wasTrusted) {
      wasTrusted = isNow;
      const fields = { aheadSeconds: Math.round(ahead / 1000) };
      if (isNow) log.info(fields, 'the clock agrees with Intercom again: statuses go on');
      else if (mustBeConfirmed) log.info(fields, 'the clock has jumped: statuses wait until Intercom agrees');
      else log.error(fields, "the clock can't be right: statuses wait until it agrees with Intercom");
    }
    return isNow;
  };

  return {
    isTrusted,
    aheadMs,
    noteAnswer: (serverAtMs) => {
      lookedAtMs = clock.nowMs();
      mustBeConfirmed = false;
      if (serverAtMs === null) return;
      anchor = { trueMs: serverAtMs + HALF_A_SECOND_MS, monotonicMs: clock.monotonicMs() };
      isTrusted();
    },
    confirm: async (signal) => {
      if (isTrusted() || clock.monotonicMs() - askedAtMs < ASK_EVERY_MS) return;
      askedAtMs = clock.monotonicMs();
      try {
        await ask(signal);
      } catch (error) {
        // Asked again in a while; what made it fail is told by everything else that calls Intercom.
        if (!(error instanceof AppError)) throw error;
      }
    },
  };
}

/** Resolves as soon as the clock is believed, or when `signal` aborts. */
export async function untilTimeIsTrusted(time: TimeCheck, clock: Clock, signal: AbortSignal): Promise<void> {
  while (!time.isTrusted() && !signal.aborted) {
    await time.confirm(signal);
    if (!time.isTrusted()) await clock.sleep(LOOK_EVERY_MS, signal);
  }
}

const LOOK_EVERY_MS = 1000;
