import { tmpdir } from 'node:os';
import { execFileSync } from 'node:child_process';
import { chownSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';

const BIN = process.env['PG_BIN'] ?? '/usr/lib/postgresql/15/bin';
const PORT = Number(process.env['BENCH_PG_PORT'] ?? 54_397);

/** As a small server would be set up: everything that a 200 stands for is on disk, statements are counted. */
const SETTINGS = [
  "listen_addresses = ''",
  `port = ${PORT}`,
  'max_connections = 100',
  'shared_buffers = 512MB',
  'max_wal_size = 8GB',
  'checkpoint_timeout = 30min',
  'fsync = on',
  'synchronous_commit = on',
  'full_page_writes = on',
  'autovacuum_naptime = 5s',
  "shared_preload_libraries = 'pg_stat_statements'",
  'pg_stat_statements.track_utility = on',
];

export interface Cluster {
  readonly dir: string;
  /** A new, empty database. */
  readonly create: (name: string) => Promise<string>;
  readonly drop: (name: string) => Promise<void>;
  /** Processor time of all server processes so far, those that have ended included. */
  readonly cpuMs: () => number;
  /** Ends every server process at once and starts again, as after a crash. */
  readonly crash: () => void;
  readonly stop: () => void;
}

/** A cluster of its own among temporary files, on a Unix socket. Postgres refuses to run as root, so then it runs as `postgres`. */
export function startCluster(): Cluster {
  const dir = mkdtempSync(join(tmpdir(), 'queue-bench-'));
  const asOther = process.getuid?.() === 0;
  if (asOther) {
    const id = (flag: string) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
    chownSync(dir, id('-u'), id('-g'));
  }
  const run = (program: string, words: readonly string[]) => {
    const command = [join(BIN, program), ...words];
    const [file = '', ...rest] = asOther
      ? ['setpriv', '--reuid=postgres', '--regid=postgres', '--clear-groups', ...command]
      : command;
    execFileSync(file, rest, { stdio: ['ignore', 'ignore', 'inherit'], cwd: '/tmp' });
  };
  const data = join(dir, 'data');
  run('initdb', ['-D', data, '-U', 'bench', '-A', 'trust', '--locale=C.UTF-8', '-E', 'UTF8', '--no-sync']);
  const options = SETTINGS.map((one) => {
    const [name = '', ...value] = one.split(' = ');
    return `-c ${name}=${value.join(' = ').replaceAll(' ', '\\ ') || "''"}`;
  });
  const start = () => {
    run('pg_ctl', [
      '-D',
      data,
      '-w',
      '-l',
      join(dir, 'log'),
      '-o',
      [...options, `-k ${dir}`].join(' '),
      'start',
    ]);
  };
  start();
  const url = (name: string) => `postgres://bench@/${name}?host=${dir}&port=${PORT}`;
  return {
    dir,
    create: async (name) => {
      await once(url('postgres'), `drop database if exists ${name} with (force)`);
      await once(url('postgres'), `create database ${name}`);
      await once(url(name), 'create extension pg_stat_statements');
      return url(name);
    },
    drop: (name) => once(url('postgres'), `drop database if exists ${name} with (force)`),
    cpuMs: () => {
      const postmaster = readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n')[0] ?? '';
      const children = readFileSync(`/proc/${postmaster}/task/${postmaster}/children`, 'utf8')
        .trim()
        .split(' ');
      return children.reduce((sum, pid) => sum + cpuMsOf(pid), 0) + cpuMsOf(postmaster);
    },
    crash: () => {
      run('pg_ctl', ['-D', data, '-m', 'immediate', 'stop']);
      start();
    },
    stop: () => {
      run('pg_ctl', ['-D', data, '-m', 'immediate', 'stop']);
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** Its own and that of its ended children: fields 14 to 17 of `/proc/<pid>/stat`, in hundredths of a second. */
export function cpuMsOf(pid: number | string): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks) * 10, 0);
  } catch {
    return 0;
  }
}

async function once(url: string, statement: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  await client.query(statement);
  await client.end();
}
