import { runSixStatements } from '../six-statements.ts';
import { assertThat, makeEvent, waitFor, type Property } from './property.ts';

export const dedupe: Property = {
  name: 'key kept for 30 days after completion',
  check: async ({ queue, pool, work }) => {
    const event = makeEvent('dedupe:1');
    assertThat((await queue.storeAll([event]))[0] === 'stored', 'the first one was not stored');
    assertThat((await queue.storeAll([event]))[0] === 'duplicate', 'stored twice while it waits');
    await work(async (held) => {
      await held.settle((run) => runSixStatements(held, run));
    });
    await waitFor(async () => (await queue.countOpen()) === 0, 20_000, 'it was not settled');
    assertThat((await queue.storeAll([event]))[0] === 'duplicate', 'stored again once it is completed');
    await queue.age(29);
    assertThat((await queue.storeAll([event]))[0] === 'duplicate', 'stored again after 29 days');
    await queue.age(2);
    assertThat((await queue.storeAll([event]))[0] === 'stored', 'the key is still there after 31 days');
    await waitFor(async () => (await queue.countOpen()) === 0, 20_000, 'it was not settled');
    const { rows } = await pool.query<{ n: number }>('select count(*)::int as n from done');
    assertThat(rows[0]?.n === 2, `handled ${rows[0]?.n} times`);
  },
};
