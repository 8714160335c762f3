import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import {
  contact,
  contactChange,
  decideAt,
  NOW_AT,
  notification,
  workOn,
} from '../../src/store/exercise/samples.js';
import type { Store } from '../../src/store/ports/store.js';
import { createDatabase as openDatabase, type Database } from '../../src/store/postgres/database.js';
import { SHARE_TABLES } from '../../src/store/postgres/migrations.js';
import { createPool } from '../../src/store/postgres/pool.js';
import { joinPostgresStore, openPostgresStore } from '../../src/store/postgres/postgres-store.js';
import { createDatabase } from '../support/postgres-server.js';

/* Processes with other settings on one database: the last service to start says which hold. */

const NEW_YORK = 'America/New_York';
const settings = { dryRun: true, eligibleProgramsByReferral: {} };

let url: string;
let endings: (() => Promise<void>)[];
let raw: Database;

beforeEach(async () => {
  const made = await createDatabase();
  ({ url } = made);
  endings = [made.drop];
  raw = openDatabase(createPool({ url, applicationName: 'test', maxConnections: 2 }));
  endings.push(() => raw.close());
});
afterEach(async () => {
  for (const end of endings.toReversed()) await end();
});

type Own = Omit<Parameters<typeof openPostgresStore>[0], 'url'>;
async function open(own: Own, how = openPostgresStore): Promise<Store> {
  const store = await how({ url, time: 'callers', maxConnections: 2, ...own });
  endings.push(() => store.close());
  return store;
}

test('a service that others have changed over does no more than take in what comes', async () => {
  const log = { warn: vi.fn<() => void>(), error: vi.fn<() => void>() };
  const one = await open({ timeZone: NEW_YORK, settings, log });
  expect(await one.whyUnfit()).toBeNull();
  await open({ timeZone: NEW_YORK, settings: { ...settings, dryRun: false } });
  expect(await one.whyUnfit()).toContain('DRY_RUN is true here');
  const refused = { code: 'store_unavailable' };
  await expect(one.nextTransitionAt()).rejects.toMatchObject(refused);
  await expect(one.freshness()).rejects.toMatchObject(refused);
  await expect(one.setCoverage(NOW_AT)).rejects.toMatchObject(refused);
  expect(await one.canWrite()).toBe(false);
  expect(await one.storeNotification(notification('a'))).toBe('stored');
  expect(log.error).toHaveBeenCalledTimes(1);
});

describe('a command', () => {
  test('begins a new database, and leaves it to the service to say with which settings', async () => {
    const command = await open({ timeZone: NEW_YORK, settings }, joinPostgresStore);
    await open({ timeZone: NEW_YORK, settings: { ...settings, dryRun: false } });
    expect(await command.whyUnfit()).toContain('DRY_RUN');
  });

  test('is refused with other settings than those of the service', async () => {
    await open({ timeZone: NEW_YORK, settings });
    const refusal = { code: 'config_invalid' };
    await expect(open({ timeZone: 'Europe/Berlin', settings }, joinPostgresStore)).rejects.toMatchObject(
      refusal,
    );
    const other = { timeZone: NEW_YORK, settings: { ...settings, dryRun: false } };
    await expect(open(other, joinPostgresStore)).rejects.toMatchObject(refusal);
    await open({ timeZone: NEW_YORK, settings }, joinPostgresStore);
  });

  test('is refused where an older version has worked out what is stored', async () => {
    await open({ timeZone: NEW_YORK, settings });
    await raw.unit((unit) => unit.run("update meta set value = '1' where name = 'derived_by'"), {
      isDurable: true,
    });
    await expect(open({ timeZone: NEW_YORK, settings }, joinPostgresStore)).rejects.toMatchObject({
      code: 'store_unavailable',
    });
  });
});

test('in another time zone dates are read anew, and members are decided again', async () => {
  const late = Date.parse('2026-03-02T03:00:00Z') / 1000;
  const first = await open({ timeZone: NEW_YORK });
  const member = contactChange(contact('a', { attributes: { 'Enrolled Date': late } }));
  await first.apply(workOn([member], { decide: decideAt(NOW_AT) }));
  const enrolled = () =>
    raw.read((query) =>
      query.rows(
        `select contacts.enrolled_on as one, reported_members.enrolled_on as other, members.next_change_at as at
         from contacts, reported_members, members`,
      ),
    );
  expect(await enrolled()).toMatchObject([{ one: '2026-03-01', other: '2026-03-01' }]);
  const second = await open({ timeZone: 'UTC' });
  expect(await enrolled()).toEqual([{ one: '2026-03-02', other: '2026-03-02', at: 0 }]);
  await expect(first.nextTransitionAt()).rejects.toMatchObject({ code: 'store_unavailable' });
  expect(await second.nextTransitionAt()).toBe(0);
});

test('who changes it over waits for units that have begun', async () => {
  await open({ timeZone: NEW_YORK });
  const order: string[] = [];
  const [held, begun] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const unit = raw.unit(
    async () => {
      begun.resolve();
      await held.promise;
      order.push('unit');
    },
    { isDurable: true, first: SHARE_TABLES },
  );
  await begun.promise;
  const changed = open({ timeZone: 'UTC' }).then(() => order.push('changed'));
  await vi.waitFor(async () => {
    const waiting = "select 1 as one from pg_locks where locktype = 'advisory' and not granted";
    expect(await raw.read((query) => query.rows(waiting))).toHaveLength(1);
  });
  held.resolve();
  await Promise.all([unit, changed]);
  expect(order).toEqual(['unit', 'changed']);
});
