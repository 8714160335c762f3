import { boolean, describeTable, index, integer, text } from './describe-table.js';

// What processes on one database tell each other.

/** A row for each process that is at work, until it leaves or is found dead. Times are the engine's. */
export const replicas = describeTable(
  'replicas',
  {
    /** As in leases. */
    owner: text('owner').primaryKey(),
    role: text('role', ['service', 'command']).notNull(),
    startedAtMs: integer('started_at_ms').notNull(),
    lastBeatAtMs: integer('last_beat_at_ms').notNull(),
    /** Without another beat it counts as dead from then on. */
    aliveUntilMs: integer('alive_until_ms').notNull(),
  },
  (table) => [index('replicas_alive').on(table.aliveUntilMs)],
);

/** The window of Intercom's rate limit, and what of it is given out: one row. What it means is in `plan/rate-window.ts`. */
export const rateWindows = describeTable('rate_windows', {
  id: integer('id').primaryKey(),
  /** Counts the windows. */
  number: integer('number').notNull(),
  /** Calls that Intercom allows in each window; null until an answer has told. */
  limit: integer('call_limit'),
  /** What Intercom has said to be left, the lowest number. */
  remaining: integer('remaining'),
  /** End of the window by Intercom's clock, Unix seconds: names it. */
  reset: integer('reset_at'),
  /** The same by the engine's clock, never too early. */
  endsAtMs: integer('ends_at_ms').notNull(),
  /** Only concluded from the clock: no answer has told of this window yet. */
  isAssumed: boolean('is_assumed').notNull(),
  /** Calls given out in this window of which nobody has said yet what became of them, and until when they may be sent. */
  claimed: integer('claimed').notNull(),
  claimedUntilMs: integer('claimed_until_ms').notNull(),
  /** Calls that no answer told about. */
  untold: integer('untold').notNull(),
  /** The same for the windows before: from this number on, those that may have reached Intercom in this one. */
  beforeFrom: integer('before_from').notNull(),
  claimedBefore: integer('claimed_before').notNull(),
  claimedBeforeUntilMs: integer('claimed_before_until_ms').notNull(),
  untoldBefore: integer('untold_before').notNull(),
  pausedUntilMs: integer('paused_until_ms').notNull(),
  /** How many pauses there were. */
  pauses: integer('pauses').notNull(),
  /** After a pause, while no answer has said that calls may go: when the one that asks is given up, 0 where none does. */
  testUntilMs: integer('test_until_ms'),
});

/** Wrong tokens of the last minutes, by whom; see `http/wrong-tokens.ts`. */
export const wrongTokens = describeTable(
  'wrong_tokens',
  {
    /** A keyed hash of what counts as one client. */
    client: text('client').primaryKey(),
    failures: integer('failures').notNull(),
    endsAtMs: integer('ends_at_ms').notNull(),
  },
  (table) => [index('wrong_tokens_ends').on(table.endsAtMs)],
);
