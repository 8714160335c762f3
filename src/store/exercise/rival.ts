import { parentPort } from 'node:worker_threads';
import type { Engine } from './engine.js';
import { meet } from './meet.js';
import { openToRace, type RivalOrder } from './race-tasks.js';

/*
 * The other side of races, on a thread of its own: what shares a thread with the test would only ever run between two
 * steps of it.
 */

parentPort?.on('message', (order: RivalOrder) => {
  void run(order).then((answers) => parentPort?.postMessage(answers, []));
});

async function run(order: RivalOrder): Promise<readonly unknown[]> {
  const { engine }: { readonly engine: Engine } = await import(order.module);
  const racer = await openToRace(engine, order);
  const answers: unknown[] = [];
  for (let round = 0; round < order.rounds; round += 1) {
    await meet(order.gate);
    answers.push(await racer.run(round));
    await meet(order.gate);
  }
  await racer.close();
  return answers;
}
