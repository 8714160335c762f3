import type { Clock } from '../clock.js';
import type { CallPriority } from './rate-budget.js';
import { createSettledCalls, type ClaimedIn, type ClaimOutcome, type SettledGroup } from './settled-calls.js';

/** The rate window that all processes on one database share, as the store has it. */
export interface SharedRateStore {
  claimCalls(request: {
    readonly nowMs: number;
    readonly priority: CallPriority;
    readonly wanted: number;
    readonly settled: readonly SettledGroup[];
  }): Promise<SharedWindow & { readonly granted: number; readonly retryInMs: number }>;
  noteRate(note: {
    readonly nowMs: number;
    readonly settled: readonly SettledGroup[];
  }): Promise<SharedWindow>;
}

/** How the store says that the window stands; durations count from the question. */
interface SharedWindow extends ClaimedIn {
  readonly limit: number | null;
  readonly remaining: number | null;
  readonly endsInMs: number;
  readonly pausedForMs: number;
  readonly isOneByOne: boolean;
}

/** A call that this process may send. */
export interface Claim extends ClaimedIn {
  readonly priority: CallPriority;
  /** So much time has passed that nobody reckons with the call any more: it must not be sent. */
  readonly isExpired: () => boolean;
}

/** Calls that were claimed ahead, so that one seldom waits for the database. */
export interface SharedCalls {
  /** Null when none is there; then some are asked for, and `onChange` or {@link retryInMs} says when to try again. */
  readonly take: (priority: CallPriority) => Claim | null;
  /** Null: no answer came. */
  readonly settle: (claim: Claim, outcome: ClaimOutcome | null) => void;
  /** It was not sent; another call may be in its place. */
  readonly giveBack: (claim: Claim) => void;
  /** Null when there is nothing to wait for but `onChange`. */
  readonly retryInMs: (priority: CallPriority) => number | null;
  /** Tells the store what became of calls, where there is something to be told. */
  readonly flush: () => Promise<void>;
  /** As the store has said last; null before it has said anything. */
  readonly snapshot: () => SharedSnapshot | null;
}

export interface SharedSnapshot {
  readonly limit: number | null;
  readonly remaining: number | null;
  readonly resetAtMs: number;
}

export interface SharedCallsOptions {
  readonly store: SharedRateStore;
  readonly clock: Clock;
  /** Calls may be there that were not before. */
  readonly onChange: () => void;
  /** The store could not be asked: nobody may send anything. */
  readonly onFailure: (error: unknown) => void;
  /** Intercom has told this process or another one to send nothing for so long. */
  readonly onPause: (forMs: number) => void;
}

const BLOCK = 20;
/** So long after its window a call may still go out: the next window reckons with it. */
const LATE_MS = 2000;

interface Block {
  readonly claim: Claim;
  readonly granted: number;
  readonly isOver: () => boolean;
  left: number;
}

interface Pool {
  blocks: Block[];
  isAsking: boolean;
  /** Monotonic. */
  retryAtMs: number;
}

