import { Client } from 'pg';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { notification, SETTINGS, takeOne } from '../../src/store/exercise/samples.js';
import { inspectPostgres } from '../../src/store/postgres/inspect.js';
import { openPostgresParkedReadOnly } from '../../src/store/postgres/parked-read-only.js';
import { openPostgresStore } from '../../src/store/postgres/postgres-store.js';
import { openPostgresReportsReadOnly } from '../../src/store/postgres/reports-read-only.js';
import { createDatabase } from '../support/postgres-server.js';

/* What looks at a database beside the service, and leaves it as it is. */

const { timeZone } = SETTINGS;
let url: string;
let drop: () => Promise<void>;

beforeEach(async () => {
  ({ url, drop } = await createDatabase());
});
afterEach(() => drop());

async function ask(statement: string): Promise<unknown[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    const { rows }: { readonly rows: unknown[] } = await client.query(statement);
    return rows;
  } finally {
    await client.end();
  }
}

/** A service has worked on it, and has been stopped. */
async function startOnce(): Promise<void> {
  const store = await openPostgresStore({ url, ...SETTINGS, time: 'callers' });
  await store.bindWorkspace({ id: 'abc123', timeZone: 'UTC' });
  await store.storeNotification(notification('a'));
  await store.parkNotification({ ...(await takeOne(store)), reason: 'no such topic' });
  await store.close();
}

const tables = () => ask("select tablename from pg_tables where schemaname = 'public'");
const isNewer = 'update __drizzle_migrations set created_at = created_at + 1000000000000';

describe('reports alone', () => {
  test('are answered, and nothing can be written', async () => {
    await startOnce();
    const opened = await openPostgresReportsReadOnly({ url, timeZone });
    const page = { limit: 10, after: null };
    const filter = { fromAt: 0, coaches: [], employers: [], channels: [] };
    expect(await opened.reports.caseload.page(filter, page)).toEqual({ rows: [], next: null });
    expect(await opened.freshness()).toMatchObject({ completeAt: null });
    await opened.close();
  });

  test('are refused where there are no tables, and none are made', async () => {
    const opening = openPostgresReportsReadOnly({ url, timeZone });
    await expect(opening).rejects.toMatchObject({ code: 'store_unavailable', retry: 'never' });
    expect(await tables()).toEqual([]);
  });

  test('are refused in another time zone than that of the service', async () => {
    await startOnce();
    const opening = openPostgresReportsReadOnly({ url, timeZone: 'Europe/Berlin' });
    await expect(opening).rejects.toMatchObject({ code: 'config_invalid' });
  });

  test('are refused of another version, newer or older', async () => {
    await startOnce();
    await ask(isNewer);
    const newer = openPostgresReportsReadOnly({ url, timeZone });
    await expect(newer).rejects.toMatchObject({ code: 'store_newer_than_program' });
    await ask('update __drizzle_migrations set created_at = 1');
    const older = openPostgresReportsReadOnly({ url, timeZone });
    await expect(older).rejects.toMatchObject({ code: 'store_unavailable' });
  });

  test('are refused where another generation has worked out their columns', async () => {
    await startOnce();
    await ask("update meta set value = '1' where name = 'derived_by'");
    const opening = openPostgresReportsReadOnly({ url, timeZone });
    await expect(opening).rejects.toMatchObject({ code: 'store_unavailable' });
  });
});

describe('what is parked', () => {
  test('is listed, whatever the settings of the service', async () => {
    await startOnce();
    const opened = await openPostgresParkedReadOnly(url);
    expect(await opened.countParked()).toBe(1);
    expect(await opened.parked()).toMatchObject([{ reason: 'no such topic' }]);
    await opened.close();
  });

  test('is refused where there are no tables, and of a newer version', async () => {
    await expect(openPostgresParkedReadOnly(url)).rejects.toMatchObject({ code: 'store_unavailable' });
    await startOnce();
    await ask(isNewer);
    await expect(openPostgresParkedReadOnly(url)).rejects.toMatchObject({
      code: 'store_newer_than_program',
    });
  });
});

describe('a look at the database', () => {
  const server = { isKnownVersion: true, encoding: 'UTF8', isStandby: false, isReadOnly: false };

  test('tells of the server where there are no tables, and makes none', async () => {
    const facts = await inspectPostgres(url);
    expect(facts).toMatchObject({ kind: 'missing', server: { ...server, syncsCommits: true } });
    expect(facts.kind === 'missing' && (facts.server?.sizeBytes ?? 0) > 1_000_000).toBe(true);
    expect(facts.kind === 'missing' && (facts.server?.connections ?? 0) > 0).toBe(true);
    expect(await tables()).toEqual([]);
  });

  test('tells what a service has left there', async () => {
    await startOnce();
    expect(await inspectPostgres(url)).toMatchObject({
      kind: 'found',
      server,
      usedBy: 'same',
      timeZone,
      workspaceId: 'abc123',
      otherWorkspaces: null,
    });
    await ask(isNewer);
    expect(await inspectPostgres(url)).toMatchObject({ kind: 'found', usedBy: 'newer' });
  });

  test('tells what the server does not keep or allow', async () => {
    const name = new URL(url).pathname.slice(1);
    await ask(`alter database ${name} set synchronous_commit = off`);
    await ask(`alter database ${name} set default_transaction_read_only = on`);
    expect(await inspectPostgres(url)).toMatchObject({ server: { isReadOnly: true, syncsCommits: false } });
  });

  test('says why it can not be used', async () => {
    const other = new URL(url);
    other.pathname = '/nobody_made_this';
    expect(await inspectPostgres(other.href)).toEqual({
      kind: 'unusable',
      why: 'there is no database of this name: make it, or check its URL (3D000)',
    });
    const nowhere = await inspectPostgres('postgres://test@127.0.0.1:1/test');
    expect(nowhere).toEqual({
      kind: 'unusable',
      why: "it can't be reached, or has no room for us (ECONNREFUSED)",
    });
  });
});
