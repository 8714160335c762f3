import { BENCH_TOKEN, openBenchApp } from './bench-app.js';
import { percentile } from './load.js';
import { benchDatabase } from './reports-data.js';

const PATHS = [
  '/intercom',
  '/intercom/caseload',
  '/intercom/sessions',
  '/intercom/new-participants',
  '/intercom/billing',
  '/intercom/upcoming',
  '/intercom/data-quality',
  '/intercom/activity',
];
/** The most rows that a page shows, in an order that the report has not by itself. */
const HEAVIEST = new Map([
  ['/intercom/caseload', '?limit=100&employer=Employer+7&sort=memberName'],
  ['/intercom/sessions', '?limit=100&lookbackDays=1&sort=memberName'],
  ['/intercom/new-participants', '?limit=100&lookbackDays=7&sort=memberName'],
  ['/intercom/billing', '?limit=100&employer=Employer+7&sort=memberName'],
  ['/intercom/upcoming', '?limit=100&days=30'],
  ['/intercom/data-quality', '?limit=100&lookbackDays=7'],
]);
const ROUNDS = 100;
const SHORT_ROUNDS = 10;

/** Every page at the size of a large workspace: how long its HTML takes, and what that weighs before compression. */
export async function benchPages(isShort: boolean): Promise<void> {
  const size = isShort
    ? { members: 2000, conversations: 20_000 }
    : { members: 100_000, conversations: 1_000_000 };
  const path = await benchDatabase(size);
  const bench = openBenchApp(path);
  console.log(`${size.members} members, ${size.conversations} conversations`);
  const pages = PATHS.flatMap((one) => [
    one,
    ...(HEAVIEST.has(one) ? [`${one}${HEAVIEST.get(one) ?? ''}`] : []),
  ]);
  for (const page of pages) {
    const tookMs: number[] = [];
    let bytes = 0;
    for (let number = 0; number < (isShort ? SHORT_ROUNDS : ROUNDS); number += 1) {
      const startMs = performance.now();
      const answer = await bench.app.request(page, { headers: { authorization: `Bearer ${BENCH_TOKEN}` } });
      bytes = (await answer.arrayBuffer()).byteLength;
      tookMs.push(performance.now() - startMs);
      if (answer.status !== 200) throw new Error(`${page} was answered with ${answer.status}`);
    }
    tookMs.sort((one, other) => one - other);
    const [p50 = '', p99 = ''] = [0.5, 0.99].map((share) => percentile(tookMs, share).toFixed(0));
    console.log(
      `  p50 ${p50.padStart(4)} ms  p99 ${p99.padStart(4)} ms  ${(bytes / 1024).toFixed(0).padStart(4)} KB  ${page}`,
    );
  }
  await bench.close();
}
