import { join } from 'node:path';
import { expect, test } from 'vitest';
import { databaseAt } from '../src/store/open-store.js';
import { temporaryDirectory } from './support/command-line.js';

const UTC = { timeZone: 'UTC' };

test('a file is made by the first one that may, and then every door leads into it', async () => {
  const database = databaseAt({ databasePath: join(temporaryDirectory(), 'engagement.db') });
  expect(await database.inspect()).toEqual({ kind: 'missing' });
  const existing = { ...UTC, as: 'command', mustExist: true } as const;
  await expect(database.openStore(existing)).rejects.toMatchObject({ code: 'store_unavailable' });
  await expect(database.openReportsOnly('UTC')).rejects.toMatchObject({ code: 'store_unavailable' });
  await expect(database.openParkedOnly()).rejects.toMatchObject({ code: 'store_unavailable' });

  const service = await database.openStore({ ...UTC, as: 'service' });
  const command = await database.openStore(existing);
  const [reports, readOnly] = [await database.openReports(), await database.openReportsOnly('UTC')];
  const parked = await database.openParkedOnly();
  expect(await command.latestRun('sweep')).toBeNull();
  expect(await reports.dataVersion()).toBe(await readOnly.reports.dataVersion());
  expect(await parked.countParked()).toBe(0);
  for (const opened of [parked, readOnly, reports, command, service]) await opened.close();
  expect(await database.inspect()).toMatchObject({ kind: 'found', timeZone: 'UTC' });
});
