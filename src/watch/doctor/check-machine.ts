import { accessSync, constants, existsSync, mkdtempSync, rmdirSync, statfsSync, statSync } from 'node:fs';
import { userInfo } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { isNodeTooOld, MIN_NODE } from '../../version.js';
import type { DatabaseFacts } from '../../store/ports/database-facts.js';
import { checkServer } from './check-server.js';
import { fail, ok, warn, type Finding } from './finding.js';

const GIGABYTE = 1_000_000_000;
/** Below the first it is time to look, below the second SQLite will soon have no room for its log. */
const ENOUGH_BYTES = 2 * GIGABYTE;
const MIN_BYTES = GIGABYTE / 5;

export interface MachineCheck {
  readonly databasePath: string;
  /** Where a server keeps the database, and not the file; null without one. */
  readonly databaseUrl: string | null;
  readonly databaseConnections: number;
  readonly databaseReportConnections: number;
  readonly exportDir: string;
  readonly database: DatabaseFacts;
  readonly nodeVersion: string;
  readonly freeBytes?: (directory: string) => number;
}

export function checkMachine(check: MachineCheck): readonly Finding[] {
  const { databaseUrl, exportDir } = check;
  const ofDatabase =
    databaseUrl === null
      ? checkFile(check)
      : { kept: checkServer(check.database, connectionsOf(check)), room: [] };
  return [
    checkNode(check.nodeVersion),
    ...ofDatabase.kept,
    ...checkDirectory('export directory', resolve(exportDir), 'EXPORT_DIR'),
    ...ofDatabase.room,
    ...(existsSync('.env') ? [checkPrivacy('.env', resolve('.env'))] : []),
  ];
}

/** For its work, for the reports and the exports, and the one by which it is woken. */
function connectionsOf({ databaseConnections, databaseReportConnections }: MachineCheck): number {
  return databaseConnections + 2 * databaseReportConnections + 1;
}

function checkFile({ databasePath, database, freeBytes = readFreeBytes }: MachineCheck) {
  const directory = dirname(resolve(databasePath));
  return {
    kept: [
      ...checkDirectory('database directory', directory, 'DATABASE_PATH'),
      ...checkDatabase(databasePath, database),
    ],
    room: checkFreeSpace(nearestDirectory(directory), freeBytes),
  };
}

function checkNode(version: string): Finding {
  return isNodeTooOld(version)
    ? fail('node', `${version} is too old`, `Install Node ${MIN_NODE} or newer`)
    : ok('node', version);
}

/** Tries it: rights alone don't tell of file systems that can only be read. */
function checkDirectory(check: string, directory: string, setting: string): readonly Finding[] {
  const there = nearestDirectory(directory);
  const user = userInfo().username;
  try {
    if (!statSync(there).isDirectory()) throw new Error('no directory');
    accessSync(there, constants.W_OK | constants.X_OK);
    rmdirSync(mkdtempSync(join(there, '.doctor-')));
  } catch {
    return [
      fail(
        check,
        `${user} can't write to ${there}`,
        `Set ${setting} to a directory that the service may write to, or give it this one (chown, and ReadWritePaths ` +
          'where systemd shuts it in)',
      ),
    ];
  }
  if (there !== directory) return [ok(check, `${directory} can be made`)];
  // Exports are personal data in files of their own; the database's directory may be shared, its file is not.
  const isOpen = setting === 'EXPORT_DIR' && (statSync(directory).mode & 0o077) !== 0;
  return isOpen
    ? [warn(check, `others on this machine can look into ${directory}`, `chmod 700 ${directory}`)]
    : [ok(check, `${user} can write to ${directory}`)];
}

function checkDatabase(path: string, database: DatabaseFacts): readonly Finding[] {
  switch (database.kind) {
    case 'missing':
      return [ok('database', `the first start makes ${path}`)];
    case 'unusable':
      return [
        fail(
          'database',
          `${path} can't be used: ${database.why}`,
          'Stop the service and restore the last backup (wrangler-free.md), or move the file away: the first backfill ' +
            'then fills a new one',
        ),
      ];
    case 'found':
      if (database.usedBy === 'newer') {
        return [
          fail(
            'database',
            `${path} has been used by a newer version of this program`,
            'Start that version, or restore the backup made before the upgrade',
          ),
        ];
      }
      return [checkPrivacy('database', path)];
  }
}

function checkPrivacy(check: string, path: string): Finding {
  const { mode, uid } = statSync(path);
  const others = mode & 0o077;
  if (others !== 0) return warn(check, `others on this machine can read ${path}`, `chmod 600 ${path}`);
  const me = userInfo();
  if (me.uid !== uid && me.uid !== -1) {
    return warn(
      check,
      `${path} belongs to user ${uid}, doctor is run by ${me.username}`,
      'Run doctor as the user that runs the service, so that its rights are checked and not yours',
    );
  }
  return ok(check, `${path} is readable by its owner only`);
}

function checkFreeSpace(directory: string, freeBytes: (directory: string) => number): readonly Finding[] {
  if (!existsSync(directory)) return [];
  const free = freeBytes(directory);
  const sentence = `${(free / GIGABYTE).toFixed(1)} GB free for the database`;
  const fix = 'Make room, or move the database to a larger disk (stop, copy, set DATABASE_PATH)';
  if (free < MIN_BYTES) return [fail('disk', sentence, fix)];
  return [free < ENOUGH_BYTES ? warn('disk', sentence, fix) : ok('disk', sentence)];
}

function readFreeBytes(directory: string): number {
  const { bavail, bsize } = statfsSync(directory);
  return bavail * bsize;
}

/** The directory itself, or the next one above it that exists. */
function nearestDirectory(directory: string): string {
  return existsSync(directory) || dirname(directory) === directory
    ? directory
    : nearestDirectory(dirname(directory));
}
