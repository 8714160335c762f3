import { Pool } from 'pg';
import { openCandidate } from '../candidates/open-candidate.ts';
import type { HeldEvent, NewEvent, Queue } from '../queue.ts';
import { startWorker, type StartedWorker } from '../start-worker.ts';

/** What a check may use. Everything that it opens is closed after it. */
export interface Bench {
  readonly queue: Queue;
  readonly pool: Pool;
  readonly startWorker: (concurrency: number, mode: string) => Promise<StartedWorker>;
  /** Works here, in this process. */
  readonly work: (handle: (event: HeldEvent) => Promise<void>) => Promise<void>;
  /** The server ends at once and starts again. */
  readonly crash: () => void;
  readonly close: () => Promise<void>;
}

export interface Property {
  readonly name: string;
  /** Throws what is not as it should be; answers a figure, or nothing. */
  readonly check: (bench: Bench) => Promise<string | void>;
}

export function openBench(candidate: string, url: string, crash: () => void): Bench {
  const queue = openCandidate(candidate, url);
  const pool = new Pool({ connectionString: url, max: 4 });
  // The server ends under it when a check crashes it.
  pool.on('error', () => {});
  const stops: (() => Promise<void>)[] = [];
  return {
    queue,
    pool,
    crash,
    startWorker: async (concurrency, mode) => {
      const worker = await startWorker(candidate, url, concurrency, mode);
      stops.push(() => worker.stop());
      return worker;
    },
    work: async (handle) => {
      stops.push(await queue.work({ concurrency: 4, handle }));
    },
    close: async () => {
      for (const stop of stops.toReversed()) await stop();
      await queue.close();
      await pool.end();
    },
  };
}

export function makeEvent(key: string, more: Partial<NewEvent> = {}): NewEvent {
  return {
    key,
    lane: 'lane:1',
    share: 'webhooks',
    body: Buffer.from(JSON.stringify({ conversation: `conversation:${key}` })),
    ...more,
  };
}

export function assertThat(isTrue: boolean, otherwise: string): void {
  if (!isTrue) throw new Error(otherwise);
}

/** Asks every 20 ms until the answer is there; fails with `otherwise`. */
export async function waitFor(
  ask: () => Promise<boolean> | boolean,
  withinMs: number,
  otherwise: string,
): Promise<number> {
  const sinceMs = performance.now();
  while (!(await ask())) {
    assertThat(performance.now() - sinceMs < withinMs, otherwise);
    await pause(20);
  }
  return performance.now() - sinceMs;
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

export async function countDone(pool: Pool, key: string): Promise<number> {
  const { rows } = await pool.query<{ n: number }>('select count(*)::int as n from done where key = $1', [
    key,
  ]);
  return rows[0]?.n ?? 0;
}

export function inSeconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
