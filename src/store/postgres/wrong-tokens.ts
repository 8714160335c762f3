import type { WrongToken, WrongTokenCount } from '../ports/sign-ins.js';
import type { TimePart } from './core-parts.js';
import type { Unit } from './database.js';

const MAX_CLIENTS = 10_000;

/** See {@link SignInStore.countWrongToken}. */
export async function countWrongToken(
  unit: Unit,
  time: TimePart,
  { client, nowMs: callerMs, windowMs }: WrongToken,
): Promise<WrongTokenCount> {
  const nowMs = await time.at(unit, callerMs);
  // One that ends later than any was begun before the clock went back.
  const isCurrent = 'known.ends_at_ms > @nowMs and known.ends_at_ms <= @untilMs';
  const [counted] = await unit.rows<{ readonly failures: number; readonly endsAtMs: number }>(
    `insert into wrong_tokens as known (client, failures, ends_at_ms) values (@client, 1, @untilMs)
     on conflict (client) do update set
       failures = case when ${isCurrent} then known.failures + 1 else 1 end,
       ends_at_ms = case when ${isCurrent} then known.ends_at_ms else @untilMs end
     returning failures, ends_at_ms as "endsAtMs"`,
    { client, nowMs, untilMs: nowMs + windowMs },
  );
  await unit.run(
    `delete from wrong_tokens where (select count(*) from wrong_tokens) > @most and client =
       (select client from wrong_tokens order by ends_at_ms limit 1)`,
    { most: MAX_CLIENTS },
  );
  return { failures: counted?.failures ?? 1, endsInMs: (counted?.endsAtMs ?? nowMs + windowMs) - nowMs };
}

/** Answers how many clients are forgotten. */
export async function forgetWrongTokens(unit: Unit, time: TimePart, callerMs: number): Promise<number> {
  return unit.run('delete from wrong_tokens where ends_at_ms <= @nowMs', {
    nowMs: await time.at(unit, callerMs),
  });
}
