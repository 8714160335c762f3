/*
 * What work is leased by. The token counts up with each lease of a row; every method that settles leased work takes the
 * lease and settles nothing when it is no longer the current one.
 */

export interface Lease {
  /** Names this process; see {@link Store.releaseDeadLeases}. */
  readonly owner: string;
  readonly nowMs: number;
  readonly leaseMs: number;
  readonly limit: number;
  /** At most so many of those that were given back because Intercom did not answer; all of them when left out. */
  readonly waitingForIntercom?: number;
}

/** Given back, to be tried again. */
export interface Retry {
  readonly dueAtMs: number;
  /** It failed only because Intercom does not answer: the attempt does not count. */
  readonly waitsForIntercom?: boolean;
}

/**
 * What a lease is known by. The token counts up with each lease of the row: every method that settles leased work takes
 * it, and settles nothing when it is no longer the row's current one, even for the process that has the newer one.
 */
export interface HeldLease {
  readonly owner: string;
  readonly token: number;
}

/** `lease-lost`: nothing was changed, somebody else has the work by now, or it is settled. */
export type Settlement = 'settled' | 'lease-lost';
