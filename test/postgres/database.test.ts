import { afterEach, beforeEach, expect, test } from 'vitest';
import { createDatabase, type Database } from '../../src/store/postgres/database.js';
import { migratePostgres } from '../../src/store/postgres/migrations.js';
import { createPool } from '../../src/store/postgres/pool.js';
import { createTableRows } from '../../src/store/postgres/table-rows.js';
import { ALL_TABLES } from '../../src/store/tables/all-tables.js';
import { createDatabase as makeDatabase } from '../support/postgres-server.js';

const DURABLY = { isDurable: true } as const;
const COACHES = createTableRows(ALL_TABLES.coaches, ['id']);
const META = createTableRows(ALL_TABLES.meta, ['name']);

let database: Database;
let drop: () => Promise<void>;

beforeEach(async () => {
  const made = await makeDatabase();
  ({ drop } = made);
  const pool = createPool({ url: made.url, applicationName: 'test', maxConnections: 4 });
  await migratePostgres(pool, { mayMigrate: true });
  database = createDatabase(pool);
});
afterEach(async () => {
  await database.close();
  await drop();
});

test('rows come back as they were put, in one statement for all of them', async () => {
  const coaches = [
    { id: 'a\0b', name: 'Ünïcödé "quoted", \\ and {braces}', email: null },
    { id: 'c', name: null, email: 'c@example.test' },
  ];
  const values = [{ name: 'write_probe', value: { list: [1, '\u0000', null] } }];
  await database.unit(async (unit) => {
    await COACHES.put(unit, coaches);
    await META.put(unit, values);
  }, DURABLY);
  const other = { id: 'c', name: 'C', email: null };
  await database.unit((unit) => COACHES.put(unit, [other]), { isDurable: false });
  await database.read(async (query) => {
    expect(await COACHES.find(query, 'true order by id')).toEqual([coaches[0], other]);
    expect(await COACHES.find(query, 'id = any (@ids)', { ids: ['a\0b', 'z'] })).toEqual([coaches[0]]);
    expect(await META.find(query, 'true')).toEqual(values);
  });
});

test('what a unit throws takes everything back, and nothing is told', async () => {
  let told = 0;
  const failing = database.unit(async (unit) => {
    unit.afterCommit(() => (told += 1));
    await COACHES.put(unit, [{ id: 'a', name: null, email: null }]);
    throw new RangeError('a defect');
  }, DURABLY);
  await expect(failing).rejects.toThrow('a defect');
  expect(told).toBe(0);
  expect(await database.read((query) => COACHES.find(query, 'true'))).toEqual([]);
});

test('a deadlock is done again, and both units are there in the end', async () => {
  await database.unit(
    (unit) =>
      COACHES.put(
        unit,
        ['a', 'b'].map((id) => ({ id, name: '', email: null })),
      ),
    DURABLY,
  );
  const both = Promise.withResolvers<void>();
  let begun = 0;
  let attempts = 0;
  const append = (first: string, second: string) =>
    database.unit(async (unit) => {
      attempts += 1;
      const to = `update coaches set name = name || @word where id = @id`;
      await unit.run(to, { id: first, word: first });
      begun += 1;
      if (begun === 2) both.resolve();
      await both.promise;
      await unit.run(to, { id: second, word: first });
    }, DURABLY);
  await Promise.all([append('a', 'b'), append('b', 'a')]);
  expect(attempts).toBe(3);
  const rows = await database.read((query) => COACHES.find(query, 'true'));
  expect(rows.map(({ name }) => (name ?? '').split('').toSorted().join(''))).toEqual(['ab', 'ab']);
});

test('a value that is missing is a defect, not null', async () => {
  const asked = database.read((query) => query.rows('select @value::text as value'));
  await expect(asked).rejects.toThrow('no value for @value');
});