export function createSharedCalls(options: SharedCallsOptions): SharedCalls {
  const { store, clock, onChange, onFailure, onPause } = options;
  const settled = createSettledCalls(clock);
  const pools: Readonly<Record<CallPriority, Pool>> = {
    soon: { blocks: [], isAsking: false, retryAtMs: 0 },
    sweep: { blocks: [], isAsking: false, retryAtMs: 0 },
  };
  const everyPool = Object.values(pools);
  let seen: { readonly window: SharedWindow; readonly atMs: number } | null = null;

  /** What is held so long that it counts for nobody, or for others more. */
  const drop = (isDropped: (block: Block) => boolean): void => {
    for (const pool of everyPool) {
      for (const block of pool.blocks) if (isDropped(block)) settled.noteUnsent(block.claim, block.left);
      pool.blocks = pool.blocks.filter((block) => block.left > 0 && !isDropped(block));
    }
  };

  const see = (window: SharedWindow, atMs: number): void => {
    // What was claimed before a pause is not sent after it.
    if (seen !== null && window.pauses !== seen.window.pauses) drop(() => true);
    seen = { window, atMs };
    if (window.pausedForMs > 0) onPause(window.pausedForMs);
  };

  const ask = async (priority: CallPriority): Promise<void> => {
    const pool = pools[priority];
    pool.isAsking = true;
    // Begun before the question, so that nothing lasts longer here than there.
    const passedMs = startWatch(clock);
    const nowMs = clock.nowMs();
    try {
      // Where the answer is lost, the store goes on reckoning with these calls until their windows are over.
      const request = { nowMs, priority, wanted: BLOCK, settled: settled.takeAll() };
      const { granted, retryInMs, ...window } = await store.claimCalls(request);
      see(window, nowMs);
      pool.retryAtMs = granted > 0 ? 0 : clock.monotonicMs() + retryInMs;
      if (granted > 0) {
        const { endsInMs, pauses } = window;
        const isExpired = (): boolean => passedMs() >= endsInMs + LATE_MS;
        const claim = { window: window.window, pauses, priority, isExpired };
        pool.blocks.push({ claim, granted, left: granted, isOver: () => passedMs() >= endsInMs });
      }
      pool.isAsking = false;
      onChange();
    } catch (error) {
      pool.isAsking = false;
      onFailure(error);
    }
  };

  const askIfShort = (priority: CallPriority, hasTaken: boolean): void => {
    const pool = pools[priority];
    if (pool.isAsking || clock.monotonicMs() < pool.retryAtMs) return;
    const left = pool.blocks.reduce((sum, block) => sum + block.left, 0);
    const half = (pool.blocks.at(-1)?.granted ?? BLOCK) / 2;
    // One that is held ahead while calls go one by one would keep others from asking.
    const isAhead = hasTaken && seen?.window.isOneByOne === true;
    if (left < half && !isAhead) void ask(priority);
  };

  const flush = async (): Promise<void> => {
    drop((block) => block.isOver() || seen?.window.isOneByOne === true);
    if (settled.isEmpty()) return;
    const nowMs = clock.nowMs();
    see(await store.noteRate({ nowMs, settled: settled.takeAll() }), nowMs);
    for (const pool of everyPool) pool.retryAtMs = 0;
    onChange();
  };

  return {
    take: (priority) => {
      drop((block) => block.isOver());
      // What was given to sweeps may be used by what is more urgent, never the other way round.
      const order = priority === 'soon' ? [pools.soon, pools.sweep] : [pools.sweep];
      const block = order.flatMap(({ blocks }) => blocks).find(({ left }) => left > 0);
      if (block !== undefined) block.left -= 1;
      askIfShort(priority, block !== undefined);
      return block?.claim ?? null;
    },
    settle: (claim, outcome) => {
      settled.note(claim, outcome);
      const isPaused = (outcome?.pauseMs ?? null) !== null;
      if (isPaused) drop(() => true);
      // Others wait for what this one was told.
      if (isPaused || seen?.window.isOneByOne === true) flush().catch(() => undefined);
    },
    giveBack: (claim) => {
      const block = pools[claim.priority].blocks.find((one) => one.claim === claim && !one.isOver());
      if (block === undefined) settled.noteUnsent(claim, 1);
      else block.left += 1;
    },
    retryInMs: (priority) => {
      const inMs = pools[priority].retryAtMs - clock.monotonicMs();
      return inMs > 0 ? inMs : null;
    },
    flush,
    snapshot: () => {
      if (seen === null) return null;
      const { limit, remaining, endsInMs } = seen.window;
      const resetAtMs = seen.atMs + endsInMs;
      return { limit, remaining: clock.nowMs() < resetAtMs ? remaining : limit, resetAtMs };
    },
  };
}

/** Measured by both clocks: one of them may be set, the other may stand still while the machine sleeps. */
function startWatch(clock: Clock): () => number {
  const [atMs, monotonicMs] = [clock.nowMs(), clock.monotonicMs()];
  return () => {
    const passedMs = clock.nowMs() - atMs;
    return passedMs < 0 ? Infinity : Math.max(passedMs, clock.monotonicMs() - monotonicMs);
  };
}
