import type { ClockReading } from '../ports/upkeep.js';
import { clockStepMs, putBackAt, putBackStatements, REMEMBERED_TIMES } from '../put-back-times.js';
import type { Tables } from './tables.js';

/**
 * Notices that the clock has gone back, also while the service was down, and puts back with it every time that was
 * taken from it: else work would wait for a time that comes again, and what is read now would count as older than what
 * is cached. Answers how many rows that concerned; 0 where the clock goes on as it should.
 */
export function fixTimes(tables: Tables, { nowMs, backMs }: ClockReading): number {
  const { connection, meta, bell } = tables;
  const stepMs = clockStepMs(meta.read('clock_at_ms'), nowMs, backMs);
  const fixed = connection.transact(() => {
    meta.save('clock_at_ms', nowMs);
    return stepMs > 0 ? putBack(tables, nowMs, stepMs) : 0;
  });
  if (fixed > 0) for (const kind of ['inbox', 'writes', 'transitions'] as const) bell.ring(kind);
  return fixed;
}

const STATEMENTS = [
  ...putBackStatements({
    least: (one, other) => `min(${one}, ${other})`,
    greatest: (one, other) => `max(${one}, ${other})`,
  }),
  `update runs
   set params = json_set(params, '$.startedAt',
     cast(min(@nowAt, params ->> '$.startedAt' - @stepMs / 1000) as integer))
   where params ->> '$.startedAt' > @nowAt`,
];

function putBack({ connection, meta }: Tables, nowMs: number, stepMs: number): number {
  const nowAt = Math.floor(nowMs / 1000);
  const values = { nowMs, stepMs, nowAt };
  const changed = STATEMENTS.reduce(
    (sum, statement) => sum + connection.sqlite.prepare(statement).run(values).changes,
    0,
  );
  for (const name of REMEMBERED_TIMES) {
    const at = putBackAt(meta.read(name), nowAt, stepMs);
    if (at !== null) meta.save(name, at);
  }
  return changed;
}
