import { describe, expect, it, onTestFinished } from 'vitest';
import type { Bench } from './bench.js';
import { inAnyOrder, lease, SETTINGS } from './samples.js';

/** Processes that start at the same moment on a database that is new to all of them. */
export function exerciseStartingTogether({ engine, race }: Bench, rounds = 8): void {
  describe('two processes that open a new database at the same moment', () => {
    it(`both find its tables, made once, ${rounds} times over`, async () => {
      const places: string[] = [];
      for (let round = 0; round < rounds; round += 1) {
        const { place, remove } = await engine.createPlace({ isNew: true });
        onTestFinished(remove);
        places.push(place);
      }
      const answers = await race({ task: 'open', places, rounds });
      for (const [round, pair] of answers.entries()) {
        expect(inAnyOrder(pair)).toEqual([
          ['duplicate', 'stored'],
          ['stored', 'stored'],
        ]);
        const store = await engine.open(places[round] ?? '', SETTINGS);
        const keys = (await store.leaseNotifications(lease())).map(({ dedupeKey }) => dedupeKey);
        await store.close();
        expect(keys.toSorted()).toEqual([`of-one-${round}`, `of-other-${round}`, `shared-${round}`]);
      }
    });
  });
}

/** What goes wrong here does so once in two hundred times. */
export function exerciseOftenStartingTogether(bench: Bench): void {
  exerciseStartingTogether(bench, 300);
}
