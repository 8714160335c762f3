import { assertThat, makeEvent, pause, type Property } from './property.ts';

export const durable: Property = {
  name: 'durable before acknowledged',
  check: async ({ queue, crash }) => {
    const keys = Array.from({ length: 50 }, (_, at) => `durable:${at}`);
    for (const key of keys) await queue.storeAll([makeEvent(key)]);
    crash();
    await pause(500);
    const open = await queue.countOpen();
    assertThat(open === keys.length, `${keys.length} were acknowledged, ${open} are there after a crash`);
  },
};
