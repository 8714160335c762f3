import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { parse } from 'csv-parse/sync';
import { afterAll, describe, expect, test } from 'vitest';
import {
  runCommand,
  spawnCommand,
  temporaryDirectory,
  type CommandOptions,
  type Outcome,
} from './support/command-line.js';
import { createReportHarness } from './support/report-workspace.js';

function run(words: readonly string[], settings?: Readonly<Record<string, string>>): Promise<Outcome> {
  return runCommand(['report', ...words], settings);
}

function spawn(words: readonly string[], options?: CommandOptions): Promise<Outcome> {
  return spawnCommand(['report', ...words], options);
}

/** A database that a service has open, as on the machine where the command is typed. */
async function filledDatabase(): Promise<{ readonly directory: string; readonly path: string }> {
  const directory = temporaryDirectory();
  const path = join(directory, 'engagement.db');
  await createReportHarness({ database: path });
  return { directory, path };
}

const kept = mkdtempSync(join(tmpdir(), 'engagement-cli-'));
const original = join(kept, 'engagement.db');
afterAll(() => rmSync(kept, { recursive: true, force: true }));

/** The same as a file that nothing has open; it is filled once, and copied for each test. */
async function databaseAtRest(): Promise<{ readonly directory: string; readonly path: string }> {
  if (!existsSync(original)) {
    const filled = await filledDatabase();
    const sqlite = new Database(filled.path, { readonly: true });
    sqlite.prepare('vacuum into ?').run(original);
    sqlite.close();
  }
  const directory = temporaryDirectory();
  const path = join(directory, 'engagement.db');
  copyFileSync(original, path);
  return { directory, path };
}

