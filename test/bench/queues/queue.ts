export type Share = 'webhooks' | 'own';

export interface NewEvent {
  readonly key: string;
  /** Events of one lane are handled one at a time. */
  readonly lane: string;
  readonly share: Share;
  readonly body: Buffer;
  readonly dueInMs?: number;
}

/** A statement inside the transaction that settles the event. */
export type RunSql = (text: string, values?: readonly unknown[]) => Promise<unknown>;

export type Settlement = 'settled' | 'lease-lost';

/** What a worker has in hand. */
export interface HeldEvent {
  readonly key: string;
  readonly lane: string;
  readonly share: Share;
  readonly body: Buffer;
  /** This attempt's number, from 1. */
  readonly attempt: number;
  /** Runs `work` and settles the event: both or neither, where the candidate can. */
  settle(work: (run: RunSql) => Promise<void>): Promise<Settlement>;
  /** Failed: again after a delay that grows. */
  retry(reason: string): Promise<Settlement>;
  /** Out of the flow until a person replays it. */
  park(reason: string): Promise<Settlement>;
  /** Again after `ms`, without counting the attempt. */
  wait(reason: string, ms: number): Promise<Settlement>;
}

export interface WorkOptions {
  readonly concurrency: number;
  readonly handle: (event: HeldEvent) => Promise<void>;
}

export interface Parked {
  readonly key: string;
  readonly reason: string;
}

/** One way to hold the inbox. What it cannot do throws `Unsupported`. */
export interface Queue {
  install(): Promise<void>;
  /** Resolves after the commit. */
  storeAll(events: readonly NewEvent[]): Promise<readonly ('stored' | 'duplicate')[]>;
  /** Starts working; the answer stops it. */
  work(options: WorkOptions): Promise<() => Promise<void>>;
  /** Waiting, held and parked ones. */
  countOpen(): Promise<number>;
  listParked(): Promise<readonly Parked[]>;
  replay(key: string): Promise<void>;
  /** Removes the payload of a settled event, which may name somebody who was erased; its key stays. */
  erase(key: string): Promise<void>;
  /** Rows as after weeks of work: settled ones that are kept for their keys. */
  fillSettled(count: number): Promise<void>;
  /** Moves what is settled so many days into the past, and does the upkeep that is due then. */
  age(days: number): Promise<void>;
  close(): Promise<void>;
}

/** The candidate has no documented way to do this; the message says what its documentation says. */
export class Unsupported extends Error {}

export class LeaseLost extends Error {}
