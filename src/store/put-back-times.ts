/** What another process has looked at last may lie this far ahead: its clock differs. */
const MAX_DIFFERENCE_MS = 2 * 60_000;

/**
 * By how much the clock has gone back, milliseconds; 0 where it goes on as it should.
 * @param rememberedAtMs the latest time that was looked at
 * @param backMs how far this process has seen it being put back
 */
export function clockStepMs(rememberedAtMs: number | null, nowMs: number, backMs: number): number {
  const aheadMs = (rememberedAtMs ?? 0) - nowMs;
  return Math.max(backMs, aheadMs > MAX_DIFFERENCE_MS ? aheadMs : 0);
}

/** Times at which something has happened: the schedule, retention and what people see count from them. */
const HAPPENED = [
  ['runs', 'started_at_ms'],
  ['runs', 'finished_at_ms'],
  ['inbox', 'settled_at_ms'],
  ['inbox', 'leased_at_ms'],
  ['outbox', 'parked_at_ms'],
  ['outbox', 'leased_at_ms'],
  ['writes', 'queued_at_ms'],
  ['writes', 'settled_at_ms'],
] as const;

/** Single values that are such times, Unix seconds. */
export const REMEMBERED_TIMES = [
  'applied_at',
  'swept_at',
  'swept_until_at',
  'complete_at',
  'silent_since_at',
] as const;

/** The time that is remembered instead of `at`; null where that does not lie ahead. Unix seconds. */
export function putBackAt(at: number | null, nowAt: number, stepMs: number): number | null {
  return at !== null && at > nowAt ? Math.min(nowAt, at - Math.floor(stepMs / 1000)) : null;
}

/**
 * The statements that put back every time that lies ahead, but for those in JSON. Their values are `@nowMs`, `@stepMs` and
 * `@nowAt`. Each looks at all rows of a table: that happens as good as never.
 */
export function putBackStatements({ least, greatest }: Extremes): string[] {
  const waitingTimes = [
    ['inbox', 'received_at_ms', ''],
    ['inbox', 'due_at_ms', " and status = 'waiting'"],
    ['outbox', 'due_at_ms', ''],
    ['writes', 'not_before_ms', ''],
    ['fights', 'until_ms', ''],
    ['inbox', 'lease_until_ms', ''],
    ['outbox', 'lease_until_ms', ''],
    ['runs', 'lease_until_ms', ''],
    ['replicas', 'alive_until_ms', ''],
    ['wrong_tokens', 'ends_at_ms', ''],
  ] as const;
  return [
    ...waitingTimes.map(
      ([table, column, and]) =>
        `update ${table} set ${column} = ${greatest('@nowMs', `${column} - @stepMs`)} where ${column} > @nowMs${and}`,
    ),
    // What lies behind us: by how much it was ahead of the time it happened is known, but not to the second.
    ...HAPPENED.map(
      ([table, column]) =>
        `update ${table} set ${column} = ${least('@nowMs', `${column} - @stepMs`)} where ${column} > @nowMs`,
    ),
    ...['contacts', 'conversations'].map(
      (table) => `update ${table} set seen_at_ms = @nowMs where seen_at_ms > @nowMs`,
    ),
    'update webhook_hours set last_at_ms = @nowMs where last_at_ms > @nowMs',
    'update lifecycles set at = @nowAt where at > @nowAt',
    // What was decided in days that have not come is decided again.
    'update members set decided_at_ms = @nowMs, next_change_at = @nowAt where decided_at_ms > @nowMs',
  ];
}

/** How an engine calls the lesser and the greater of two values. */
interface Extremes {
  readonly least: (one: string, other: string) => string;
  readonly greatest: (one: string, other: string) => string;
}
