import type { Clock } from '../../clock.js';
import type { Query } from './database.js';

/**
 * Leases end, and work falls due, by one time for all processes. Callers tell their own, which may differ: what they say
 * is moved by the difference between the two, measured with each request that tells what their clock shows.
 */
export interface EngineTime {
  /** The engine's time while the caller's clock shows `callerMs`. */
  readonly at: (query: Query, callerMs: number) => Promise<number>;
  /** A later time of the caller's, by the difference that was measured last. */
  readonly fromCaller: (callerMs: number) => number;
  readonly toCaller: (engineMs: number) => number;
  /** Without a caller; null where the callers' time is all there is. */
  readonly now: (query: Query) => Promise<number | null>;
}

/**
 * `server`: the clock of the server · `callers`: each caller is believed, as where only one process is at work · a clock:
 * tests move it.
 */
export type TimeSource = 'server' | 'callers' | Pick<Clock, 'nowMs'>;

export function createEngineTime(source: TimeSource): EngineTime {
  let differenceMs = 0;
  const now: EngineTime['now'] = async (query) => {
    if (source === 'callers') return null;
    return source === 'server' ? readServerTime(query) : source.nowMs();
  };
  return {
    now,
    at: async (query, callerMs) => {
      const nowMs = (await now(query)) ?? callerMs;
      differenceMs = nowMs - callerMs;
      return nowMs;
    },
    fromCaller: (callerMs) => callerMs + differenceMs,
    toCaller: (engineMs) => engineMs - differenceMs,
  };
}

/** By the clock: `now()` is the moment at which the transaction began, before it had to wait. */
async function readServerTime(query: Query): Promise<number> {
  const [row] = await query.rows<{ readonly nowMs: number }>(
    `select (extract(epoch from clock_timestamp()) * 1000)::bigint as "nowMs"`,
  );
  return row?.nowMs ?? 0;
}
