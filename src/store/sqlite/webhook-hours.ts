import { hourOf, HOUR_SECONDS, sumByHour, type Received } from '../webhook-sums.js';
import type { WebhookHour, WebhookResult } from '../ports/queries.js';
import type { Connection } from './connection.js';

/**
 * What came to the webhook's address, hour by hour. Silence is judged by it, and by no row of the inbox: it stays quick
 * however much comes in, and knows what is usual when those rows are gone.
 */
export interface WebhookHours {
  /** What was stored or known already, at the time it came; those of one group together. In the caller's transaction. */
  readonly count: (received: readonly Received[]) => void;
  /** Held in memory until the next {@link count} or {@link flush}. */
  readonly note: (result: WebhookResult, atMs: number) => void;
  /** Stores what was noted. In the caller's transaction. */
  readonly flush: () => void;
  readonly hasNotes: () => boolean;
  readonly forgetBefore: (ms: number) => void;
  /** When the last one came that was stored; null before the first. */
  readonly lastAtMs: () => number | null;
  /** The longest pause of each day since, milliseconds, in ascending order. */
  readonly longestPausesMs: (sinceMs: number) => number[];
  /** With what is noted and not stored yet. */
  readonly since: (ms: number) => WebhookHour[];
}

const DAY_SECONDS = 86_400;

export function createWebhookHours({ sqlite }: Connection): WebhookHours {
  const add = sqlite.prepare<[number, WebhookResult, number, number | null, number | null]>(
    `insert into webhook_hours (hour_at, result, count, last_at_ms, longest_pause_ms) values (?, ?, ?, ?, ?)
     on conflict (hour_at, result) do update set count = count + excluded.count,
       last_at_ms = max(coalesce(last_at_ms, 0), excluded.last_at_ms),
       longest_pause_ms = max(coalesce(longest_pause_ms, 0), excluded.longest_pause_ms)`,
  );
  const last = sqlite
    .prepare<[], number | null>(
      `select last_at_ms from webhook_hours where last_at_ms is not null order by hour_at desc, last_at_ms desc
       limit 1`,
    )
    .pluck();
  const pauses = sqlite
    .prepare<[number], number>(
      `select max(longest_pause_ms) from webhook_hours
       where hour_at >= ? and longest_pause_ms is not null group by hour_at / ${DAY_SECONDS} order by 1`,
    )
    .pluck();
  const stored = sqlite.prepare<[number], WebhookHour>(
    'select hour_at as hourAt, result, count from webhook_hours where hour_at >= ? order by hour_at, result',
  );
  const forget = sqlite.prepare<[number]>('delete from webhook_hours where hour_at < ?');

  let noted = new Map<string, { readonly result: WebhookResult; readonly atMs: number; count: number }>();
  const lastAtMs = (): number | null => last.get() ?? null;

  const flush = (): void => {
    for (const { result, atMs, count } of noted.values()) add.run(hourOf(atMs), result, count, null, null);
    noted = new Map();
  };

  return {
    count: (received) => {
      for (const { hourAt, result, count, lastAtMs: at, longestPauseMs } of sumByHour(received, lastAtMs())) {
        add.run(hourAt, result, count, at, longestPauseMs);
      }
      if (noted.size > 0) flush();
    },
    note: (result, atMs) => {
      const key = `${hourOf(atMs)} ${result}`;
      const known = noted.get(key) ?? { result, atMs, count: 0 };
      known.count += 1;
      noted.set(key, known);
    },
    flush,
    hasNotes: () => noted.size > 0,
    forgetBefore: (ms) => {
      forget.run(hourOf(ms));
    },
    lastAtMs,
    longestPausesMs: (sinceMs) => pauses.all(hourOf(sinceMs)),
    since: (ms) => {
      const fresh = [...noted.values()].map(({ result, atMs, count }) => ({
        hourAt: hourOf(atMs),
        result,
        count,
      }));
      const known = stored.all(hourOf(ms)).map((hour) => {
        const at = fresh.findIndex(({ hourAt, result }) => hourAt === hour.hourAt && result === hour.result);
        const more = at === -1 ? undefined : fresh.splice(at, 1)[0];
        return { ...hour, count: hour.count + (more?.count ?? 0) };
      });
      return [...known, ...fresh.filter(({ hourAt }) => hourAt >= hourOf(ms))];
    },
  };
}

/** For a database of an older version: what its inbox still knows. Does nothing where anything has been counted. */
export function countOlderWebhooks({ sqlite, transact }: Connection): void {
  const isNeeded = sqlite
    .prepare<[], number>('select not exists (select 1 from webhook_hours) and exists (select 1 from inbox)')
    .pluck();
  if (isNeeded.get() !== 1) return;
  transact(() => {
    sqlite
      .prepare(
        `insert into webhook_hours (hour_at, result, count, last_at_ms, longest_pause_ms)
         select received_at_ms / 3600000 * ${HOUR_SECONDS}, 'accepted', count(*), max(received_at_ms), max(pause)
         from (select received_at_ms, received_at_ms - lag(received_at_ms) over (order by id) as pause
               from inbox where origin = 'webhook')
         where true group by 1 on conflict do nothing`,
      )
      .run();
  });
}
