import { execFileSync } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { startPostgres } from '../../src/cli/replicas/start-postgres.js';

/** A server that tests may make databases on. */
export interface PostgresServer {
  /** Of a database that is there, such as `postgres`. */
  readonly url: string;
  readonly stop: () => Promise<void>;
}

/**
 * Finds a server: the one that `DATABASE_URL` names, whose user must be allowed to create databases; else one that is
 * started in a temporary directory, from Debian's binaries, from those on the PATH, or from the optional package.
 */
export async function findPostgres(): Promise<PostgresServer> {
  const given = process.env['DATABASE_URL'];
  if (given !== undefined && given !== '') return { url: given, stop: async () => undefined };
  const binaries = findBinaries();
  if (binaries !== null) return startFromBinaries(binaries);
  const file = new URL('../../src/cli/replicas/postgres-process.ts', import.meta.url);
  return startPostgres({ file, execArgv: ['--import', 'tsx'] });
}

/** Of the server that the tests use: processes that a test starts are told by their environment. */
export const SERVER_URL = 'TEST_POSTGRES_URL';

/** A new database of its own for each test file, or for each test: empty, or a copy of `template`. */
export async function createDatabase(
  template = 'template0',
): Promise<{ readonly url: string; readonly drop: () => Promise<void> }> {
  const serverUrl = process.env[SERVER_URL];
  if (serverUrl === undefined) throw new Error('no server was started: see test/postgres/start-server.ts');
  made += 1;
  const name = `test_${process.pid}_${made}_${Math.random().toString(36).slice(2, 8)}`;
  await runOnce(serverUrl, `create database ${name} encoding 'UTF8' template ${template}`);
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return {
    // URL writes what has no host with three slashes, which means the same.
    url: url.href,
    drop: () => runOnce(serverUrl, `drop database if exists ${name} with (force)`),
  };
}

let made = 0;

async function runOnce(url: string, statement: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

function findBinaries(): string | null {
  const debian = '/usr/lib/postgresql';
  const versions = existsSync(debian)
    ? readdirSync(debian).sort((one, other) => Number(other) - Number(one))
    : [];
  const places = [
    ...versions.map((version) => join(debian, version, 'bin')),
    ...(process.env['PATH'] ?? '').split(':'),
  ];
  return places.find((place) => ['initdb', 'pg_ctl'].every((file) => existsSync(join(place, file)))) ?? null;
}

/** Listens on a socket in its own directory alone: no port is taken. */
function startFromBinaries(binaries: string): PostgresServer {
  const directory = mkdtempSync(join(tmpdir(), 'postgres-'));
  // Postgres refuses to run as root.
  const other = process.getuid?.() === 0 ? unprivilegedUser() : null;
  if (other !== null) chownSync(directory, other.uid, other.gid);
  const run = (program: string, words: readonly string[]): void => {
    const command = [join(binaries, program), ...words];
    const [file = '', ...rest] =
      other === null
        ? command
        : ['setpriv', `--reuid=${other.uid}`, `--regid=${other.gid}`, '--clear-groups', ...command];
    execFileSync(file, rest, { stdio: ['ignore', 'ignore', 'inherit'], cwd: directory });
  };
  const data = join(directory, 'data');
  run('initdb', ['-D', data, '-U', 'test', '-A', 'trust', '--locale=C', '-E', 'UTF8', '--no-sync']);
  // What tests write need not outlive the machine.
  const settings = `-c listen_addresses='' -c fsync=off -c full_page_writes=off -k ${directory}`;
  run('pg_ctl', ['-D', data, '-w', '-l', join(directory, 'log'), '-o', settings, 'start']);
  return {
    url: `postgres://test@localhost/postgres?host=${encodeURIComponent(directory)}`,
    stop: async () => {
      run('pg_ctl', ['-D', data, '-m', 'immediate', 'stop']);
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

function unprivilegedUser(): { readonly uid: number; readonly gid: number } {
  const idOf = (user: string, flag: string): number =>
    Number(execFileSync('id', [flag, user], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }));
  for (const user of ['postgres', 'nobody']) {
    try {
      return { uid: idOf(user, '-u'), gid: idOf(user, '-g') };
    } catch {
      // Not on this machine.
    }
  }
  throw new Error('Postgres does not run as root, and there is no user "postgres" or "nobody" to run it as.');
}
