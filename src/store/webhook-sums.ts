import type { WebhookResult } from './ports/queries.js';

/** One request to the webhook's address, at the time it came. */
export interface Received {
  readonly result: WebhookResult;
  readonly atMs: number;
}

export interface HourSum {
  readonly hourAt: number;
  readonly result: WebhookResult;
  count: number;
  /** Of what was stored, to tell what pauses are usual; null for the others. */
  lastAtMs: number | null;
  longestPauseMs: number | null;
}

export const HOUR_SECONDS = 3600;

/** What has to be added to each hour. `beforeMs`: when the last one came that was stored; null before the first. */
export function sumByHour(received: readonly Received[], beforeMs: number | null): HourSum[] {
  const sums = new Map<string, HourSum>();
  let lastAtMs = beforeMs;
  for (const { result, atMs } of received) {
    const hourAt = hourOf(atMs);
    const key = `${hourAt} ${result}`;
    const sum = sums.get(key) ?? { hourAt, result, count: 0, lastAtMs: null, longestPauseMs: null };
    sum.count += 1;
    if (result === 'accepted' || result === 'parked') {
      const pauseMs = lastAtMs === null ? null : Math.max(0, atMs - lastAtMs);
      sum.lastAtMs = Math.max(sum.lastAtMs ?? 0, atMs);
      if (pauseMs !== null) sum.longestPauseMs = Math.max(sum.longestPauseMs ?? 0, pauseMs);
      lastAtMs = Math.max(lastAtMs ?? 0, atMs);
    }
    sums.set(key, sum);
  }
  return [...sums.values()];
}

/** Beginning of the hour that `ms` is in, Unix seconds. */
export function hourOf(ms: number): number {
  return Math.floor(ms / 1000 / HOUR_SECONDS) * HOUR_SECONDS;
}
