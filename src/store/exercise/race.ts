import { Worker } from 'node:worker_threads';
import type { Engine } from './engine.js';
import { createGate, meet } from './meet.js';
import { openToRace, type TaskName } from './race-tasks.js';

export interface RaceRequest {
  readonly task: TaskName;
  /** The database of each round, or one for all of them. */
  readonly places: readonly string[];
  readonly rounds: number;
  /** Makes what the round needs, before both begin it. */
  readonly prepare?: (round: number) => Promise<unknown>;
  /** Looks at what has become of the round, before the next one begins. */
  readonly after?: (round: number) => Promise<unknown>;
}

export interface Races {
  /** Lets two stores on two threads do the same at the same moment. Answers what each got, round by round. */
  readonly run: (request: RaceRequest) => Promise<readonly (readonly [one: unknown, other: unknown])[]>;
  readonly close: () => Promise<void>;
}

/** Starting the other thread takes a second, so that all races share it. */
export function createRaces(engine: Engine): Races {
  let rival: Worker | null = null;
  const findRival = (): Worker =>
    (rival ??= new Worker(new URL('rival.ts', import.meta.url), { execArgv: ['--import', 'tsx'] }));

  return {
    run: async ({ task, places, rounds, prepare, after }) => {
      const gate = createGate();
      const order = { module: engine.module, task, places, rounds, gate } as const;
      const worker = findRival();
      const theirs = new Promise<readonly unknown[]>((resolve, reject) => {
        worker.once('message', resolve);
        worker.once('error', reject);
      });
      worker.postMessage({ ...order, who: 'other' }, []);
      const racer = await openToRace(engine, { ...order, who: 'one' });
      const mine: unknown[] = [];
      for (let round = 0; round < rounds; round += 1) {
        await prepare?.(round);
        await meet(gate);
        mine.push(await racer.run(round));
        await meet(gate);
        await after?.(round);
      }
      await racer.close();
      const others = await theirs;
      worker.removeAllListeners('error');
      return mine.map((answer, round) => [answer, others[round]] as const);
    },
    close: async () => {
      await rival?.terminate();
    },
  };
}
