import { copyFileSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { setupServer } from 'msw/node';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { systemClock } from '../src/clock.js';
import { readConfig } from '../src/config/config.js';
import { createLog } from '../src/log.js';
import { populate } from '../src/sandbox/population.js';
import type { Workspace } from '../src/sandbox/workspace.js';
import { serve, type Service } from '../src/serve.js';
import { runCommand, temporaryDirectory, type Outcome } from './support/command-line.js';
import { createHarness } from './support/harness.js';
import { openForLooking } from './support/open-for-looking.js';
import { handlersFor } from './support/sandbox-msw.js';
import { createTestWorkspace, intercomSettings } from './support/test-workspace.js';

type Settings = Readonly<Record<string, string>>;

interface Place {
  readonly workspace: Workspace;
  readonly databasePath: string;
  readonly lines: string[];
  readonly start: (settings?: Settings) => Promise<Service>;
  readonly run: (settings: Settings, ...words: string[]) => Promise<Outcome>;
  /** Dates and decisions as they are stored, byte for byte. */
  readonly derived: () => unknown;
}

/** A service on a workspace of 12 members, and a shell beside it whose settings may be others. */
async function arrange(settings: Settings = {}): Promise<Place & { readonly service: Service }> {
  const workspace = createTestWorkspace();
  populate(workspace, { members: 12, seed: 21 });
  const server = setupServer(...handlersFor(workspace));
  server.listen({ onUnhandledRequest: 'bypass' });
  onTestFinished(() => server.close());
  const databasePath = join(temporaryDirectory(), 'engagement.db');
  const base = {
    ...intercomSettings(workspace),
    DATABASE_PATH: databasePath,
    SWEEP_EVERY_MINUTES: '0',
    RECONCILE_CRON: 'off',
    LOG_LEVEL: 'warn',
    PORT: '0',
  };
  const lines: string[] = [];
  const log = createLog({ level: 'warn', write: (line) => lines.push(line) });
  const start = async (over: Settings = {}): Promise<Service> => {
    const service = await serve({
      config: readConfig({ ...base, ...settings, ...over }),
      clock: systemClock,
      log,
    });
    onTestFinished(() => service.stop());
    await service.backfilled;
    while ((await service.store.backlog(systemClock.nowMs())).writesWaiting > 0) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    return service;
  };
  const service = await start();
  return {
    workspace,
    databasePath,
    lines,
    service,
    start,
    run: (over, ...words) => runCommand(words, { ...base, ...over }),
    derived: () => {
      const look = openForLooking(databasePath);
      const all = (sql: string): unknown => look.prepare(sql).raw().all();
      return [
        all('select id, enrolled_on, registered_on, birth_on from contacts order by id'),
        all('select contact_id, attribute, after from writes order by id'),
        all("select name, value from meta where name in ('report_time_zone', 'service_settings')"),
        all('select created_at from __drizzle_migrations'),
      ];
    },
  };
}

describe('a command beside a running service', () => {
  test.each([
    ['REPORT_TIMEZONE', { REPORT_TIMEZONE: 'Pacific/Kiritimati' }, 'Pacific/Kiritimati', 'America/New_York'],
    ['DRY_RUN', { DRY_RUN: 'true' }, 'true', 'false'],
    [
      'ELIGIBLE_PROGRAMS_BY_REFERRAL',
      { ELIGIBLE_PROGRAMS_BY_REFERRAL: '{"Counter Health":"Other"}' },
      'Other',
      'Smart Access',
    ],
  ])(
    'whose %s is another one refuses, changes nothing and says how to go on',
    async (name, over, own, its) => {
      const { run, derived, workspace } = await arrange();
      const before = derived();
      const puts = workspace.calls.matching({ method: 'PUT' }).length;
      for (const words of [
        ['reconcile'],
        ['reconcile', '--dry-run'],
        ['backfill', '--days', '10'],
        ...(name === 'REPORT_TIMEZONE'
          ? [
              ['replay', '--all'],
              ['report', 'overview'],
            ]
          : []),
      ]) {
        const outcome = await run(over, ...words);
        expect({ words, ...outcome }).toMatchObject({ words, status: 2, stdout: '' });
        expect(outcome.stderr).toContain(`${name} is `);
        for (const word of [own, its, 'start the service once']) expect(outcome.stderr).toContain(word);
      }
      expect(derived()).toEqual(before);
      expect(workspace.calls.matching({ method: 'PUT' })).toHaveLength(puts);
    },
  );

  test('with the settings of the service goes on as before', async () => {
    const { run } = await arrange({ REPORT_TIMEZONE: 'UTC' });
    expect(await run({ REPORT_TIMEZONE: 'UTC' }, 'reconcile')).toMatchObject({ status: 0, stderr: '' });
    expect(await run({ REPORT_TIMEZONE: 'UTC' }, 'replay', '--all')).toMatchObject({ status: 0 });
  });

  test('lists what is parked without opening the database for writing, in whatever zone', async () => {
    const { run, derived, service, databasePath } = await arrange();
    const before = derived();
    const listed = await run({ REPORT_TIMEZONE: 'UTC' }, 'replay', '--list');
    expect(listed).toMatchObject({ status: 0, stderr: '' });
    expect(JSON.parse(listed.stdout)).toEqual({ total: 0, items: [], nextCursor: null });
    expect(derived()).toEqual(before);
    await service.stop();
    const copy = `${databasePath}.copy`;
    copyFileSync(databasePath, copy);
    expect((await run({ DATABASE_PATH: copy }, 'replay', '--list')).stdout).toContain('"total": 0');
    for (const words of [
      ['replay', '--list'],
      ['replay', '--all'],
    ]) {
      const nowhere = { DATABASE_PATH: `${databasePath}.none` };
      const { status, stderr } = await run(nowhere, ...words);
      expect({ status, stderr }).toMatchObject({ status: 1, stderr: expect.stringContaining('no database') });
      expect(existsSync(nowhere.DATABASE_PATH)).toBe(false);
    }
  });

  test('of a newer program brings no tables up to date: only the service does', async () => {
    const { run, service, databasePath } = await arrange();
    await service.stop();
    const sqlite = new Database(databasePath);
    sqlite.exec('update __drizzle_migrations set created_at = created_at - 1');
    const count = (): unknown => sqlite.prepare('select count(*) from __drizzle_migrations').pluck().get();
    const before = count();
    for (const words of [['reconcile'], ['replay', '--all'], ['replay', '--list'], ['report', 'overview']]) {
      const { status, stderr } = await run({}, ...words);
      expect({ words, status }).toEqual({ words, status: 1 });
      expect(stderr).toContain('used by an older version of this program: start the service once');
    }
    expect(count()).toBe(before);
    sqlite.close();
  });
});

describe('a service that is started with another time zone', () => {
  test('decides every member again, the statuses and next changes too', async () => {
    const first = await createHarness({ at: '2026-11-12T03:00:00Z', timeZone: 'America/New_York' });
    first.workspace.addContact({
      externalId: 'M-1',
      customAttributes: { 'Enrolled Date': Date.UTC(2026, 9, 14) / 1000 },
    });
    await first.backfill();
    await first.settle();
    const statusOf = async (harness: typeof first) => {
      const { decision } = (await harness.store.findMember('M-1')) ?? {};
      return [decision?.status, decision?.nextChange?.at];
    };
    // The 28th day after the enrollment, until midnight in New York.
    expect(await statusOf(first)).toEqual(['Engaged', Date.UTC(2026, 10, 12, 5) / 1000]);
    await first.store.close();

    const second = await createHarness({
      at: '2026-11-12T03:00:00Z',
      timeZone: 'UTC',
      database: first.databasePath,
      listens: false,
    });
    await second.settle();
    // In UTC the 29th day began three hours ago.
    expect(await statusOf(second)).toEqual(['Unengaged', undefined]);
    expect(await second.store.nextTransitionAt()).toBeNull();
  });

  test('leaves one that still runs with the old one nothing to work on, which says so', async () => {
    const { service, start, lines } = await arrange();
    const readiness = async (): Promise<unknown> => (await fetch(`${service.url}/readyz`)).json();
    await vi.waitFor(async () => expect(await readiness()).toMatchObject({ status: 'ready' }), 60_000);
    const second = await start({ REPORT_TIMEZONE: 'UTC' });
    expect(await readiness()).toMatchObject({
      status: 'not ready',
      store: 'REPORT_TIMEZONE is America/New_York here, but the service uses this database with UTC',
    });
    await expect(service.store.setCoverage(0)).rejects.toMatchObject({ code: 'store_unavailable' });
    await expect(second.store.setCoverage(0)).resolves.toBeUndefined();
    expect(lines.filter((line) => line.includes('must not use the database any more'))).toHaveLength(1);
  });
});
