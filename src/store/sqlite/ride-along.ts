import { asStoreError } from './store-errors.js';

/** Does pieces of work that came together in one transaction; each fails for itself. */
export interface RideAlong {
  /**
   * Resolves with what `work` returned when it is committed; rejects with what it threw, and then nothing of it is kept.
   * `work` may run a second time, after everything that the first time stored was taken back.
   */
  readonly add: <Result>(work: () => Result) => Promise<Result>;
  /** Does all that is collected now, however long it takes. */
  readonly flush: () => void;
}

export interface RideAlongOptions {
  /** Runs `work` in a transaction, or in a savepoint when one is open already. */
  readonly transact: <Result>(work: () => Result) => Result;
  /** A failing disk ends the transaction with everything in it. */
  readonly isInTransaction: () => boolean;
  /** Runs `group`, again when another program holds the file; rejects when that takes too long. */
  readonly runGroup: (group: () => void) => Promise<void>;
  /** What can't be done within a transaction. */
  readonly afterGroup: () => void;
  /** Counts up with everything that comes in and can't wait. */
  readonly countUrgent?: () => number;
  /** What a group may take is measured by it. */
  readonly nowMs?: () => number;
}

/** Tells a rider what became of it, once that is sure. */
type Tell = () => void;

interface Rider {
  readonly attempt: () => Tell;
  readonly reject: (error: unknown) => void;
}

/** Then sockets get their turn: what comes in must not wait for what can be done later. */
const MAX_GROUP_MS = 4;
/** While something urgent keeps coming, groups are shorter, and get this part of the thread's time. */
const BUSY_FOR_MS = 20;
const MAX_BUSY_MS = 1;
const BUSY_SHARE = 1 / 8;
const MAX_GROUP = 64;

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

export function createRideAlong(options: RideAlongOptions): RideAlong {
  const { transact, isInTransaction, runGroup, afterGroup } = options;
  const { countUrgent = () => 0, nowMs = () => performance.now() } = options;
  let waiting: Rider[] = [];
  let isRunning = false;

  /** Does as many as fit, and tells them. @throws when none of them could even be begun. */
  const ride = (maxMs: number, most: number): void => {
    const endsAtMs = nowMs() + maxMs;
    let told: Tell[] = [];
    const group: Rider[] = [];
    try {
      transact(() => {
        for (const rider of waiting.slice(0, most)) {
          group.push(rider);
          told.push(rider.attempt());
          if (!isInTransaction()) throw new Error('the transaction was taken back');
          if (nowMs() >= endsAtMs) break;
        }
      });
    } catch (error) {
      if (group.length === 0) throw error;
      // Nothing of it was kept, perhaps because of one of them alone: each gets a transaction of its own.
      told = group.map(({ attempt }) => attempt());
    }
    waiting = waiting.slice(group.length);
    for (const tell of told) tell();
    afterGroup();
  };

  const run = async (): Promise<void> => {
    isRunning = true;
    while (waiting.length > 0) {
      // What comes in the same turn goes along.
      await nextTurn();
      const isBusy = isUrgentNow();
      const beganAtMs = nowMs();
      try {
        await runGroup(() => ride(isBusy ? MAX_BUSY_MS : MAX_GROUP_MS, MAX_GROUP));
      } catch (error) {
        rejectAll(error);
      }
      if (isBusy) await giveWay(beganAtMs + (nowMs() - beganAtMs) / BUSY_SHARE);
    }
    isRunning = false;
  };

  let urgent = 0;
  let urgentAtMs = -Infinity;
  const isUrgentNow = (): boolean => {
    if (countUrgent() > urgent) urgentAtMs = nowMs();
    urgent = countUrgent();
    return nowMs() - urgentAtMs < BUSY_FOR_MS;
  };

  /** Until then at the latest, as long as each turn brings something urgent. */
  const giveWay = async (untilMs: number): Promise<void> => {
    for (let seen = -1; seen < countUrgent() && nowMs() < untilMs;) {
      seen = countUrgent();
      await nextTurn();
    }
  };

  const rejectAll = (error: unknown): void => {
    const left = waiting;
    waiting = [];
    for (const { reject } of left) reject(asStoreError(error));
  };

  return {
    add: (work) =>
      new Promise((resolve, reject) => {
        const attempt = (): Tell => {
          try {
            const result = transact(work);
            return () => resolve(result);
          } catch (error) {
            return () => reject(asStoreError(error));
          }
        };
        waiting.push({ attempt, reject });
        if (!isRunning) void run();
      }),
    flush: () => {
      try {
        if (waiting.length > 0) ride(Infinity, Infinity);
      } catch (error) {
        rejectAll(error);
      }
    },
  };
}
