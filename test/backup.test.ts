import { EventEmitter, once } from 'node:events';
import { copyFileSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../src/clock.js';
import { readConfig } from '../src/config/config.js';
import { createLog } from '../src/log.js';
import { closeRandomCall } from '../src/sandbox/coaches.js';
import { populate } from '../src/sandbox/population.js';
import { createRandom } from '../src/sandbox/random.js';
import { startSandboxServer } from '../src/sandbox/serve-sandbox.js';
import type { Workspace } from '../src/sandbox/workspace.js';
import { serve, type Service } from '../src/serve.js';
import { backupDatabase } from '../src/store/sqlite/backup.js';
import { openSqliteStore } from '../src/store/sqlite/sqlite-store.js';
import type { Written } from '../src/write-back/attempt.js';
import { runCommand, spawnCommand, temporaryDirectory } from './support/command-line.js';
import { createTestWorkspace, intercomSettings } from './support/test-workspace.js';

const COVERAGE = "select value from meta where name = 'coverage_from_at'";

function query(path: string, sql: string): unknown {
  const sqlite = new Database(path, { readonly: true });
  onTestFinished(() => void sqlite.close());
  return sqlite.prepare(sql).pluck().get();
}

async function startOn(
  path: string,
  workspace: Workspace,
  apiBase: string,
  onWritten: (written: Written) => void = () => undefined,
): Promise<Service> {
  const config = readConfig({
    ...intercomSettings(workspace),
    INTERCOM_API_BASE: apiBase,
    DATABASE_PATH: path,
    PORT: '0',
  });
  const log = createLog({ level: 'info', write: () => undefined });
  const service = await serve({ config, clock: systemClock, log, onWritten });
  onTestFinished(() => service.stop());
  await service.backfilled;
  workspace.webhooks.deliverTo(`${service.url}/webhooks/intercom`);
  return service;
}

test('a backup taken under load is the database at one moment, and a service goes on from it', async () => {
  const directory = temporaryDirectory();
  const at = (name: string): string => join(directory, name);
  const workspace = createTestWorkspace();
  populate(workspace, { members: 12, seed: 5 });
  const intercom = await startSandboxServer(workspace);
  onTestFinished(() => intercom.close());
  const service = await startOn(at('engagement.db'), workspace, intercom.url);
  const random = createRandom(3);
  const backfilled = await service.store.latestRun('backfill');

  // Webhooks through the service, and at every step a commit of another process.
  const other = new Database(at('engagement.db'));
  const count = other.prepare<[], number>("select count(*) from inbox where origin = 'webhook'").pluck();
  const commit = other.prepare("update meta set value = value || ' ' where name = 'coverage_from_at'");
  const before = { webhooks: count.get(), coverage: query(at('engagement.db'), COVERAGE) };
  let steps = 0;
  let lastDone = -1;
  await backupDatabase({
    path: at('engagement.db'),
    target: at('copy.db'),
    replace: false,
    pagesPerStep: 10,
    onProgress: ({ donePages }) => {
      // Copying that begins anew with each commit never comes to its end under load.
      expect(donePages).toBeGreaterThan(lastDone);
      lastDone = donePages;
      steps += 1;
      expect(commit.run().changes).toBe(1);
      closeRandomCall(workspace, random);
    },
  });
  expect(steps).toBeGreaterThan(5);
  await workspace.webhooks.drained();
  expect(count.get()).toBeGreaterThan(before.webhooks ?? 0);
  other.close();
  await service.stop();

  expect(statSync(at('copy.db')).mode & 0o777).toBe(0o600);
  expect(readdirSync(directory).filter((name) => /^\.|^copy/.test(name))).toEqual(['copy.db']);
  expect(query(at('copy.db'), 'pragma integrity_check')).toBe('ok');
  expect(query(at('copy.db'), "select count(*) from inbox where origin = 'webhook'")).toBe(before.webhooks);
  expect(query(at('copy.db'), COVERAGE)).toBe(before.coverage);

  // The restore of wrangler-free.md: the file is put in place while no service runs.
  copyFileSync(at('copy.db'), at('restored.db'));
  const written = new EventEmitter();
  const restored = await startOn(at('restored.db'), workspace, intercom.url, ({ contactId, changes }) =>
    written.emit(contactId, changes),
  );
  expect(await restored.store.latestRun('backfill')).toEqual(backfilled);
  expect((await restored.store.freshness()).coverageFromAt).toBe(Number(before.coverage));
  const { id } = workspace.addContact({ externalId: 'M-after' });
  const call = workspace.addConversation({ contactIds: [id] });
  const arrives = once(written, id);
  workspace.closeConversation(call.id, { channel: 'Phone', serviceCode: 'Health Coaching 001' });
  await arrives;
  expect(workspace.contact(id).customAttributes).toMatchObject({ 'Last Call': expect.any(Number) });
});

describe('backup on the command line', () => {
  async function smallDatabase(): Promise<{ readonly directory: string; readonly path: string }> {
    const directory = temporaryDirectory();
    const path = join(directory, 'engagement.db');
    await openSqliteStore({ path, timeZone: 'America/New_York' }).close();
    return { directory, path };
  }

  test('makes one private file, and replaces another one only when told to', async () => {
    const { directory, path } = await smallDatabase();
    const target = join(directory, 'copy.db');
    const first = await spawnCommand(['backup', 'copy.db'], { directory, settings: { DATABASE_PATH: path } });
    expect(first).toMatchObject({ status: 0, stderr: '' });
    expect(first.stdout).toMatch(/^.*engagement\.db is backed up to copy\.db: \d+\.\d MB, checked\n$/);
    expect(statSync(target).mode & 0o777).toBe(0o600);
    expect(query(target, 'pragma journal_mode')).toBe('delete');

    writeFileSync(target, 'something of value', { mode: 0o644 });
    const again = await runCommand(['backup', target], { DATABASE_PATH: path });
    expect(again).toMatchObject({ status: 1, stdout: '' });
    expect(again.stderr).toContain('add --force');
    expect(readFileSync(target, 'utf8')).toBe('something of value');

    const forced = await runCommand(['backup', target, '--force'], { DATABASE_PATH: path });
    expect(forced).toMatchObject({ status: 0, stderr: '' });
    expect(query(target, 'pragma integrity_check')).toBe('ok');
    expect(statSync(target).mode & 0o777).toBe(0o600);
  });

  test.each<[string, (directory: string) => { readonly target: string; readonly database?: string }]>([
    [
      'there is no database at',
      (directory) => ({ target: join(directory, 'x.db'), database: join(directory, 'none.db') }),
    ],
    ['must be another file', (directory) => ({ target: join(directory, 'engagement.db') })],
    // SQLite would take these for its own at the next start, and delete them.
    ['a log of the database beside it', (directory) => ({ target: join(directory, 'engagement.db-wal') })],
    [
      'a log of the database beside it',
      (directory) => ({ target: join(directory, 'engagement.db-journal') }),
    ],
    ['a file of settings', (directory) => ({ target: join(directory, '.env') })],
    ["can't be written (ENOENT)", (directory) => ({ target: join(directory, 'no', 'directory.db') })],
    [
      'something that is no file',
      (directory) => {
        mkdirSync(join(directory, 'there'));
        return { target: join(directory, 'there') };
      },
    ],
    [
      'in use by a program',
      (directory) => {
        const target = join(directory, 'busy.db');
        const sqlite = new Database(target);
        onTestFinished(() => void sqlite.close());
        sqlite.exec('pragma journal_mode = wal; create table t (x)');
        return { target };
      },
    ],
    [
      'integrity check',
      (directory) => {
        const database = join(directory, 'engagement.db');
        const bytes = readFileSync(database);
        // The root page of some table: the header and the schema stay readable.
        bytes.fill(0x5a, 5 * 4096, 6 * 4096);
        writeFileSync(database, bytes);
        return { target: join(directory, 'x.db'), database };
      },
    ],
    [
      'is damaged',
      (directory) => {
        writeFileSync(join(directory, 'text.db'), 'no database, '.repeat(1000));
        return { target: join(directory, 'x.db'), database: join(directory, 'text.db') };
      },
    ],
  ])('says what is wrong and leaves nothing behind: %s', async (sentence, arrange) => {
    const { directory, path } = await smallDatabase();
    const { target, database } = arrange(directory);
    const before = readdirSync(directory);
    const { status, stdout, stderr } = await runCommand(['backup', target, '--force'], {
      DATABASE_PATH: database ?? path,
    });
    expect(stderr).toContain(sentence);
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    // The database's own log and index of it, which a reader leaves where it was the only one.
    const left = readdirSync(directory).filter((name) => !/^engagement\.db-(?:wal|shm)$/.test(name));
    expect(left).toEqual(before);
  });

  test('a copy that is stopped half-way leaves nothing behind', async () => {
    const { directory, path } = await smallDatabase();
    const stopping = new AbortController();
    const copying = backupDatabase({
      path,
      target: join(directory, 'x.db'),
      replace: false,
      pagesPerStep: 1,
      signal: stopping.signal,
      onProgress: () => stopping.abort(),
    });
    await expect(copying).rejects.toMatchObject({ code: 'stopped' });
    expect(readdirSync(directory).filter((name) => !name.startsWith('engagement.db'))).toEqual([]);
  });
});
