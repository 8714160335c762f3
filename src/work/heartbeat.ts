import type { Clock } from '../clock.js';
import type { RateBudget } from '../intercom/rate-budget.js';
import type { Log } from '../log.js';
import type { Alive, ReplicaRole } from '../store/ports/replicas.js';
import type { Store } from '../store/ports/store.js';
import { reasonOf } from './backoff.js';

/** Says that this process is at work, and takes over what processes that no longer say so had in hand. */
export interface Heartbeat {
  start(): void;
  /** Once, now. */
  beat(): Promise<void>;
  /** As it was at the last beat; null before the first one. */
  alive(): Alive | null;
  /** Ends what this process still has in hand, and its own place: called when nothing works any more. */
  stop(): Promise<void>;
}

export interface HeartbeatOptions {
  readonly store: Pick<Store, 'beat' | 'leave'>;
  readonly budget: Pick<RateBudget, 'flush'>;
  /** Names this process in leases. */
  readonly owner: string;
  readonly role: ReplicaRole;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Work of a process that dies is taken over when its life is over and another one beats: 13 s later at most, and 15 s are
 * promised.
 */
const EVERY_MS = 3000;
const ALIVE_FOR_MS = 10_000;

export function createHeartbeat(options: HeartbeatOptions): Heartbeat {
  const { store, budget, owner, role, clock, log } = options;
  const stopping = new AbortController();
  let running: Promise<void> | null = null;
  let alive: Alive | null = null;
  let hasFailed = false;

  const beat = async (): Promise<void> => {
    alive = await store.beat({ owner, role, nowMs: clock.nowMs(), aliveForMs: ALIVE_FOR_MS });
    const { takenOver } = alive;
    if (takenOver > 0) log.info({ takenOver }, 'work of a process that ended was taken over');
    await budget.flush();
  };

  const run = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      try {
        await beat();
        hasFailed = false;
      } catch (error) {
        // Others take it for dead meanwhile, and rightly so. Once is enough: what else fails says so itself.
        if (!hasFailed)
          log.warn({ reason: reasonOf(error) }, 'the database could not be told that this runs');
        hasFailed = true;
      }
      await clock.sleep(EVERY_MS, stopping.signal);
    }
  };

  const leave = async (): Promise<void> => {
    try {
      await budget.flush();
      await store.leave(owner);
    } catch (error) {
      // Then others find out by themselves.
      log.info({ reason: reasonOf(error) }, 'the database could not be told that this ends');
    }
  };

  return {
    start: () => {
      running ??= run();
    },
    beat,
    alive: () => alive,
    stop: async () => {
      stopping.abort();
      await running;
      await leave();
    },
  };
}
