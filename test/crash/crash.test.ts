import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { onTestFinished, test } from 'vitest';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.js';
import { INBOX, expectToSurviveKills, LEFT, TIME_ZONE } from './kill-under-load.js';

test('kill -9 at ten random moments under load: nothing lost, nothing doubled, the end state is right', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'engagement-crash-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const path = join(directory, 'crash.db');
  const look = <Result>(read: (database: Database.Database) => Result): Result => {
    const database = new Database(path, { readonly: true });
    try {
      return read(database);
    } finally {
      database.close();
    }
  };
  await expectToSurviveKills({
    settings: { DATABASE_PATH: path },
    countLeft: async () => look((database) => database.prepare<[], number>(LEFT).pluck().get() ?? 0),
    listInbox: async () =>
      look((database) => {
        const isSound = database.pragma('integrity_check', { simple: true }) === 'ok';
        if (!isSound) throw new Error('the database is damaged');
        return database.prepare<[], { dedupeKey: string; status: string }>(INBOX).all();
      }),
    open: async () => openSqliteStore({ path, timeZone: TIME_ZONE }),
  });
}, 300_000);
