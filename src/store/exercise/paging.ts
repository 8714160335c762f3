import { describe, expect, it } from 'vitest';
import type { CacheChange } from '../ports/changes.js';
import type { ReportStore } from '../ports/reports.js';
import type { Store } from '../ports/store.js';
import type { Bench } from './bench.js';
import { comparePlaces, type Placed } from './plain-reports.js';
import { readBatches, readPages, TESTED_LISTS, type Question } from './report-lists.js';
import {
  decideFor,
  makeConversation,
  makePerson,
  makeWorld,
  tell,
  type Person,
  type World,
} from './report-world.js';
import { callChange, contactChange, workOn } from './samples.js';

const MEMBERS = 30;
const NO_CURSORS = [
  '',
  ' ',
  'x',
  'null',
  '[]',
  '0',
  'bnVsbA',
  'WyJjYXNlbG9hZCJd',
  '\0',
  '😀',
  'a'.repeat(5000),
];
const invalid = { code: 'cursor_invalid', retry: 'never' };

/** Pages of reports: a cursor names a place, whatever becomes of the rows around it. */
export function exercisePaging({ storeOf, openReports, openAnother }: Bench): void {
  /** A world told to the store, and the reports of it. */
  const begin = async () => {
    const world = makeWorld(MEMBERS);
    await tell(storeOf(), world);
    return { world, store: storeOf(), reports: await openReports() };
  };
  const rowsOf = (placed: readonly Placed<unknown>[]): unknown[] => placed.map(({ row }) => row);

  describe('pages of a report', () => {
    it('are as long as is asked for, and the last one says that it is', async () => {
      const { world, reports } = await begin();
      for (const { name, unfiltered } of TESTED_LISTS) {
        const { page, expected } = unfiltered;
        const rows = rowsOf(expected(world));
        for (const limit of [1, 2, rows.length - 1]) {
          expect(await readPages(unfiltered, reports, limit), name).toEqual(rows);
        }
        for (const limit of [rows.length, rows.length + 1, 1_000_000]) {
          expect(await page(reports, { limit, after: null }), name).toEqual({ rows, next: null });
        }
        const butOne = await page(reports, { limit: rows.length - 1, after: null });
        const last = await page(reports, { limit: 5, after: butOne.next });
        expect(last, name).toEqual({ rows: rows.slice(-1), next: null });
      }
    });

    for (const { name, unfiltered } of TESTED_LISTS) {
      it(`go on behind the same place when rows have come and gone, the last one read among them: ${name}`, async () => {
        const { world, store, reports } = await begin();
        const before = unfiltered.expected(world);
        const half = Math.floor(before.length / 2);
        const first = await unfiltered.page(reports, { limit: half, after: null });
        const last = before[half - 1];
        if (last === undefined || first.next === null) throw new Error('there is a second half');
        const later = await change(store, world, { of: unfiltered, from: half - 1 });
        const after = unfiltered.expected(later);
        const rest = after.filter(({ key }) => comparePlaces(key, last.key) > 0);
        expect(rowsOf(after), 'the last one read has gone').not.toContainEqual(last.row);
        expect(rowsOf(before), 'others have come').not.toEqual(expect.arrayContaining(rowsOf(rest)));
        expect(await readPages(unfiltered, reports, 3, first.next)).toEqual(rowsOf(rest));
        expect(await readPages(unfiltered, reports, 4)).toEqual(rowsOf(after));
      });
    }

    it('have cursors that outlive a restart and are good for any reader, as often as it likes', async () => {
      const { world, store, reports } = await begin();
      const cursors = [];
      for (const { unfiltered } of TESTED_LISTS) {
        cursors.push((await unfiltered.page(reports, { limit: 5, after: null })).next);
      }
      await reports.close();
      await store.close();
      await openAnother();
      const others = await openReports();
      for (const [at, { name, unfiltered }] of TESTED_LISTS.entries()) {
        const rest = rowsOf(unfiltered.expected(world)).slice(5);
        for (const limit of [4, 5]) {
          expect(await readPages(unfiltered, others, limit, cursors[at]), name).toEqual(rest);
        }
      }
    });

    it('refuse the cursor of any other list, and what is none', async () => {
      const { reports } = await begin();
      for (const { name, unfiltered } of TESTED_LISTS) {
        for (const other of TESTED_LISTS.filter((list) => list.name !== name)) {
          const { next } = await other.unfiltered.page(reports, { limit: 2, after: null });
          const read = unfiltered.page(reports, { limit: 2, after: next });
          await expect(read, `${other.name} in ${name}`).rejects.toMatchObject(invalid);
        }
        for (const text of NO_CURSORS) {
          const read = unfiltered.page(reports, { limit: 2, after: text });
          await expect(read, text).rejects.toMatchObject(invalid);
        }
      }
    });

    it('need not be read to the end by whoever wanted all', async () => {
      const { world, reports } = await begin();
      for (const { name, unfiltered } of TESTED_LISTS) {
        const rows = rowsOf(unfiltered.expected(world));
        for await (const batch of unfiltered.all(reports)) {
          expect(batch[0], name).toEqual(rows[0]);
          break;
        }
        expect(await unfiltered.count(reports), 'nothing is held up').toBe(rows.length);
      }
    });
  });

  describe('reports that are closed', () => {
    it('answer that the store is unavailable', async () => {
      const reports: ReportStore = await openReports();
      await reports.close();
      await reports.close();
      const unavailable = { code: 'store_unavailable', retry: 'later' };
      for (const { unfiltered } of TESTED_LISTS) {
        await expect(unfiltered.count(reports)).rejects.toMatchObject(unavailable);
        await expect(unfiltered.page(reports, { limit: 1, after: null })).rejects.toMatchObject(unavailable);
        await expect(readBatches(unfiltered.all(reports))).rejects.toMatchObject(unavailable);
      }
      await expect(reports.dataVersion()).rejects.toMatchObject(unavailable);
      await expect(reports.filterChoices()).rejects.toMatchObject(unavailable);
    });
  });
}

/** Takes away whom some rows are about, from the row `from` on, and adds as many others. */
async function change(
  store: Store,
  world: World,
  { of, from }: { readonly of: Question; readonly from: number },
): Promise<World> {
  const touched = of.expected(world).filter((_, at) => at >= from && (at - from) % 7 === 0);
  const texts = JSON.stringify(touched.map(({ row, key }) => [row, key]));
  const isTouched = ({ contact: { id, externalId }, kind }: Person): boolean =>
    kind === 'member' && [id, externalId].some((one) => one !== null && texts.includes(JSON.stringify(one)));
  const gone = world.people.filter(isTouched).slice(0, 8);
  const come = Array.from({ length: 8 }, (_, number) => makePerson(500 + number * 13));
  const conversations = come.flatMap(({ contact: { id } }, number) =>
    [0, 1, 2, 3].map((more) => makeConversation(900 + number * 5 + more * 31, id)),
  );
  const later: World = {
    ...world,
    people: [...world.people.filter((person) => !gone.includes(person)), ...come],
    conversations: [...world.conversations, ...conversations],
  };
  const changes = [
    ...gone.map(({ contact: { id } }): CacheChange => ({ kind: 'contact-deleted', id })),
    ...come.map(({ contact }) => contactChange(contact)),
    ...conversations.map((conversation) => callChange(conversation)),
  ];
  const applied = await store.apply(workOn(changes, { decide: decideFor(later) }));
  if (applied.kind !== 'applied') throw new Error('the world could not be changed');
  return later;
}
