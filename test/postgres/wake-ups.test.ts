import { Client } from 'pg';
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import type { WorkKind } from '../../src/store/ports/store.js';
import { createWakeUps, type WakeUps } from '../../src/store/postgres/wake-ups.js';
import { createDatabase } from '../support/postgres-server.js';

let url: string;
let drop: () => Promise<void>;
/** Ends the pauses that are going on. */
let pass: () => void;
let pauses: number[];

beforeEach(async () => {
  ({ url, drop } = await createDatabase());
  let waiting: (() => void)[] = [];
  pauses = [];
  pass = () => {
    const ended = waiting;
    waiting = [];
    for (const end of ended) end();
  };
  clock.sleep = (delayMs, signal) =>
    new Promise((resolve) => {
      pauses.push(delayMs);
      waiting.push(resolve);
      signal?.addEventListener('abort', () => resolve());
    });
});
afterEach(() => drop());

const clock: { sleep: (delayMs: number, signal?: AbortSignal) => Promise<void> } = {
  sleep: async () => undefined,
};

async function open(
  warn = vi.fn<() => void>(),
): Promise<{ wakeUps: WakeUps; heard: WorkKind[]; warn: () => void }> {
  const heard: WorkKind[] = [];
  const onHeard = (kind: WorkKind): void => void heard.push(kind);
  const wakeUps = createWakeUps({
    url,
    onHeard,
    clock: { sleep: (...given) => clock.sleep(...given) },
    log: { warn },
  });
  onTestFinished(() => wakeUps.close());
  await wakeUps.started;
  return { wakeUps, heard, warn };
}

async function ask(statement: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  await client.query(statement);
  await client.end();
}

test('what one process tells the others hear, and not itself', async () => {
  const [one, other, third] = [await open(), await open(), await open()];
  one.wakeUps.tell('inbox');
  await vi.waitFor(() => expect([other.heard, third.heard]).toEqual([['inbox'], ['inbox']]));
  other.wakeUps.tell('erasure');
  await vi.waitFor(() => expect([one.heard, third.heard]).toEqual([['erasure'], ['inbox', 'erasure']]));
  expect(other.heard).toEqual(['inbox']);
});

test('what is told in a pause is told at its end, each kind once', async () => {
  const [one, other] = [await open(), await open()];
  one.wakeUps.tell('inbox');
  await vi.waitFor(() => expect(pauses).toEqual([20]));
  for (const kind of ['inbox', 'writes', 'inbox', 'writes'] as const) one.wakeUps.tell(kind);
  expect(other.heard).toEqual(['inbox']);
  pass();
  await vi.waitFor(() => expect(other.heard).toEqual(['inbox', 'inbox', 'writes']));
});

test('a connection that is lost is made again: what it may have missed wakes everybody, what was to be told is', async () => {
  const [one, other] = [await open(), await open()];
  await ask(`select pg_terminate_backend(pid) from pg_stat_activity
    where application_name like '%wake-ups' and datname = current_database()`);
  await vi.waitFor(() => expect(pauses).toEqual([100, 100]));
  one.wakeUps.tell('inbox');
  pass();
  await vi.waitFor(() => {
    expect(one.heard).toEqual(['inbox', 'writes', 'transitions', 'erasure']);
    expect(other.heard.length).toBeGreaterThanOrEqual(4);
  });
  expect(one.warn).toHaveBeenCalledTimes(1);
});

test('a server that is not there is asked again after growing pauses, and is said once', async () => {
  const there = url;
  url = 'postgres://nobody@127.0.0.1:1/nothing';
  const { warn } = await open();
  for (let times = 1; times < 9; times += 1) {
    await vi.waitFor(() => expect(pauses).toHaveLength(times));
    pass();
  }
  await vi.waitFor(() => expect(pauses).toEqual([100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]));
  expect(warn).toHaveBeenCalledTimes(1);
  url = there;
});

test('what others send on the channel is no kind of work', async () => {
  const { heard } = await open();
  await ask(`select pg_notify('intercom_engagement_work', text) from (values
    (''), ('x'), ('x:'), ('x:nothing,__proto__'), ('x:writes,nothing')) as given (text)`);
  await vi.waitFor(() => expect(heard).toEqual(['writes']));
});
