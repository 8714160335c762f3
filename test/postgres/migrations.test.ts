import type { Pool } from 'pg';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ageOfDatabase, migratePostgres } from '../../src/store/postgres/migrations.js';
import { createPool } from '../../src/store/postgres/pool.js';
import { ALL_TABLES } from '../../src/store/tables/all-tables.js';
import { createDatabase } from '../support/postgres-server.js';

let pools: Pool[] = [];
let drop = async (): Promise<void> => undefined;
let url = '';

const openPool = (): Pool => {
  const pool = createPool({ url, applicationName: 'test', maxConnections: 2 });
  pools.push(pool);
  return pool;
};

beforeEach(async () => {
  ({ url, drop } = await createDatabase());
  pools = [];
});
afterEach(async () => {
  for (const pool of pools) await pool.end();
  await drop();
});

test('processes that start together make the tables once', async () => {
  await Promise.all([1, 2, 3, 4].map(() => migratePostgres(openPool(), { mayMigrate: true })));
  const [pool = openPool()] = pools;
  const { rows } = await pool.query<{ name: string }>(
    `select tablename as name from pg_tables where schemaname = current_schema() order by 1`,
  );
  const described = Object.values(ALL_TABLES).map(({ name }) => name);
  expect(rows.map(({ name }) => name)).toEqual(['__drizzle_migrations', ...described].toSorted());
  expect(await ageOfDatabase(pool)).toBe(0);
});

test('the tables may be in a schema of their own', async () => {
  const owner = openPool();
  await owner.query('create schema own');
  const address = new URL(url);
  address.searchParams.set('options', '-c search_path=own');
  const pool = createPool({ url: address.href, applicationName: 'test', maxConnections: 1 });
  pools.push(pool);
  await migratePostgres(pool, { mayMigrate: true });
  const { rows } = await pool.query(
    `select distinct n.nspname as schema, f.nspname as foreign_schema
     from pg_constraint c join pg_class t on t.oid = c.conrelid join pg_namespace n on n.oid = t.relnamespace
     join pg_class r on r.oid = c.confrelid join pg_namespace f on f.oid = r.relnamespace where c.contype = 'f'`,
  );
  expect(rows).toEqual([{ schema: 'own', foreign_schema: 'own' }]);
});

test('every text is compared by its bytes', async () => {
  const pool = openPool();
  await migratePostgres(pool, { mayMigrate: true });
  const { rows } = await pool.query(
    `select table_name, column_name from information_schema.columns
     where table_schema = current_schema() and data_type = 'text' and collation_name is distinct from 'C'
       and table_name <> '__drizzle_migrations'`,
  );
  expect(rows).toEqual([]);
});

test('tables of a newer version are refused', async () => {
  const pool = openPool();
  await migratePostgres(pool, { mayMigrate: true });
  await pool.query('update __drizzle_migrations set created_at = created_at + 1');
  await expect(migratePostgres(pool, { mayMigrate: true })).rejects.toMatchObject({
    code: 'store_newer_than_program',
    retry: 'never',
  });
});

test('a command makes the tables of an empty database, and leaves those of an older version alone', async () => {
  const pool = openPool();
  await migratePostgres(pool, { mayMigrate: false });
  await migratePostgres(pool, { mayMigrate: false });
  await pool.query('update __drizzle_migrations set created_at = created_at - 1');
  await expect(migratePostgres(pool, { mayMigrate: false })).rejects.toMatchObject({
    code: 'store_unavailable',
    retry: 'never',
  });
});

test('the tables that reports count are vacuumed early, so that their indexes are enough', async () => {
  const pool = openPool();
  await migratePostgres(pool, { mayMigrate: true });
  const { rows } = await pool.query(
    `select relname as name from pg_class where relnamespace = current_schema()::regnamespace
       and reloptions @> array['autovacuum_vacuum_scale_factor=0.005', 'autovacuum_vacuum_insert_scale_factor=0.005']
     order by 1`,
  );
  expect(rows).toEqual([{ name: 'conversations' }, { name: 'reported_members' }]);
});
