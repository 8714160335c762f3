import { randomBytes } from 'node:crypto';
import { assertThat, makeEvent, waitFor, type Property } from './property.ts';

export const payload: Property = {
  name: 'payloads of 5 MB, byte for byte',
  check: async ({ queue, work }) => {
    const body = randomBytes(5 * 1024 * 1024);
    const sinceMs = performance.now();
    await queue.storeAll([makeEvent('payload:1', { body })]);
    const storedMs = performance.now() - sinceMs;
    let got: Buffer | null = null;
    let gotMs = 0;
    await work(async (held) => {
      got = held.body;
      gotMs = performance.now() - sinceMs;
      await held.settle(() => Promise.resolve());
    });
    await waitFor(async () => (await queue.countOpen()) === 0, 30_000, 'not settled within 30 s');
    assertThat(got !== null && body.equals(got), 'other bytes came back');
    return `stored in ${storedMs.toFixed(0)} ms, handed out after ${gotMs.toFixed(0)} ms`;
  },
};
