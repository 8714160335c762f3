import { describe, expect, it } from 'vitest';
import type { Bench } from './bench.js';
import { readBatches, readPages, TESTED_LISTS } from './report-lists.js';
import { makeWorld, tell } from './report-world.js';

const MEMBERS = 45;

/** The lists of reports: which rows, in which order, with every filter. */
export function exerciseReporting({ storeOf, openReports }: Bench): void {
  describe('a list of a report', () => {
    for (const { name, unfiltered, filtered, paired } of TESTED_LISTS) {
      it(`has the rows of a plain computation, in the same order, for each filter and each two: ${name}`, async () => {
        const world = makeWorld(MEMBERS);
        await tell(storeOf(), world);
        const reports = await openReports();
        let found = 0;
        for (const question of [unfiltered, ...filtered]) {
          const { label, count, all } = question;
          const rows = question.expected(world).map(({ row }) => row);
          expect((await readBatches(all(reports))).flat(), label).toEqual(rows);
          expect(await readPages(question, reports, 7), label).toEqual(rows);
          expect(await count(reports), label).toBe(rows.length);
          found += rows.length;
        }
        expect(unfiltered.expected(world).length, 'there is something to be filtered').toBeGreaterThan(20);
        expect(found).toBeGreaterThan(100);

        let some = 0;
        for (const { label, count, page, expected } of paired) {
          const rows = expected(world).map(({ row }) => row);
          expect((await page(reports, { limit: 1000, after: null })).rows, label).toEqual(rows);
          expect(await count(reports), label).toBe(rows.length);
          if (rows.length > 0) some += 1;
        }
        expect(some, 'many of the pairs choose something').toBeGreaterThan(paired.length / 5);
      });
    }

    it('is empty where nothing is known', async () => {
      const reports = await openReports();
      for (const { name, unfiltered } of TESTED_LISTS) {
        expect(await unfiltered.count(reports), name).toBe(0);
        expect(await unfiltered.page(reports, { limit: 10, after: null })).toEqual({ rows: [], next: null });
        expect(await readBatches(unfiltered.all(reports))).toEqual([]);
      }
    });
  });
}
