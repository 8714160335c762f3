import Database from 'better-sqlite3';
import { copyToPostgres } from '../../src/store/copy/copy-to-postgres.js';
import { createDatabase, findPostgres, SERVER_URL } from '../support/postgres-server.js';
import { openBenchApp, openPostgresBenchApp, type BenchApp } from './bench-app.js';
import { askedOfEngines } from './engine-questions.js';
import type { DataSize } from './reports-data.js';
import { p50, p99, timeInTurns, type Times } from './timing.js';

export const ENGINES = ['sqlite', 'postgres', 'both'] as const;
export type Engine = (typeof ENGINES)[number];

/** How many times as long as SQLite Postgres may take, at the median. */
const MAX_RATIO = 3;

export interface EngineBench {
  /** The database file. */
  readonly path: string;
  readonly size: DataSize;
  readonly engine: Exclude<Engine, 'sqlite'>;
  readonly rounds: number;
}

/**
 * Every report, every common filter and every page through the app, on Postgres alone or on both engines in turns. The
 * server is the one of `DATABASE_URL`, or one that is started with its own settings and removed at the end.
 */
export async function benchEngines({ path, size, engine, rounds }: EngineBench): Promise<void> {
  const server = await findPostgres();
  process.env[SERVER_URL] = server.url;
  try {
    const database = await createDatabase();
    try {
      console.log(`reports on ${engine}: ${size.members} members, ${size.conversations} conversations`);
      await copyToPostgres({ path, url: database.url });
      const postgres = await openPostgresBenchApp(database.url);
      const sqlite = engine === 'both' ? openBenchApp(path) : null;
      try {
        await compare(path, sqlite, postgres, rounds);
      } finally {
        await sqlite?.close();
        await postgres.close();
      }
    } finally {
      await database.drop();
    }
  } finally {
    await server.stop();
  }
}

async function compare(
  path: string,
  sqlite: BenchApp | null,
  postgres: BenchApp,
  rounds: number,
): Promise<void> {
  const beyond: string[] = [];
  const asked = askedOfEngines(oneMember(path));
  for (const [what, address] of asked) {
    const apps = sqlite === null ? [postgres] : [postgres, sqlite];
    const [onPostgres = [], onSqlite] = await timeInTurns(
      apps.map((app) => () => app.get(address)),
      rounds,
    );
    console.log(`  ${what.padEnd(44)} ${describe(onPostgres, onSqlite)}`);
    if (onSqlite !== undefined && ratio(onPostgres, onSqlite) > MAX_RATIO) beyond.push(what);
  }
  if (sqlite === null) return;
  console.log(
    beyond.length === 0
      ? `  all ${asked.length} took Postgres at most ${MAX_RATIO} times as long as SQLite`
      : `  ${beyond.length} of ${asked.length} took Postgres longer: ${beyond.join('; ')}`,
  );
}

function describe(onPostgres: Times, onSqlite: Times | undefined): string {
  const ours = `Postgres p50 ${ms(p50(onPostgres))}  p99 ${ms(p99(onPostgres))}`;
  if (onSqlite === undefined) return ours;
  return (
    `SQLite p50 ${ms(p50(onSqlite))}  p99 ${ms(p99(onSqlite))}   ${ours}` +
    `   ratio ${ratio(onPostgres, onSqlite).toFixed(2)} (target at most ${MAX_RATIO})`
  );
}

function ratio(onPostgres: Times, onSqlite: Times): number {
  return p50(onPostgres) / p50(onSqlite);
}

function ms(value: number): string {
  return `${value.toFixed(1).padStart(6)} ms`;
}

/** The contact id of a member with sessions. */
function oneMember(path: string): string {
  const sqlite = new Database(path, { readonly: true });
  const id = sqlite
    .prepare<[], string>('select contact_id from reported_members where last_session_at is not null limit 1')
    .pluck()
    .get();
  sqlite.close();
  if (id === undefined) throw new Error('a database without sessions');
  return id;
}
