import type { ClockReading } from '../ports/upkeep.js';
import { clockStepMs, putBackAt, putBackStatements, REMEMBERED_TIMES } from '../put-back-times.js';
import { ALL_TABLES } from '../tables/all-tables.js';
import type { CoreParts, MetaPart } from './core-parts.js';
import type { Database, Unit } from './database.js';
import { OWN_TABLES } from './migrations.js';
import { createTableRows } from './table-rows.js';

const RUNS = createTableRows(ALL_TABLES.runs, ['id']);

/**
 * Notices that the clock has gone back, also while the service was down, and puts back with it every time that was
 * taken from it: else work would wait for a time that comes again, and what is read now would count as older than what
 * is cached. Answers how many rows that concerned; 0 where the clock goes on as it should.
 */
export async function fixTimes(
  database: Database,
  { meta, ring, time }: Pick<CoreParts, 'meta' | 'ring' | 'time'>,
  { nowMs: callerMs, backMs }: ClockReading,
): Promise<number> {
  const hasGoneOn = await database.unit(
    async (unit) => {
      const nowMs = await time.at(unit, callerMs);
      const { clock_at_ms: rememberedMs } = await meta.read(unit, ['clock_at_ms']);
      if (clockStepMs(rememberedMs, nowMs, backMs) > 0) return false;
      await meta.save(unit, { clock_at_ms: nowMs });
      return true;
    },
    { isDurable: false },
  );
  if (hasGoneOn) return 0;
  const fixed = await database.unit(
    async (unit) => {
      const nowMs = await time.at(unit, callerMs);
      // Another process may just have done it.
      const { clock_at_ms: rememberedMs } = await meta.read(unit, ['clock_at_ms']);
      const stepMs = clockStepMs(rememberedMs, nowMs, backMs);
      const changed = stepMs > 0 ? await putBack(unit, meta, nowMs, stepMs) : 0;
      await meta.save(unit, { clock_at_ms: nowMs });
      return changed;
    },
    // Every row may be touched: work that goes on meanwhile would only get in the way of it.
    { isDurable: true, first: OWN_TABLES },
  );
  if (fixed > 0) for (const kind of ['inbox', 'writes', 'transitions'] as const) ring(kind);
  return fixed;
}

const STATEMENTS = putBackStatements({
  least: (one, other) => `least(${one}, ${other})`,
  greatest: (one, other) => `greatest(${one}, ${other})`,
});

async function putBack(unit: Unit, meta: MetaPart, nowMs: number, stepMs: number): Promise<number> {
  const nowAt = Math.floor(nowMs / 1000);
  let changed = 0;
  for (const statement of STATEMENTS) changed += await unit.run(statement, { nowMs, stepMs, nowAt });
  const ahead = (await RUNS.find(unit, 'true')).flatMap((row) => {
    const { startedAt } = row.params;
    const at = putBackAt(typeof startedAt === 'number' ? startedAt : null, nowAt, stepMs);
    return at === null ? [] : [{ ...row, params: { ...row.params, startedAt: at } }];
  });
  await RUNS.put(unit, ahead);
  const known = await meta.read(unit, REMEMBERED_TIMES);
  const fixed = REMEMBERED_TIMES.flatMap((name) => {
    const at = putBackAt(known[name], nowAt, stepMs);
    return at === null ? [] : [[name, at] as const];
  });
  await meta.save(unit, Object.fromEntries(fixed));
  return changed + ahead.length;
}
