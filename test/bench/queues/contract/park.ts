import { runSixStatements } from '../six-statements.ts';
import { assertThat, countDone, makeEvent, waitFor, type Property } from './property.ts';

export const park: Property = {
  name: 'parked with a reason, listed, replayed; its lane goes on',
  check: async ({ queue, pool, work }) => {
    let mayPass = false;
    await work(async (held) => {
      if (held.key === 'park:1' && !mayPass) await held.park('E_TEST: refused');
      else await held.settle((run) => runSixStatements(held, run));
    });
    await queue.storeAll([makeEvent('park:1')]);
    await waitFor(async () => (await queue.listParked()).length === 1, 20_000, 'it is not in the list');
    const [parked] = await queue.listParked();
    assertThat(
      parked?.key === 'park:1' && parked.reason === 'E_TEST: refused',
      `the list says ${JSON.stringify(parked)}`,
    );
    await queue.storeAll([makeEvent('park:2')]);
    await waitFor(
      async () => (await countDone(pool, 'park:2')) === 1,
      20_000,
      'the lane of a parked event stands still',
    );
    assertThat(
      (await queue.storeAll([makeEvent('park:1')]))[0] === 'duplicate',
      'stored again while it is parked',
    );
    mayPass = true;
    await queue.replay('park:1');
    await waitFor(async () => (await countDone(pool, 'park:1')) === 1, 20_000, 'it was not replayed');
    assertThat((await queue.listParked()).length === 0, 'it is still in the list after its replay');
    assertThat(
      (await queue.storeAll([makeEvent('park:1')]))[0] === 'duplicate',
      'stored again after its replay',
    );
  },
};
