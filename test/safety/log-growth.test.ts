import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.js';
import { notification } from '../../src/store/exercise/samples.js';

/** Too long to be compressed. */
const BODY = Buffer.alloc(300 * 1024, 'x');
const MB = 1024 * 1024;

test('the write-ahead log begins anew while the service is written to without a pause', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'engagement-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const path = join(directory, 'engagement.db');
  const store = openSqliteStore({ path, timeZone: 'America/New_York' });
  let most = 0;
  for (let round = 0; round < 100; round += 1) {
    const some = Array.from({ length: 8 }, (_, number) =>
      store.storeNotification(notification(`${round}-${number}`, { body: BODY })),
    );
    await Promise.all(some);
    most = Math.max(most, statSync(`${path}-wal`).size);
  }
  expect(statSync(path).size, 'most of the 200 MB are in the file').toBeGreaterThan(130 * MB);
  expect(most).toBeLessThan(150 * MB);
  await store.close();
  expect(statSync(path).size).toBeGreaterThan(200 * MB);
});
