import { setMaxListeners } from 'node:events';
import type { Clock } from '../clock.js';
import { delayAfterMs, reasonOf } from './backoff.js';
import { createLeaseKeeper, LEASE_MS, type Hand } from './lease-keeper.js';
import type { Log } from '../log.js';

/**
 * The loop behind every step that works off the store: take what is due, handle it with bounded concurrency, then
 * sleep until something new is committed or the next entry falls due. Tests drive it by hand with `runDue`.
 */
export interface WorkLoop {
  start(): void;
  /** Handles everything that is due now, and what follows from it; returns how many entries were handled. */
  runDue(): Promise<number>;
  /** Takes nothing new, aborts waiting calls and resolves when what is in hand is settled. */
  stop(): Promise<void>;
}

export interface WorkLoopOptions<Item> {
  readonly loop: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly concurrency: number;
  readonly take: (limit: number, signal: AbortSignal) => Promise<readonly Item[]>;
  /** Settles its item whatever happens: a rejection means that even settling failed; the lease then runs out. */
  readonly handle: (item: Item, hand: Hand) => Promise<void>;
  /** Left out where what is taken has no lease of {@link LEASE_MS}. */
  readonly lease?: {
    readonly untilMs: (item: Item) => number;
    /** Prolongs leases; answers those of `items` whose lease is lost. */
    readonly renew: (items: readonly Item[], leaseUntilMs: number) => Promise<readonly Item[]>;
  };
  readonly nextDueAtMs: () => Promise<number | null>;
  readonly onWork: (listener: () => void) => () => void;
}

/** Other processes on the same database can't wake this one, so it looks at least this often. */
const MAX_SLEEP_MS = 2000;

/** Without a reason of our own each wake-up would make an error with a stack. */
const WOKEN = 'woken';

/** Lets everything that has come in be looked at first. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

export function createWorkLoop<Item>(options: WorkLoopOptions<Item>): WorkLoop {
  const { clock, log, loop, concurrency } = options;
  const { lease } = options;
  const stopping = new AbortController();
  // Every call in hand listens to it: many listeners are no leak here.
  setMaxListeners(0, stopping.signal);
  const keeper =
    lease === undefined
      ? null
      : createLeaseKeeper<Item>({ clock, log, leaseMs: LEASE_MS, renew: lease.renew });
  const inHand = new Set<Promise<void>>();
  let wake: AbortController = new AbortController();
  let running: Promise<void> | null = null;
  let failures = 0;

  const handleOne = (item: Item): void => {
    const held = keeper?.hold(item, lease?.untilMs(item) ?? Infinity);
    const work = options
      .handle(item, held ?? { signal: stopping.signal, leaseUntilMs: () => Infinity })
      .catch((error: unknown) =>
        log.error({ loop, err: error, reason: reasonOf(error) }, 'work could not be settled'),
      )
      .finally(() => {
        held?.release();
        inHand.delete(work);
        wake.abort(WOKEN);
      });
    inHand.add(work);
  };

  const takeSome = async (): Promise<number> => {
    const free = concurrency - inHand.size;
    if (free <= 0) return 0;
    // First of all what is in hand: after a pause of this process its leases may have run out, and be had again.
    await keeper?.renewDue();
    const items = await options.take(free, stopping.signal);
    items.forEach(handleOne);
    return items.length;
  };

  const sleepUntilWork = async (): Promise<void> => {
    const dueAtMs = await options.nextDueAtMs();
    const waitMs = dueAtMs === null || inHand.size >= concurrency ? MAX_SLEEP_MS : dueAtMs - clock.nowMs();
    // An entry that is due but could not be taken waits for its lane: the work in hand wakes the loop.
    await clock.sleep(Math.min(MAX_SLEEP_MS, waitMs <= 0 ? MAX_SLEEP_MS : waitMs), wake.signal);
  };

  const run = async (): Promise<void> => {
    const unsubscribe = options.onWork(() => wake.abort(WOKEN));
    while (!stopping.signal.aborted) {
      wake = new AbortController();
      try {
        if ((await takeSome()) === 0) await sleepUntilWork();
        // What has been taken may be done already: without a turn in between nothing else would get one.
        else await nextTurn();
        failures = 0;
      } catch (error) {
        failures += 1;
        log.error({ loop, err: error, reason: reasonOf(error) }, 'work could not be taken');
        await clock.sleep(delayAfterMs(Math.min(failures, 4)), stopping.signal);
      }
    }
    unsubscribe();
  };

  return {
    start: () => {
      running ??= run();
    },
    runDue: async () => {
      let handled = 0;
      for (;;) {
        const taken = await takeSome();
        handled += taken;
        if (taken === 0 && inHand.size === 0) return handled;
        if (inHand.size > 0) await Promise.race(inHand);
      }
    },
    stop: async () => {
      stopping.abort();
      keeper?.stop();
      wake.abort(WOKEN);
      await running;
      await Promise.all(inHand);
    },
  };
}

/** Several loops as one. */
export function joinLoops(loops: readonly WorkLoop[]): WorkLoop {
  return {
    start: () => {
      for (const loop of loops) loop.start();
    },
    runDue: async () => {
      let handled = 0;
      for (;;) {
        // What one of them does can give work to another.
        const counts = await Promise.all(loops.map((loop) => loop.runDue()));
        const round = counts.reduce((sum, count) => sum + count, 0);
        handled += round;
        if (round === 0) return handled;
      }
    },
    stop: async () => {
      await Promise.all(loops.map((loop) => loop.stop()));
    },
  };
}
