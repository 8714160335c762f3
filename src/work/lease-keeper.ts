import type { Clock } from '../clock.js';
import { reasonOf } from './backoff.js';
import { CALL_TIMEOUT_MS } from '../intercom/send-call.js';
import { MAX_WAIT_MS } from '../intercom/rate-budget.js';
import type { Log } from '../log.js';

/**
 * How long a lease lasts: two calls at their limits (each waits for the rate limit, then for its answer) and half of that
 * again. A third of it is then as long as one call at most takes, and it is renewed that often while work is in hand.
 */
export const LEASE_MS = 3 * (MAX_WAIT_MS + CALL_TIMEOUT_MS);

/** How soon renewing is tried again when the store could not be reached. */
const RETRY_MS = 1000;

/** One piece of leased work in hand. */
export interface Hand {
  /** Aborts when the lease is lost, and when the keeper stops: then the calls that wait for an answer end. */
  readonly signal: AbortSignal;
  /** By our own clock, so whoever is about to do what can't be undone asks the store too. */
  leaseUntilMs(): number;
}

/** Keeps the leases of what is in hand: renews them in time, and ends the work whose lease is lost. */
export interface LeaseKeeper<Item> {
  hold(item: Item, leaseUntilMs: number): Hand & { readonly release: () => void };
  /** Renews what is due, which after a pause of the process or a jump of its clock may be everything. */
  renewDue(): Promise<void>;
  /** Aborts everything in hand, and whatever is held from now on. */
  stop(): void;
}

export interface LeaseKeeperOptions<Item> {
  readonly clock: Clock;
  readonly log: Log;
  readonly leaseMs: number;
  /** Prolongs leases. Answers those of `items` whose lease is lost. */
  readonly renew: (items: readonly Item[], leaseUntilMs: number) => Promise<readonly Item[]>;
}

interface Entry<Item> {
  readonly item: Item;
  readonly abort: AbortController;
  leaseUntilMs: number;
  renewAtMs: number;
}

export function createLeaseKeeper<Item>(options: LeaseKeeperOptions<Item>): LeaseKeeper<Item> {
  const { clock, log, leaseMs } = options;
  const everyMs = Math.floor(leaseMs / 3);
  const held = new Set<Entry<Item>>();
  const stopping = new AbortController();
  let isKeeping = false;

  const renewDue = async (): Promise<void> => {
    const nowMs = clock.nowMs();
    const due = [...held].filter(
      // Further ahead than any renewal: the clock has gone back.
      ({ renewAtMs }) => renewAtMs <= nowMs || renewAtMs > nowMs + everyMs,
    );
    if (due.length === 0) return;
    for (const entry of due) entry.renewAtMs = nowMs + everyMs;
    const leaseUntilMs = nowMs + leaseMs;
    try {
      const lost = new Set(
        await options.renew(
          due.map(({ item }) => item),
          leaseUntilMs,
        ),
      );
      for (const entry of due) {
        if (lost.has(entry.item)) entry.abort.abort();
        else entry.leaseUntilMs = leaseUntilMs;
      }
    } catch (error) {
      log.warn({ reason: reasonOf(error) }, 'leases could not be renewed');
      const thenMs = clock.nowMs();
      for (const entry of due) {
        entry.renewAtMs = thenMs + RETRY_MS;
        if (entry.leaseUntilMs <= thenMs) entry.abort.abort();
      }
    }
  };

  const keep = async (): Promise<void> => {
    while (held.size > 0 && !stopping.signal.aborted) {
      const nextMs = Math.min(...[...held].map(({ renewAtMs }) => renewAtMs)) - clock.nowMs();
      await clock.sleep(Math.min(everyMs, Math.max(1, nextMs)), stopping.signal);
      await renewDue();
    }
    isKeeping = false;
  };

  return {
    hold: (item, leaseUntilMs) => {
      const abort = new AbortController();
      const entry = { item, abort, leaseUntilMs, renewAtMs: leaseUntilMs - leaseMs + everyMs };
      if (stopping.signal.aborted) abort.abort();
      held.add(entry);
      if (!isKeeping) {
        isKeeping = true;
        void keep();
      }
      return {
        signal: abort.signal,
        leaseUntilMs: () => entry.leaseUntilMs,
        release: () => {
          held.delete(entry);
        },
      };
    },
    renewDue,
    stop: () => {
      stopping.abort();
      for (const { abort } of held) abort.abort();
    },
  };
}
