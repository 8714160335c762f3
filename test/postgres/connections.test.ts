import { Client } from 'pg';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { AppError } from '../../src/errors.js';
import type { ReportStore } from '../../src/store/ports/reports.js';
import { migratePostgres } from '../../src/store/postgres/migrations.js';
import { createPool, transact } from '../../src/store/postgres/pool.js';
import { openPostgresReports } from '../../src/store/postgres/postgres-report-store.js';
import { createDatabase } from '../support/postgres-server.js';

let url = '';
let endings: (() => Promise<void>)[] = [];

const openPool = () => {
  const pool = createPool({ url, applicationName: 'test', maxConnections: 2 });
  endings.unshift(() => pool.end());
  return pool;
};
const openReports = (address = url): ReportStore => {
  const reports = openPostgresReports({ url: address });
  endings.unshift(() => reports.close());
  return reports;
};
const asAdministrator = async (statement: string): Promise<void> => {
  const client = new Client({ connectionString: url });
  await client.connect();
  await client.query(statement);
  await client.end();
};

beforeEach(async () => {
  const database = await createDatabase();
  ({ url } = database);
  endings = [database.drop];
});
afterEach(async () => {
  for (const end of endings) await end();
});

const LATER = { code: 'store_unavailable', retry: 'later' };
const NEVER = { code: 'store_unavailable', retry: 'never' };

test('a connection that the server ends fails one question, and the next one has another', async () => {
  await migratePostgres(openPool(), { mayMigrate: true });
  const reports = openReports();
  expect(await reports.dataVersion()).toBe('none');
  await asAdministrator(
    `select pg_terminate_backend(pid) from pg_stat_activity 
     where application_name = 'intercom-engagement reports' and datname = current_database()`,
  );
  // Whether it has heard of the end by now depends on how busy the machine is.
  const again = await reports.dataVersion().catch((error: unknown) => error);
  expect(['none', 'store_unavailable']).toContain(again instanceof AppError ? again.code : again);
  expect(await reports.dataVersion()).toBe('none');
});

test('what ends in the middle of a transaction is told to whoever works in it', async () => {
  const pool = openPool();
  const working = transact(pool, async (client) => {
    const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
    await asAdministrator(`select pg_terminate_backend(${rows[0]?.pid})`);
    return client.query('select 1');
  });
  await expect(working).rejects.toMatchObject(LATER);
  await expect(transact(pool, (client) => client.query('select 1'))).resolves.toMatchObject({ rowCount: 1 });
});

test('whatever is thrown in a transaction takes it back', async () => {
  const pool = openPool();
  await migratePostgres(pool, { mayMigrate: true });
  const failing = transact(pool, async (client) => {
    await client.query(`insert into coaches (id) values ('a')`);
    throw new RangeError('a defect');
  });
  await expect(failing).rejects.toThrow(new RangeError('a defect'));
  expect((await pool.query('select * from coaches')).rowCount).toBe(0);
});

test('reports answer from a server that only reads, and whoever writes to it waits', async () => {
  const pool = openPool();
  await migratePostgres(pool, { mayMigrate: true });
  await asAdministrator(
    `do $$ begin execute format('alter database %I set default_transaction_read_only = on', current_database()); end $$`,
  );
  const reports = openReports();
  expect(await reports.filterChoices()).toEqual({ coaches: [], employers: [] });
  const readOnly = openPool();
  const writing = transact(readOnly, (client) => client.query(`insert into coaches (id) values ('a')`));
  await expect(writing).rejects.toMatchObject(LATER);
});

test('a lock that somebody else holds is given up', async () => {
  const pool = openPool();
  await migratePostgres(pool, { mayMigrate: true });
  const waiting = transact(pool, async (client) => {
    await client.query('lock table coaches');
    return transact(pool, async (other) => {
      await other.query("set local lock_timeout = '20ms'");
      return other.query('select * from coaches');
    });
  });
  await expect(waiting).rejects.toMatchObject(LATER);
});

test('missing tables, databases and servers are named', async () => {
  await expect(openReports().dataVersion()).rejects.toMatchObject(NEVER);
  const elsewhere = new URL(url);
  elsewhere.pathname = '/there_is_none';
  await expect(openReports(elsewhere.href).dataVersion()).rejects.toMatchObject(NEVER);
  await expect(openReports('postgres://nobody@127.0.0.1:1/none').dataVersion()).rejects.toMatchObject(LATER);
});

test('a store that was closed says so', async () => {
  const reports = openPostgresReports({ url });
  await reports.close();
  await expect(reports.dataVersion()).rejects.toMatchObject(LATER);
});

test('reports that are closed say so, however often they are closed', async () => {
  const reports = openReports();
  await Promise.all([reports.close(), reports.close()]);
  await reports.close();
  await expect(reports.dataVersion()).rejects.toMatchObject(LATER);
});
