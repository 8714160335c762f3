import { countDone, inSeconds, makeEvent, waitFor, type Property } from './property.ts';

export const takeover: Property = {
  name: 'taken over within 15 s after kill -9',
  check: async ({ queue, pool, startWorker }) => {
    await queue.storeAll([makeEvent('killed:1')]);
    const doomed = await startWorker(1, 'hold');
    await doomed.said('holding killed:1');
    await startWorker(4, 'settle');
    doomed.signal('SIGKILL');
    const tookMs = await waitFor(
      async () => (await countDone(pool, 'killed:1')) === 1,
      30_000,
      'nobody had taken it over after 30 s',
    );
    if (tookMs > 15_000) throw new Error(`taken over after ${inSeconds(tookMs)}`);
    return inSeconds(tookMs);
  },
};
