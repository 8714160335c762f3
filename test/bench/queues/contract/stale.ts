import { assertThat, countDone, makeEvent, pause, type Property } from './property.ts';

export const stale: Property = {
  name: 'a worker that slept past its lease settles nothing',
  check: async ({ queue, pool, startWorker }) => {
    await queue.storeAll([makeEvent('stale:1')]);
    const sleeper = await startWorker(1, 'hold');
    await sleeper.said('holding stale:1');
    sleeper.signal('SIGSTOP');
    const other = await startWorker(1, 'hold');
    await other.said('holding stale:1', 30_000).catch(() => {
      throw new Error('nobody had taken it over after 30 s');
    });
    sleeper.signal('SIGCONT');
    sleeper.send('go');
    const said = await sleeper.said(['settled', 'lease-lost', 'failed'], 10_000);
    await pause(500);
    assertThat(!said.startsWith('settled'), 'the sleeper settled what another one holds');
    assertThat((await countDone(pool, 'stale:1')) === 0, 'the work of the sleeper is there');
    assertThat((await queue.countOpen()) === 1, 'the sleeper completed what another one holds');
    other.send('go');
    await other.said('settled', 10_000);
    assertThat((await countDone(pool, 'stale:1')) === 1, 'the one that holds it could not settle it');
  },
};
