import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.js';
import { runCommand, temporaryDirectory } from '../support/command-line.js';
import { createDatabase } from '../support/postgres-server.js';

let url = '';
let drop = async (): Promise<void> => undefined;

beforeEach(async () => {
  ({ url, drop } = await createDatabase());
});
afterEach(() => drop());

test('the documented command copies once, says how much, and never repeats the URL', async () => {
  const guide = readFileSync('docs/operating.md', 'utf8');
  const [, command, address] = /^engagement (copy-to) (postgres:\S+)$/m.exec(guide) ?? [];
  expect(address).toMatch(/^postgres:\/\/\w+@localhost\/\w+$/);
  const path = join(temporaryDirectory(), 'engagement.db');
  await openSqliteStore({ path, timeZone: 'America/New_York' }).close();
  const words = [command ?? '', url];
  const first = await runCommand(words, { DATABASE_PATH: path });
  expect(first).toMatchObject({ status: 0, stderr: '' });
  expect(first.stdout).toMatch(/^.*engagement\.db is copied to Postgres: \d+ tables, \d+ rows, compared\n$/);
  const again = await runCommand(words, { DATABASE_PATH: path });
  expect(again).toMatchObject({ status: 1, stdout: '' });
  expect(again.stderr).toContain('is not empty');
  expect(again.stderr).not.toContain(url);
});

test('without a database, or without a server, it says so', async () => {
  const directory = temporaryDirectory();
  const path = join(directory, 'engagement.db');
  const missing = await runCommand(['copy-to', url], { DATABASE_PATH: path });
  expect(missing).toMatchObject({ status: 1, stdout: '' });
  expect(missing.stderr).toContain('there is no database at');
  await openSqliteStore({ path, timeZone: 'America/New_York' }).close();
  const alone = await runCommand(['copy-to', 'postgres://user:secret@127.0.0.1:1/none'], {
    DATABASE_PATH: path,
  });
  expect(alone).toMatchObject({ status: 1, stdout: '' });
  expect(alone.stderr).toBe("the database can't be used now (ECONNREFUSED)\n");
});
