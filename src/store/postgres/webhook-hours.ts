import type { WebhookHour } from '../ports/queries.js';
import { hourOf, sumByHour, type HourSum, type Received } from '../webhook-sums.js';
import type { Database, Query, Unit } from './database.js';

/**
 * What came to the webhook's address, hour by hour; see `sqlite/webhook-hours.ts`. Every process would write the row of
 * the current hour with each webhook, and wait for the disk in turn: so it is summed up in memory, and added by a short
 * unit of its own. A process that dies takes the last of its counts with it, and nothing else.
 */
export interface WebhookHours {
  /** Held in memory until the next {@link keep}. */
  readonly note: (received: readonly Received[]) => void;
  /** Stores what is noted. `everyMs`: not again before so much time has passed. */
  readonly keep: (request?: { readonly everyMs: number }) => Promise<void>;
  /** Forgets hours that began before. */
  readonly forgetBefore: (unit: Unit, ms: number) => Promise<void>;
  /** With what is noted and not stored yet. */
  readonly since: (query: Query, ms: number) => Promise<WebhookHour[]>;
}

export function createWebhookHours(database: Database): WebhookHours {
  /** What came since the last flush, by hour and result; pauses only between what this process has received. */
  let noted: readonly Sum[] = [];
  /** What is in a transaction that has not ended. */
  let adding: readonly Sum[] = [];
  let keeping: Promise<unknown> = Promise.resolve();
  let keptAtMs = 0;

  const flush = async (unit: Unit): Promise<void> => {
    // What an attempt has not brought to its end is still there.
    adding = joinSums([...adding, ...noted]);
    noted = [];
    await add(unit, withPauseBefore(adding, await readLastAtMs(unit)));
    unit.afterCommit(() => {
      adding = [];
    });
  };
  const keepAll = async (): Promise<void> => {
    if (noted.length + adding.length > 0) await database.unit(flush, { isDurable: false });
  };

  return {
    note: (received) => {
      const beforeMs = lastOf(noted) ?? lastOf(adding);
      const sums = sumByHour(received, beforeMs).map((sum) => ({
        ...sum,
        firstAtMs: firstOf(sum, received),
      }));
      noted = joinSums([...noted, ...sums]);
    },
    keep: ({ everyMs } = { everyMs: 0 }) => {
      const nowMs = performance.now();
      if (nowMs < keptAtMs + everyMs) return Promise.resolve();
      keptAtMs = nowMs;
      const kept = keeping.then(keepAll);
      keeping = kept.catch(() => undefined);
      return kept;
    },
    forgetBefore: async (unit, ms) => {
      await unit.run('delete from webhook_hours where hour_at < @hourAt', { hourAt: hourOf(ms) });
    },
    since: async (query, ms) => {
      const stored = await query.rows<WebhookHour>(
        `select hour_at as "hourAt", result, count from webhook_hours where hour_at >= @fromAt`,
        { fromAt: hourOf(ms) },
      );
      const fresh = [...adding, ...noted].filter(({ hourAt }) => hourAt >= hourOf(ms));
      const known = { firstAtMs: null, lastAtMs: null, longestPauseMs: null };
      return joinSums([...stored.map((hour) => ({ ...hour, ...known })), ...fresh])
        .map(({ hourAt, result, count }) => ({ hourAt, result, count }))
        .toSorted((one, other) => one.hourAt - other.hourAt || (one.result < other.result ? -1 : 1));
    },
  };
}

/** `firstAtMs`: of what was stored, like the last one. */
type Sum = HourSum & { readonly firstAtMs: number | null };

function firstOf({ hourAt, result, lastAtMs }: HourSum, received: readonly Received[]): number | null {
  if (lastAtMs === null) return null;
  const own = received.filter((one) => one.result === result && hourOf(one.atMs) === hourAt);
  return Math.min(...own.map(({ atMs }) => atMs));
}

/** One sum for each hour and result. */
function joinSums(sums: readonly Sum[]): Sum[] {
  const joined = new Map<string, Sum>();
  for (const sum of sums) {
    const key = `${sum.hourAt} ${sum.result}`;
    const known = joined.get(key) ?? { ...sum, count: 0 };
    joined.set(key, {
      ...known,
      count: known.count + sum.count,
      firstAtMs: pick(Math.min, known.firstAtMs, sum.firstAtMs),
      lastAtMs: pick(Math.max, known.lastAtMs, sum.lastAtMs),
      longestPauseMs: pick(Math.max, known.longestPauseMs, sum.longestPauseMs),
    });
  }
  return [...joined.values()];
}

function pick(
  choose: (one: number, other: number) => number,
  one: number | null,
  other: number | null,
): number | null {
  if (one === null || other === null) return one ?? other;
  return choose(one, other);
}

function lastOf(sums: readonly Sum[]): number | null {
  return sums.reduce<number | null>((last, { lastAtMs }) => pick(Math.max, last, lastAtMs), null);
}

/** With the pause between what any process has stored last and the first of these. */
function withPauseBefore(sums: readonly Sum[], storedLastAtMs: number | null): Sum[] {
  const firstAtMs = sums.reduce<number | null>((first, sum) => pick(Math.min, first, sum.firstAtMs), null);
  if (firstAtMs === null || storedLastAtMs === null) return [...sums];
  const pauseMs = Math.max(0, firstAtMs - storedLastAtMs);
  return sums.map((sum) =>
    sum.firstAtMs === firstAtMs
      ? { ...sum, longestPauseMs: pick(Math.max, sum.longestPauseMs, pauseMs) }
      : sum,
  );
}

/** When the last one came that was stored; null before the first. */
async function readLastAtMs(query: Query): Promise<number | null> {
  const [row] = await query.rows<{ readonly lastAtMs: number }>(
    `select last_at_ms as "lastAtMs" from webhook_hours where last_at_ms is not null
     order by hour_at desc, last_at_ms desc limit 1`,
  );
  return row?.lastAtMs ?? null;
}

/** In one order, because every process writes the rows of the current hour. */
async function add(unit: Unit, sums: readonly HourSum[]): Promise<void> {
  if (sums.length === 0) return;
  await unit.run(
    `insert into webhook_hours as held (hour_at, result, count, last_at_ms, longest_pause_ms)
     select * from unnest(@hours::bigint[], @results::text[], @counts::bigint[], @lasts::bigint[], @pauses::bigint[])
       as given (hour_at, result, count, last_at_ms, longest_pause_ms) order by hour_at, result
     on conflict (hour_at, result) do update set count = held.count + excluded.count,
       last_at_ms = greatest(held.last_at_ms, excluded.last_at_ms),
       longest_pause_ms = greatest(held.longest_pause_ms, excluded.longest_pause_ms)`,
    {
      hours: sums.map(({ hourAt }) => hourAt),
      results: sums.map(({ result }) => result),
      counts: sums.map(({ count }) => count),
      lasts: sums.map(({ lastAtMs }) => lastAtMs),
      pauses: sums.map(({ longestPauseMs }) => longestPauseMs),
    },
  );
}
