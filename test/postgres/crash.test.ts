import { onTestFinished, test } from 'vitest';
import { createDatabase as openDatabase } from '../../src/store/postgres/database.js';
import { createPool } from '../../src/store/postgres/pool.js';
import { joinPostgresStore } from '../../src/store/postgres/postgres-store.js';
import { INBOX, expectToSurviveKills, LEFT, TIME_ZONE } from '../crash/kill-under-load.js';
import { createDatabase } from '../support/postgres-server.js';

test('kill -9 at ten random moments under load: nothing lost, nothing doubled, the end state is right', async () => {
  const { url, drop } = await createDatabase();
  onTestFinished(drop);
  const raw = openDatabase(createPool({ url, applicationName: 'test', maxConnections: 1 }));
  onTestFinished(() => raw.close());
  await expectToSurviveKills({
    settings: { DATABASE_URL: url },
    countLeft: async () => {
      const [left] = await raw.read((query) => query.rows<{ count: number }>(LEFT));
      return left?.count ?? 0;
    },
    listInbox: () => raw.read((query) => query.rows<{ dedupeKey: string; status: string }>(INBOX)),
    open: () => joinPostgresStore({ url, timeZone: TIME_ZONE, maxConnections: 2 }),
  });
}, 300_000);
