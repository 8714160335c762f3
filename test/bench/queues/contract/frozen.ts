import { assertThat, countDone, inSeconds, makeEvent, pause, waitFor, type Property } from './property.ts';

export const frozen: Property = {
  name: 'taken over within 15 s from a worker that stands still inside its transaction',
  check: async ({ queue, pool, startWorker }) => {
    await queue.storeAll([makeEvent('frozen:1')]);
    const sleeper = await startWorker(1, 'freeze before the commit');
    await sleeper.said('holding frozen:1');
    await pause(200);
    await startWorker(4, 'settle');
    const tookMs = await waitFor(
      async () => (await countDone(pool, 'frozen:1')) === 1,
      30_000,
      'nobody had taken it over after 30 s',
    );
    sleeper.signal('SIGCONT');
    await pause(1000);
    assertThat((await countDone(pool, 'frozen:1')) === 1, 'done twice');
    if (tookMs > 15_000) throw new Error(`taken over after ${inSeconds(tookMs)}`);
    return inSeconds(tookMs);
  },
};
