import { percentile } from './load.js';

/** Milliseconds, sorted. */
export type Times = readonly number[];

/** Runs each work in turns, `rounds` times after a warm-up, so that a slow moment of the machine meets all of them. */
export async function timeInTurns(
  works: readonly (() => Promise<unknown>)[],
  rounds: number,
): Promise<readonly Times[]> {
  const times = works.map((): number[] => []);
  for (let round = -2; round < rounds; round += 1) {
    for (const [index, work] of works.entries()) {
      const startedAt = performance.now();
      await work();
      if (round >= 0) times[index]?.push(performance.now() - startedAt);
    }
  }
  return times.map((own) => own.toSorted((one, other) => one - other));
}

export function p50(times: Times): number {
  return percentile(times, 0.5);
}

export function p99(times: Times): number {
  return percentile(times, 0.99);
}

const PER_PAGE = 150;
const CALL_MS = 120;
const CALLS_PER_10_SECONDS = 1666;

/** Seconds that the same takes from Intercom: search pages of 150, each asked for with the cursor of the one before. */
export function secondsFromIntercom(objects: readonly number[]): number {
  const calls = objects.reduce((sum, count) => sum + Math.max(1, Math.ceil(count / PER_PAGE)), 0);
  return Math.max((calls * CALL_MS) / 1000, (calls * 10) / CALLS_PER_10_SECONDS);
}
