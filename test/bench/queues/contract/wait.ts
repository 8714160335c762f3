import { runSixStatements } from '../six-statements.ts';
import { assertThat, makeEvent, waitFor, type Property } from './property.ts';

export const wait: Property = {
  name: 'waits for an outage count no attempt',
  check: async ({ queue, work }) => {
    const attempts: number[] = [];
    let unsupported: Error | null = null;
    await work(async (held) => {
      attempts.push(held.attempt);
      if (attempts.length > 4) await held.settle((run) => runSixStatements(held, run));
      else
        await held.wait('E_TEST: no answer', 200).catch((error: unknown) => {
          unsupported = error instanceof Error ? error : new Error(String(error));
          throw error;
        });
    });
    await queue.storeAll([makeEvent('wait:1')]);
    await waitFor(
      async () => unsupported !== null || (await queue.countOpen()) === 0,
      30_000,
      'not settled within 30 s',
    );
    if (unsupported !== null) throw unsupported;
    assertThat(attempts.join() === '1,1,1,1,1', `the attempts were ${attempts.join()}`);
  },
};
