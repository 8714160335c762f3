import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { notificationShots } from './payload.js';
import { startChild } from './child.js';
import { fire, median, percentile, type LoadResult } from './load.js';

const CONNECTIONS = 128;
const CLIENT_SECRET = 'benchmark-client-secret';

/**
 * Durable acknowledged notifications per second: our receiving side against the bare handler, in turns, each with its
 * own new database in the same directory, the same client and the same payloads. Both answer 200 only after an fsync.
 */
export async function benchIngest(isShort: boolean): Promise<void> {
  const rounds = isShort ? 3 : 7;
  const perRound = isShort ? 3000 : 10_000;
  const directory = mkdtempSync(join(process.cwd(), 'node_modules', '.bench-'));
  const ours: LoadResult[] = [];
  const bare: LoadResult[] = [];
  try {
    for (let round = 0; round < rounds; round += 1) {
      bare.push(await measure('test/bench/bare-handler.ts', join(directory, `bare-${round}.db`), perRound));
      ours.push(await measure('test/bench/ingest-server.ts', join(directory, `ours-${round}.db`), perRound));
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
  const line = (name: string, results: readonly LoadResult[]): void => {
    const perSecond = Math.round(median(results.map((result) => result.perSecond)));
    const p50 = median(results.map((result) => percentile(result.latenciesMs, 0.5)));
    const p99 = median(results.map((result) => percentile(result.latenciesMs, 0.99)));
    console.log(
      `${name.padEnd(28)} ${String(perSecond).padStart(7)}/s   p50 ${p50.toFixed(1)} ms   p99 ${p99.toFixed(1)} ms`,
    );
  };
  console.log(
    `ingest: ${rounds} rounds of ${perRound} notifications, ${CONNECTIONS} connections, each on disk when answered`,
  );
  line('bare handler, one INSERT each', bare);
  line('intercom-engagement', ours);
  const ratios = ours.map((result, round) => result.perSecond / (bare[round]?.perSecond ?? Number.NaN));
  const p99s = ours.map(
    (result, round) =>
      percentile(result.latenciesMs, 0.99) / percentile(bare[round]?.latenciesMs ?? [], 0.99),
  );
  console.log(
    `throughput ours / bare ${median(ratios).toFixed(2)} (target at least 2)   p99 ours / bare ${median(p99s).toFixed(2)} (target at most 1)`,
  );
  const refused = [...ours, ...bare].reduce((sum, result) => sum + result.notOk, 0);
  if (refused > 0) throw new Error(`${refused} notifications were not answered 200`);
}

async function measure(file: string, database: string, count: number): Promise<LoadResult> {
  const server = await startChild(file, [database, CLIENT_SECRET]);
  try {
    const url = `${server.url}/webhooks/intercom`;
    await fire(url, notificationShots(500, CLIENT_SECRET), CONNECTIONS);
    return await fire(url, notificationShots(count, CLIENT_SECRET), CONNECTIONS);
  } finally {
    await server.stop();
  }
}