describe('report on the command line', { timeout: 30_000 }, () => {
  test('answers beside a running service, as JSON and as CSV, and needs nothing of Intercom', async () => {
    const { directory, path } = await filledDatabase();
    const settings = { DATABASE_PATH: path };
    const before = readdirSync(directory);

    const json = await spawn(['engagement', '--format', 'json', '--employer', 'BETA', '--limit', '1'], {
      settings,
    });
    expect(json).toMatchObject({ status: 0, stderr: '' });
    expect(JSON.parse(json.stdout)).toMatchObject({
      timeZone: 'America/New_York',
      asOf: { sweptAt: expect.any(Number) },
      total: 2,
      rows: [{ employee_id: 'M-3' }],
      nextCursor: expect.any(String),
    });

    const csv = await run(
      ['engagement', '--employer', 'beta', '--employer', 'Acme', '--csv', '--bom'],
      settings,
    );
    expect(csv).toMatchObject({ status: 0, stderr: '' });
    expect(csv.stdout.startsWith('\uFEFFemployee_id,')).toBe(true);
    expect(parse(csv.stdout, { bom: true })).toHaveLength(7);

    const out = join(directory, 'members.csv');
    writeFileSync(out, 'what was there before', { mode: 0o644 });
    const file = await run(['engagement', '--out', out], settings);
    expect(file).toEqual({ status: 0, stdout: '', stderr: '' });
    expect(parse(readFileSync(out))).toHaveLength(8);
    expect(statSync(out).mode & 0o777).toBe(0o600);

    const exported = await spawn(['engagement', '--output-path', '2026/all.csv'], { settings, directory });
    expect(JSON.parse(exported.stdout)).toMatchObject({ outputPath: '2026/all.csv', total: 7 });
    expect(existsSync(join(directory, 'exports', '2026', 'all.csv'))).toBe(true);
    expect(readdirSync(directory)).toEqual(
      [...before, 'exports', 'members.csv'].toSorted((one, other) => (one < other ? -1 : 1)),
    );
  });

  test('a reader that has read enough ends it without a complaint', async () => {
    const { path } = await databaseAtRest();
    const outcome = await spawn(['caseload', '--view', 'sessions'], {
      settings: { DATABASE_PATH: path },
      readsOnlyTheBeginning: true,
    });
    expect(outcome).toMatchObject({ status: 0, stderr: '' });
  });

  test.each([
    [['caseload', '--lookback-days', '400'], '--lookback-days must be a whole number from 1 to 365'],
    [['caseload', '--lookback-days', '7', '--lookback-days', '8'], '--lookback-days may be given only once'],
    [['sessions', '--from', '2026-02-30', '--limit', 'x'], '--limit must be a whole number from 1 to 5000'],
    [['billing', '--month', '9999-01'], '--month must be a month written YYYY-MM'],
    [['upcoming', '--cursor', 'x'], 'cursor'],
    [['engagement', '--output-path', '../x.csv'], '--output-path must not leave EXPORT_DIR'],
  ])('%j is wrong use: %s', async (words, sentence) => {
    const { path } = await databaseAtRest();
    const { status, stdout, stderr } = await run(words, { DATABASE_PATH: path });
    expect(stderr).toContain(sentence);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
  });

  test.each([
    [['caseload', '--lookbackDays', '7'], "unknown option '--lookbackDays'"],
    [['caseload', '--month', '2026-09'], "unknown option '--month'"],
    [['caseload', 'now'], 'too many arguments'],
    [['caselaod'], "unknown command 'caselaod'"],
    [[], 'Usage: intercom-engagement report'],
    [['billing', '--month'], 'argument missing'],
  ])('%j is not understood: %s', async (words, sentence) => {
    const { status, stderr } = await run(words);
    expect(stderr).toContain(sentence);
    expect(status).toBe(2);
  });

  test('--help names every option of a report', async () => {
    const { status, stdout } = await run(['new-participants', '--help']);
    expect(status).toBe(0);
    for (const option of ['--enrolled-from <value>', '--coach <value>', '--bom', '--csv', '--out <file>']) {
      expect(stdout).toContain(option);
    }
  });

  test('without a database it says so, and makes none', async () => {
    const directory = temporaryDirectory();
    const { status, stderr } = await spawn(['overview'], { directory });
    expect(stderr).toContain('there is no database at ./data/engagement.db');
    expect(status).toBe(1);
    expect(readdirSync(directory)).toEqual([]);
  });

  test.each([
    ['REPORT_TIMEZONE', (path: string) => ({ DATABASE_PATH: path, REPORT_TIMEZONE: 'Asia/Tokyo' }), 2],
    [
      'start the service once',
      (path: string) => {
        changeDatabase(path, "update meta set value = '1' where name = 'derived_by'");
        return { DATABASE_PATH: path };
      },
      1,
    ],
    [
      'newer version',
      (path: string) => {
        changeDatabase(path, 'update __drizzle_migrations set created_at = created_at + 1e12');
        return { DATABASE_PATH: path };
      },
      1,
    ],
    [
      'is damaged',
      (path: string) => {
        writeFileSync(`${path}.txt`, 'no database, '.repeat(1000));
        return { DATABASE_PATH: `${path}.txt` };
      },
      1,
    ],
  ])('a database that does not fit is not guessed at: %s', async (reason, settingsFor, expected) => {
    const { path } = await databaseAtRest();
    const { status, stdout, stderr } = await run(['overview'], settingsFor(path));
    expect(stderr).toContain(reason);
    expect({ status, stdout }).toEqual({ status: expected, stdout: '' });
  });

  test.each([
    'engagement.db',
    'engagement.db-wal',
    'engagement.db-journal',
    'current.db',
    '.env',
    '.env.local',
  ])('--out %s is refused: it would cost the database or the settings', async (name) => {
    const { path, directory } = await databaseAtRest();
    symlinkSync(path, join(directory, 'current.db'));
    writeFileSync(join(directory, '.env'), 'API_TOKENS=\n');
    const before = readFileSync(path);
    const { status, stderr } = await run(['engagement', '--out', join(directory, name)], {
      DATABASE_PATH: path,
    });
    expect({ status, stderr }).toEqual({ status: 1, stderr: expect.stringContaining('choose another') });
    expect(readFileSync(path).equals(before), 'the database is as it was').toBe(true);
    expect(readFileSync(join(directory, '.env'), 'utf8')).toBe('API_TOKENS=\n');
  });

  test('--output-path into the directory of the database is refused with the setting', async () => {
    const { path, directory } = await databaseAtRest();
    const settings = { DATABASE_PATH: path, EXPORT_DIR: directory };
    const { status, stderr } = await run(['engagement', '--output-path', 'engagement.db'], settings);
    expect({ status, stderr }).toEqual({
      status: 2,
      stderr: expect.stringContaining('EXPORT_DIR must not be'),
    });
  });

  test('a file that cannot be written is a failure', async () => {
    const { path, directory } = await databaseAtRest();
    const { status, stderr } = await run(['engagement', '--out', join(directory, 'no', 'directory.csv')], {
      DATABASE_PATH: path,
    });
    expect(stderr).toContain("the file can't be written (ENOENT)");
    expect(status).toBe(1);
  });
});

function changeDatabase(path: string, sql: string): void {
  const sqlite = new Database(path);
  sqlite.exec(sql);
  sqlite.close();
}
