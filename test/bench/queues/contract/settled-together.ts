import { assertThat, countDone, makeEvent, pause, type Property } from './property.ts';

export const settledTogether: Property = {
  name: 'settled in the transaction of the work',
  check: async ({ queue, pool, startWorker }) => {
    await queue.storeAll([makeEvent('together:1')]);
    const first = await startWorker(1, 'die before the commit');
    await first.ended;
    await pause(200);
    assertThat((await countDone(pool, 'together:1')) === 0, 'the work is there without its commit');
    assertThat((await queue.countOpen()) === 1, 'it counts as settled, and its work is not there');

    await queue.storeAll([makeEvent('together:2', { lane: 'lane:2' })]);
    const second = await startWorker(1, 'die after settling');
    await second.said('holding together:2', 20_000);
    await second.ended;
    await pause(200);
    assertThat((await countDone(pool, 'together:2')) === 1, 'the work was committed and is not there');
    assertThat(
      (await queue.countOpen()) === 1,
      'the work is committed, and the job is still open: it runs again',
    );
  },
};
