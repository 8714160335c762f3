import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeCsvHere } from '../../src/reports/answer.js';
import { REPORTS } from '../../src/reports/catalog.js';
import { reportContext } from '../../src/reports/report.js';
import { copyToPostgres } from '../../src/store/copy/copy-to-postgres.js';
import { readBatches, TESTED_LISTS, type Question } from '../../src/store/exercise/report-lists.js';
import { makePerson, makeWorld, tell } from '../../src/store/exercise/report-world.js';
import { DAY, NOW_AT, SETTINGS } from '../../src/store/exercise/samples.js';
import type { ReportStore } from '../../src/store/ports/reports.js';
import { openPostgresReports } from '../../src/store/postgres/postgres-report-store.js';
import { openSqliteReportStore } from '../../src/store/sqlite/sqlite-report-store.js';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.js';
import { createDatabase } from '../support/postgres-server.js';
import { engine } from '../support/sqlite-engine.js';

/** What one engine can hold and another can't, or sorts elsewhere. */
const ODD_NAMES = [
  'a\0b',
  'a\0',
  'a',
  'a\u0001',
  'a\u0001\u0001b',
  'a\u0002',
  'a\uffff',
  'a😀',
  'a\u00e9',
  'a\ud83db',
  'a Z',
  'aZ',
];

/** One world in both engines; every answer has to be the same to the byte. */
describe('Postgres answers as SQLite does', () => {
  let sqlite: ReportStore;
  let postgres: ReportStore;
  const endings: (() => Promise<void>)[] = [];

  beforeAll(async () => {
    const { place, remove } = await engine.createPlace({ isNew: false });
    endings.unshift(remove);
    const store = openSqliteStore({ path: place, ...SETTINGS });
    const world = makeWorld(120);
    const odd = ODD_NAMES.map((name, at) => {
      const person = makePerson(200 + at);
      const attributes = { ...person.contact.attributes, Employer: name, Referral: name };
      const contact = { ...person.contact, id: `odd-${at}`, externalId: name, name, attributes };
      return { ...person, contact };
    });
    await tell(store, { ...world, people: [...world.people, ...odd] });
    await store.close();
    const database = await createDatabase();
    endings.unshift(database.drop);
    await copyToPostgres({ path: place, url: database.url });
    sqlite = openSqliteReportStore({ path: place });
    endings.unshift(() => sqlite.close());
    postgres = openPostgresReports({ url: database.url });
    endings.unshift(() => postgres.close());
  });
  afterAll(async () => {
    for (const end of endings) await end();
  });

  const expectSame = async (label: string, ask: (reports: ReportStore) => Promise<unknown>) => {
    const [expected, actual] = [await ask(sqlite), await ask(postgres)];
    expect([label, JSON.stringify(actual)]).toEqual([label, JSON.stringify(expected)]);
  };

  describe.for(TESTED_LISTS.map((list) => [list.name, list] as const))('%s', ([, list]) => {
    test('the same rows for each filter and each two, and as many', async () => {
      for (const { label, page, count, all } of [list.unfiltered, ...list.filtered, ...list.paired]) {
        await expectSame(label, (reports) => page(reports, { limit: 1000, after: null }));
        await expectSame(label, (reports) => count(reports));
        await expectSame(label, (reports) => readBatches(all(reports)));
      }
    });

    test('the same pages and cursors, and each goes on behind a page of the other', async () => {
      for (const question of [list.unfiltered, ...list.filtered]) {
        await expectSame(question.label, (reports) => walk(question, () => reports));
        const engines = [sqlite, postgres];
        const mixed = await walk(question, (at) => engines[at % 2] ?? sqlite);
        expect(mixed).toEqual(await walk(question, () => sqlite));
      }
    });
  });

  test('the same counts, months, weeks and choices', async () => {
    const someone = { coaches: ['coach seven', '8'], employers: [], channels: [] };
    const limits = [56, 28, 7].map((days) => NOW_AT - days * DAY);
    const limitsOn = ['2026-01-01', '2026-09-01'];
    for (const chosen of [{ coaches: [], employers: [], channels: [] }, someone]) {
      await expectSame('caseload', (reports) => reports.caseloadCounts({ fromAt: 0, ...chosen }, limits));
      const window = { fromAt: NOW_AT - 50 * DAY, toAt: NOW_AT };
      await expectSame('sessions', (reports) => reports.sessionCounts({ window, ...chosen }, limits));
      const enrolled = { enrolledFromOn: '2000-01-01', enrolledToOn: '2100-01-01' };
      await expectSame('participants', (reports) =>
        reports.participantCounts({ ...enrolled, ...chosen }, limitsOn),
      );
    }
    const month = { fromAt: NOW_AT - 30 * DAY, toAt: NOW_AT, fromOn: '2000-01-01', toOn: '2100-01-01' };
    const windows = { thisMonth: month, lastMonth: { ...month, toAt: null }, weekLimits: limits };
    await expectSame('overview', (reports) => reports.overview(windows));
    await expectSame('filter choices', (reports) => reports.filterChoices());
    await expectSame('data version', (reports) => reports.dataVersion());
  });

  test.for(REPORTS.map((report) => [report.name, report] as const))(
    'the same JSON and CSV: %s',
    async ([, report]) => {
      await expectSame(report.name, async (store) => {
        const context = reportContext(store, NOW_AT, SETTINGS.timeZone);
        const preparation = report.prepare({}, context);
        if (preparation.kind !== 'ok') throw new Error(JSON.stringify(preparation.problems));
        const pieces: string[] = [];
        for await (const { bytes } of makeCsvHere(preparation.prepared, context)) {
          pieces.push(Buffer.from(bytes).toString('hex'));
        }
        return [await preparation.prepared.body(), pieces.join('')];
      });
    },
  );
});

/** Every page with its cursor; `engineOf` says who answers which. */
async function walk({ page }: Question, engineOf: (at: number) => ReportStore): Promise<unknown[]> {
  const pages: unknown[] = [];
  let after: string | null = null;
  do {
    const read: Awaited<ReturnType<Question['page']>> = await page(engineOf(pages.length), {
      limit: 7,
      after,
    });
    pages.push(read);
    after = read.next;
  } while (after !== null);
  return pages;
}
