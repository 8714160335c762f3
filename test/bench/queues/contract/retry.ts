import { runSixStatements } from '../six-statements.ts';
import { assertThat, inSeconds, makeEvent, waitFor, type Property } from './property.ts';

export const retry: Property = {
  name: 'failures are retried with growing delays',
  check: async ({ queue, pool, work }) => {
    const atMs: number[] = [];
    const attempts: number[] = [];
    await work(async (held) => {
      atMs.push(performance.now());
      attempts.push(held.attempt);
      if (held.attempt < 4) await held.retry('E_TEST: not yet');
      else await held.settle((run) => runSixStatements(held, run));
    });
    await queue.storeAll([makeEvent('retry:1')]);
    await waitFor(
      async () => (await queue.countOpen()) === 0,
      90_000,
      'not settled at the fourth attempt within 90 s',
    );
    assertThat(attempts.join() === '1,2,3,4', `the attempts were ${attempts.join()}`);
    const gaps = atMs.slice(1).map((ms, at) => ms - (atMs[at] ?? 0));
    const grow = gaps.every((gap, at) => at === 0 || gap > (gaps[at - 1] ?? 0));
    assertThat(grow, `the delays were ${gaps.map(inSeconds).join(', ')}`);
    const { rows } = await pool.query<{ n: number }>('select count(*)::int as n from done');
    assertThat(rows[0]?.n === 1, `done ${rows[0]?.n} times`);
    return gaps.map(inSeconds).join(', ');
  },
};
