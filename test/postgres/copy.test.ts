import Database from 'better-sqlite3';
import { Client } from 'pg';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { copyToPostgres } from '../../src/store/copy/copy-to-postgres.js';
import { ALL_TABLES } from '../../src/store/tables/all-tables.js';
import { createDatabase } from '../support/postgres-server.js';
import { engine } from '../support/sqlite-engine.js';

let path = '';
let url = '';
let endings: (() => Promise<void>)[] = [];

beforeEach(async () => {
  const { place, remove } = await engine.createPlace({ isNew: false });
  path = place;
  const database = await createDatabase();
  ({ url } = database);
  endings = [remove, database.drop];
});
afterEach(async () => {
  for (const end of endings) await end();
});

const write = (...statements: readonly string[]): void => {
  const sqlite = new Database(path);
  for (const statement of statements) sqlite.exec(statement);
  sqlite.close();
};

const read = async (statement: string): Promise<unknown[]> => {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(statement)).rows;
  } finally {
    await client.end();
  }
};

const ENTRY = `insert into inbox (id, origin, dedupe_key, received_at_ms, has_payload, status, due_at_ms, attempts, waits_for_intercom)`;

test('every table is there with every kind of value, and numbers go on behind the last one', async () => {
  write(
    `${ENTRY} values (7, 'webhook', 'a' || char(0) || char(1), 9007199254740991, 1, 'waiting', 0, 1, 1)`,
    `insert into payloads (inbox_id, body, size) values (7, x'00ff10', 3)`,
    `${ENTRY} values (900, 'webhook', 'gone', 0, 0, 'done', 0, 1, 0)`,
    'delete from inbox where id = 900',
    `insert into coaches (id, name, email) values ('B', '', null), ('b', 'ä😀', 'x')`,
  );
  const copied = await copyToPostgres({ path, url });
  expect(copied.map(({ table }) => table)).toEqual(Object.values(ALL_TABLES).map(({ name }) => name));
  expect(copied.find(({ table }) => table === 'inbox')).toMatchObject({ rows: 1 });
  expect(
    await read(
      `select id, dedupe_key, received_at_ms, body, waits_for_intercom, topic from inbox
       join payloads on inbox_id = id`,
    ),
  ).toEqual([
    {
      id: '7',
      // How Postgres holds NUL, which it does not know.
      dedupe_key: 'a\u0001\u0001\u0001\u0002',
      received_at_ms: '9007199254740991',
      body: Buffer.from([0, 255, 16]),
      waits_for_intercom: true,
      topic: null,
    },
  ]);
  expect(await read('select id from coaches order by id')).toEqual([{ id: 'B' }, { id: 'b' }]);
  expect(await read("select nextval(pg_get_serial_sequence('inbox', 'id')) as next")).toEqual([
    { next: '901' },
  ]);
  expect(await read("select nextval(pg_get_serial_sequence('writes', 'id')) as next")).toEqual([
    { next: '1' },
  ]);
});

test('more rows than fit into a batch, and payloads of some megabytes', async () => {
  const sqlite = new Database(path);
  const insert = sqlite.prepare(`${ENTRY} values (?, 'webhook', ?, 0, ?, 'waiting', 0, 0, 0)`);
  const payload = sqlite.prepare('insert into payloads (inbox_id, body, size) values (?, ?, 3000000)');
  sqlite.transaction(() => {
    for (let id = 1; id <= 2500; id += 1) {
      const isLong = id % 1000 === 0;
      insert.run(id, `key ${id}`, isLong ? 1 : 0);
      if (isLong) payload.run(id, Buffer.alloc(3_000_000, id % 251));
    }
  })();
  sqlite.close();
  const copied = await copyToPostgres({ path, url });
  expect(copied.find(({ table }) => table === 'inbox')).toMatchObject({ rows: 2500 });
  expect(await read('select sum(length(body))::int as bytes from payloads')).toEqual([{ bytes: 6_000_000 }]);
});

test('a database that is not empty is left as it is', async () => {
  write(`insert into coaches (id) values ('a')`);
  await copyToPostgres({ path, url });
  write(`insert into coaches (id) values ('b')`);
  await expect(copyToPostgres({ path, url })).rejects.toMatchObject({
    code: 'store_unavailable',
    message: 'the database that is copied to is not empty (coaches): name an empty one',
  });
  expect(await read('select id from coaches')).toEqual([{ id: 'a' }]);
});

test('what comes out otherwise than it went in is taken back whole', async () => {
  write(`insert into coaches (id) values ('a')`);
  await copyToPostgres({ path, url });
  await read(`truncate coaches, meta;
    create function loses() returns trigger language plpgsql as $$ begin new.name := 'other'; return new; end $$;
    create trigger loses before insert on coaches for each row execute function loses()`);
  await expect(copyToPostgres({ path, url })).rejects.toMatchObject({
    message: 'coaches came out otherwise than it went in (1 rows, then 1); nothing was copied',
  });
  expect(await read('select id from coaches')).toEqual([]);
});

test('a file of another version is refused, and one that is not there', async () => {
  write(
    'update __drizzle_migrations set created_at = created_at + 1 where created_at = (select max(created_at) from __drizzle_migrations)',
  );
  await expect(copyToPostgres({ path, url })).rejects.toMatchObject({ code: 'store_newer_than_program' });
  write(
    'update __drizzle_migrations set created_at = created_at - 2 where created_at = (select max(created_at) from __drizzle_migrations)',
  );
  await expect(copyToPostgres({ path, url })).rejects.toMatchObject({
    code: 'store_unavailable',
    retry: 'never',
  });
  await expect(copyToPostgres({ path: `${path}.missing`, url })).rejects.toMatchObject({
    code: 'store_unavailable',
  });
});

test('a copy that is stopped leaves an empty database', async () => {
  write(`insert into coaches (id) values ('a')`);
  const stopping = new AbortController();
  const copying = copyToPostgres({ path, url, signal: stopping.signal, onTable: () => stopping.abort() });
  await expect(copying).rejects.toMatchObject({ code: 'stopped' });
  expect(await read('select id from coaches')).toEqual([]);
});
