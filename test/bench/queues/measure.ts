import { parseArgs } from 'node:util';
import { Client, Pool } from 'pg';
import { reportError } from './candidates/inbox-table.ts';
import { openCandidate } from './candidates/open-candidate.ts';
import { createRandom, makeEvents, storeInGroups } from './load.ts';
import { cpuMsOf, startCluster } from './postgres.ts';
import { Unsupported, type Queue } from './queue.ts';
import { createWorkTables } from './six-statements.ts';
import { startWorker } from './start-worker.ts';

/*
 * Measures the candidates in turns, several rounds, and prints medians.
 *
 *     measure.ts [--candidates a,b] [--contacts 200,2000] [--settled 0,500000] [--rounds 3] [--events 20000]
 *                [--seconds 20] [--what backlog,latency,idle,snapshot]
 *
 * backlog: all events are stored, then two processes with eight hands each work them off, for at most `--seconds`.
 * snapshot: the same while a transaction that was begun before keeps its snapshot, as a report or a backup does.
 * latency: 100 events a second come in while two processes work. idle: two processes have nothing to do for 30 s.
 */
const { values: given } = parseArgs({
  options: {
    candidates: { type: 'string', default: 'graphile-worker,pg-boss,pg-boss-fifo,pg-boss-work,inbox-table' },
    contacts: { type: 'string', default: '2000' },
    settled: { type: 'string', default: '0' },
    rounds: { type: 'string', default: '3' },
    events: { type: 'string', default: '20000' },
    seconds: { type: 'string', default: '20' },
    what: { type: 'string', default: 'backlog' },
  },
});
const numbers = (text: string): number[] => text.split(',').map(Number);

interface Situation {
  readonly what: string;
  readonly contacts: number;
  readonly settled: number;
}

type Figures = Record<string, number>;

const cluster = startCluster();
process.once('exit', () => cluster.stop());
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

const measured = new Map<string, Figures[]>();
for (let turn = 0; turn < Number(given.rounds); turn += 1)
  for (const what of given.what.split(','))
    for (const contacts of numbers(given.contacts))
      for (const settled of numbers(given.settled))
        for (const candidate of given.candidates.split(',')) {
          const name = `${what} · ${contacts} contacts · ${settled} settled | ${candidate}`;
          const figures = await measure(candidate, { what, contacts, settled });
          if (figures === null) continue;
          console.error(name, JSON.stringify(figures));
          measured.set(name, [...(measured.get(name) ?? []), figures]);
        }
for (const [name, all] of measured) {
  const keys = Object.keys(all[0] ?? {});
  console.log(
    `| ${name} | ${keys.map((key) => `${key} ${median(all.map((one) => one[key] ?? NaN))}`).join(' | ')} |`,
  );
}
process.exit(0);

async function measure(candidate: string, situation: Situation): Promise<Figures | null> {
  const url = await cluster.create('measured');
  const pool = new Pool({ connectionString: url, max: 4 });
  pool.on('error', reportError);
  const queue = openCandidate(candidate, url);
  try {
    await createWorkTables(pool, situation.contacts);
    await queue.install();
    if (situation.settled > 0) await queue.fillSettled(situation.settled);
    await pool.query('checkpoint');
    switch (situation.what) {
      case 'latency':
        return await measureLatency(candidate, url, queue, pool, situation);
      case 'idle':
        return await measureIdle(candidate, url, pool);
      default:
        return await measureBacklog(candidate, url, queue, pool, situation);
    }
  } catch (error) {
    if (error instanceof Unsupported) return null;
    throw error;
  } finally {
    await queue.close();
    await pool.end();
    await cluster.drop('measured');
  }
}

