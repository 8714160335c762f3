import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { drizzle } from 'drizzle-orm/better-sqlite3';
import { migrate } from 'drizzle-orm/better-sqlite3/migrator';
import { expect, onTestFinished, test } from 'vitest';
import { handled, lease, NOW_MS, workOn } from '../src/store/exercise/samples.js';
import { openSqliteStore } from '../src/store/sqlite/sqlite-store.js';
import { temporaryDirectory } from './support/command-line.js';

/** A database as the program made it that had only the first `migrations`. */
function createOlder(path: string, migrations: number): Database.Database {
  const migrationsFolder = join(temporaryDirectory(), 'drizzle');
  cpSync('drizzle/sqlite', migrationsFolder, { recursive: true });
  const journalPath = join(migrationsFolder, 'meta', '_journal.json');
  const journal = JSON.parse(readFileSync(journalPath, 'utf8'));
  writeFileSync(journalPath, JSON.stringify({ ...journal, entries: journal.entries.slice(0, migrations) }));
  const database = new Database(path);
  migrate(drizzle(database), { migrationsFolder });
  return database;
}

test('payloads that stood in the inbox are there after the upgrade, and go as they would have gone', async () => {
  const path = join(temporaryDirectory(), 'engagement.db');
  const older = createOlder(path, 5);
  const insert = older.prepare(
    `insert into inbox (origin, dedupe_key, lane, received_at_ms, body, status, due_at_ms, attempts, settled_at_ms)
     values ('webhook', ?, ?, ?, ?, ?, ?, 0, ?)`,
  );
  insert.run('waits', 'a', NOW_MS, Buffer.from('of waits'), 'waiting', NOW_MS, null);
  insert.run('old', 'b', NOW_MS - 1000, Buffer.from('of old'), 'done', NOW_MS - 1000, NOW_MS - 1000);
  insert.run('erased', 'c', NOW_MS - 1000, null, 'done', NOW_MS - 1000, NOW_MS - 1000);
  older.close();

  const store = openSqliteStore({ path, timeZone: 'America/New_York' });
  onTestFinished(() => store.close());
  const leased = await store.leaseNotifications(lease());
  expect(leased.map(({ dedupeKey, body }) => [dedupeKey, Buffer.from(body ?? []).toString()])).toEqual([
    ['waits', 'of waits'],
  ]);
  expect(await store.eraseOldPayloads(NOW_MS)).toBe(1);
  await store.apply(workOn([], { completes: handled(leased[0]) }));
  expect(await store.eraseOldPayloads(NOW_MS + 1)).toBe(1);
  expect(await store.eraseOldPayloads(NOW_MS + 1)).toBe(0);
});
