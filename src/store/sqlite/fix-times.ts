import type { ClockReading } from '../ports/upkeep.js';
import type { Tables } from './tables.js';

/** What another process has looked at last may lie this far ahead: its clock differs. */
const MAX_DIFFERENCE_MS = 2 * 60_000;

/**
 * Notices that the clock has gone back, also while the service was down, and puts back with it every time that was
 * taken from it: else work would wait for a time that comes again, and what is read now would count as older than what
 * is cached. Answers how many rows that concerned; 0 where the clock goes on as it should.
 */
export function fixTimes(tables: Tables, { nowMs, backMs }: ClockReading): number {
  const { connection, meta, bell } = tables;
  const rememberedMs = (meta.read('clock_at_ms') ?? 0) - nowMs;
  const stepMs = Math.max(backMs, rememberedMs > MAX_DIFFERENCE_MS ? rememberedMs : 0);
  const fixed = connection.transact(() => {
    meta.save('clock_at_ms', nowMs);
    return stepMs > 0 ? putBack(tables, nowMs, stepMs) : 0;
  });
  if (fixed > 0) for (const kind of ['inbox', 'writes', 'transitions'] as const) bell.ring(kind);
  return fixed;
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
const REMEMBERED = ['applied_at', 'swept_at', 'swept_until_at', 'complete_at', 'silent_since_at'] as const;

/** Looks at every row: it happens as good as never. */
function putBack({ connection, meta }: Tables, nowMs: number, stepMs: number): number {
  const values = { nowMs, stepMs, nowAt: Math.floor(nowMs / 1000) };
  const changed = [
    'update inbox set received_at_ms = max(@nowMs, received_at_ms - @stepMs) where received_at_ms > @nowMs',
    `update inbox set due_at_ms = max(@nowMs, due_at_ms - @stepMs) where status = 'waiting' and due_at_ms > @nowMs`,
    `update outbox set due_at_ms = max(@nowMs, due_at_ms - @stepMs) where due_at_ms > @nowMs`,
    'update writes set not_before_ms = max(@nowMs, not_before_ms - @stepMs) where not_before_ms > @nowMs',
    'update fights set until_ms = max(@nowMs, until_ms - @stepMs) where until_ms > @nowMs',
    ...['inbox', 'outbox', 'runs'].map(
      (table) =>
        `update ${table} set lease_until_ms = max(@nowMs, lease_until_ms - @stepMs) where lease_until_ms > @nowMs`,
    ),
    // What lies behind us: by how much it was ahead of the time it happened is known, but not to the second.
    ...HAPPENED.map(
      ([table, column]) =>
        `update ${table} set ${column} = min(@nowMs, ${column} - @stepMs) where ${column} > @nowMs`,
    ),
    `update runs
     set params = json_set(params, '$.startedAt',
       cast(min(@nowAt, params ->> '$.startedAt' - @stepMs / 1000) as integer))
     where params ->> '$.startedAt' > @nowAt`,
    ...['contacts', 'conversations'].map(
      (table) => `update ${table} set seen_at_ms = @nowMs where seen_at_ms > @nowMs`,
    ),
    'update webhook_hours set last_at_ms = @nowMs where last_at_ms > @nowMs',
    'update lifecycles set at = @nowAt where at > @nowAt',
    // What was decided in days that have not come is decided again.
    'update members set decided_at_ms = @nowMs, next_change_at = @nowAt where decided_at_ms > @nowMs',
  ].reduce((sum, statement) => sum + connection.sqlite.prepare(statement).run(values).changes, 0);
  for (const name of REMEMBERED) {
    const at = meta.read(name);
    if (at !== null && at > values.nowAt)
      meta.save(name, Math.min(values.nowAt, at - Math.floor(stepMs / 1000)));
  }
  return changed;
}