async function measureBacklog(
  candidate: string,
  url: string,
  queue: Queue,
  pool: Pool,
  { contacts, what }: Situation,
): Promise<Figures> {
  const events = makeEvents(Number(given.events), contacts, createRandom(1));
  const holder = what === 'snapshot' ? await holdSnapshot(url) : null;
  const before = await usage(pool);
  const storedPerS = await storeInGroups(queue, events, 20, 4);
  const stored = await usage(pool);
  const again = events.slice(0, 2000);
  const duplicatesPerS = await storeInGroups(queue, again, 20, 4);
  const begin = await usage(pool);
  const workers = await Promise.all([1, 2].map(() => startWorker(candidate, url, 8, 'settle')));
  // Starting two processes costs a second of processor time each.
  const startedMs = workers.reduce((sum, { pid }) => sum + cpuMsOf(pid), 0);
  const untilMs = performance.now() + Number(given.seconds) * 1000;
  while (performance.now() < untilMs && (await queue.countOpen()) > 0) await pause(250);
  const end = await usage(pool);
  const { rows } = await pool.query<{ n: number; s: number }>(
    'select count(*)::int as n, extract(epoch from max(at) - min(at))::float8 as s from done',
  );
  const { n = 0, s = 1 } = rows[0] ?? {};
  const nodeMs = workers.reduce((sum, { pid }) => sum + cpuMsOf(pid), 0) - startedMs;
  for (const worker of workers) worker.signal('SIGKILL');
  await Promise.all(workers.map(({ ended }) => ended));
  await holder?.end();
  return {
    'stored/s': Math.round(storedPerS),
    'duplicates/s': Math.round(duplicatesPerS),
    'WAL bytes to store': Math.round((stored.wal - before.wal) / events.length),
    done: n,
    'done/s': Math.round(n / s),
    'statements for one': round((end.calls - begin.calls) / n),
    'server ms to store': round((stored.cpuMs - before.cpuMs) / events.length, 3),
    'server ms for one': round((end.cpuMs - begin.cpuMs) / n, 2),
    'worker ms for one': round(nodeMs / n, 2),
    'WAL bytes for one': Math.round((end.wal - begin.wal) / n),
  };
}

async function measureLatency(
  candidate: string,
  url: string,
  queue: Queue,
  pool: Pool,
  { contacts }: Situation,
): Promise<Figures> {
  const workers = await Promise.all([1, 2].map(() => startWorker(candidate, url, 8, 'settle')));
  await pause(1000);
  const events = makeEvents(100 * 15, contacts, createRandom(2));
  const storedAtMs = new Map<string, number>();
  const storing: Promise<unknown>[] = [];
  for (const event of events) {
    storedAtMs.set(event.key, Date.now());
    storing.push(queue.storeAll([event]));
    await pause(10);
  }
  await Promise.all(storing);
  for (let tries = 0; tries < 40 && (await queue.countOpen()) > 0; tries += 1) await pause(250);
  const { rows } = await pool.query<{ key: string; ms: number }>(
    'select key, extract(epoch from at)::float8 * 1000 as ms from done',
  );
  for (const worker of workers) worker.signal('SIGKILL');
  await Promise.all(workers.map(({ ended }) => ended));
  const took = rows.map(({ key, ms }) => ms - (storedAtMs.get(key) ?? NaN)).sort((a, b) => a - b);
  const at = (share: number): number => round(took[Math.floor((took.length - 1) * share)] ?? NaN);
  return { done: rows.length, 'p50 ms': at(0.5), 'p99 ms': at(0.99) };
}

async function measureIdle(candidate: string, url: string, pool: Pool): Promise<Figures> {
  const workers = await Promise.all([1, 2].map(() => startWorker(candidate, url, 8, 'settle')));
  await pause(3000);
  const begin = await usage(pool);
  await pause(30_000);
  const end = await usage(pool);
  for (const worker of workers) worker.signal('SIGKILL');
  await Promise.all(workers.map(({ ended }) => ended));
  return {
    'statements a minute': Math.round((end.calls - begin.calls) * 2),
    'ms of the server a minute': Math.round((end.cpuMs - begin.cpuMs) * 2),
    'WAL bytes a minute': Math.round((end.wal - begin.wal) * 2),
  };
}

async function usage(pool: Pool): Promise<{ calls: number; cpuMs: number; wal: number }> {
  const { rows } = await pool.query<{ calls: number; wal: number }>(
    `select sum(calls)::float8 as calls, (pg_current_wal_insert_lsn() - '0/0')::float8 as wal
     from pg_stat_statements where dbid = (select oid from pg_database where datname = current_database())`,
  );
  return { cpuMs: cluster.cpuMs(), ...(rows[0] ?? { calls: 0, wal: 0 }) };
}

/** What a long report or `pg_dump` does to everybody: nothing that dies from now on can be cleaned up. */
async function holdSnapshot(url: string): Promise<Client> {
  const client = new Client({ connectionString: url });
  client.on('error', reportError);
  await client.connect();
  await client.query('begin isolation level repeatable read');
  await client.query('select count(*) from contacts');
  return client;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

function median(all: readonly number[]): number {
  const sorted = all.toSorted((a, b) => a - b);
  const middle = sorted.slice((sorted.length - 1) >> 1, (sorted.length >> 1) + 1);
  return round(middle.reduce((sum, one) => sum + one, 0) / middle.length, 2);
}

function round(one: number, digits = 1): number {
  return Number(one.toFixed(digits));
}
