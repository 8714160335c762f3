import type { WebhookHour, WebhookResult } from '../ports/queries.js';
import { hourOf, sumByHour, type HourSum, type Received } from '../webhook-sums.js';
import type { Query, Unit } from './database.js';

/** What came to the webhook's address, hour by hour; see `sqlite/webhook-hours.ts`. */
export interface WebhookHours {
  /** What was stored or known already, at the time it came, and what was noted. The last thing that a unit does. */
  readonly count: (unit: Unit, received: readonly Received[]) => Promise<void>;
  /** Held in memory until the next {@link count}. */
  readonly note: (result: WebhookResult, atMs: number) => void;
  readonly hasNotes: () => boolean;
  /** With what is noted and not stored yet. */
  readonly since: (query: Query, ms: number) => Promise<WebhookHour[]>;
}

export function createWebhookHours(): WebhookHours {
  let noted: Received[] = [];

  return {
    count: async (unit, received) => {
      const notes = noted;
      const sums = sumByHour(
        [...notes, ...received],
        received.length === 0 ? null : await readLastAtMs(unit),
      );
      await add(unit, sums);
      unit.afterCommit(() => {
        noted = noted.slice(notes.length);
      });
    },
    note: (result, atMs) => {
      noted = [...noted, { result, atMs }];
    },
    hasNotes: () => noted.length > 0,
    since: async (query, ms) => {
      const hours = await query.rows<WebhookHour>(
        `select hour_at as "hourAt", result, count from webhook_hours where hour_at >= @fromAt
         order by hour_at, result`,
        { fromAt: hourOf(ms) },
      );
      const fresh = sumByHour(noted, null).filter(({ hourAt }) => hourAt >= hourOf(ms));
      const known = hours.map((hour) => {
        const more = fresh.find(({ hourAt, result }) => hourAt === hour.hourAt && result === hour.result);
        return { ...hour, count: hour.count + (more?.count ?? 0) };
      });
      const others = fresh.filter(
        ({ hourAt, result }) => !hours.some((hour) => hour.hourAt === hourAt && hour.result === result),
      );
      return [...known, ...others.map(({ hourAt, result, count }) => ({ hourAt, result, count }))];
    },
  };
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
