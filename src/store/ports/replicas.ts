import type { WritePriority } from './outbox.js';

/** What processes on one database share: who of them is at work, and Intercom's rate limit. */
export interface ReplicaStore {
  /**
   * Says that a process is at work, for the next `aliveForMs`, and ends the leases of those that have not said so for
   * that long, whose work is taken up at once; contacts that they may just have written are read again a little later.
   * By the time of the engine. Looks at a few of the dead at a time; leases of
   * an owner that never said anything run out by themselves.
   */
  beat(beat: Beat): Promise<Alive>;
  /** A process ends: its leases end with it, and it counts no more. */
  leave(owner: string): Promise<void>;
  /**
   * Gives out calls to Intercom, a few at a time, so that all processes together never send more into a window of
   * Intercom's than fit: at most `wanted`, 20, and a quarter of what is left for each process that is at work. A tenth of
   * each window is never given to `sweep`. While Intercom's limit is not known, two calls at most are out, over all.
   */
  claimCalls(request: ClaimRequest): Promise<ClaimedCalls>;
  /** Says what became of calls, without asking for others. */
  noteRate(note: RateNote): Promise<SharedRate>;
}

export interface Beat {
  /** Names the process, as in leases. */
  readonly owner: string;
  readonly role: ReplicaRole;
  readonly nowMs: number;
  readonly aliveForMs: number;
}

export type ReplicaRole = 'service' | 'command';

/** Processes that are at work, the one that asks among them. */
export interface Alive {
  readonly services: number;
  /** Services and commands. */
  readonly processes: number;
  /** Leases of dead processes that have just been ended. */
  readonly takenOver: number;
}

export interface RateNote {
  readonly nowMs: number;
  /** At most four; older windows have nothing to say any more. */
  readonly settled: readonly SettledCalls[];
}

export interface ClaimRequest extends RateNote {
  readonly priority: WritePriority;
  /** From 1. */
  readonly wanted: number;
}

/** What became of calls that were claimed together; see {@link SharedRate}. */
export interface SettledCalls {
  readonly window: number;
  readonly pauses: number;
  /** Calls whose answers told of the rate limit. */
  readonly told: number;
  /** Calls that were sent, and no answer told. */
  readonly untold: number;
  /** Calls that were not sent, and never will be. */
  readonly unsent: number;
  /** The newest window that answers told of, with the lowest number left in it. */
  readonly report: ToldRate | null;
  /** Some answer was no 429. */
  readonly hasPassed: boolean;
  /** For how long Intercom wants no calls, from now; null where it has not said so. */
  readonly pauseMs: number | null;
}

/** Intercom's rate limit as an answer told of it. */
export interface ToldRate {
  /** Calls allowed in each window. */
  readonly limit: number;
  readonly remaining: number;
  /** End of the window by Intercom's clock, Unix seconds: names the window. */
  readonly reset: number;
  /** From now to the same moment, never too short; negative when it is over. */
  readonly endsInMs: number;
}

/** How the shared window stands. Durations count from the question, because clocks differ. */
export interface SharedRate {
  /** Names the window in {@link SettledCalls}. */
  readonly window: number;
  readonly pauses: number;
  /** Null while nobody knows. */
  readonly limit: number | null;
  /** Not given out yet. */
  readonly remaining: number | null;
  readonly endsInMs: number;
  /** No call is given out for so long, because Intercom has said 429; 0 while they are. */
  readonly pausedForMs: number;
  /** Calls are given out singly, until an answer says how many may go. */
  readonly isOneByOne: boolean;
}

export interface ClaimedCalls extends SharedRate {
  /** May be sent for `endsInMs`; 0 when there is no room. */
  readonly granted: number;
  /** When it is worth asking again, where there was no room. */
  readonly retryInMs: number;
}
