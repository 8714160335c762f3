import { createInterface } from 'node:readline';
import { Pool } from 'pg';
import { openCandidate } from './candidates/open-candidate.ts';
import type { HeldEvent } from './queue.ts';
import { runSixStatements } from './six-statements.ts';

/**
 * A worker in a process of its own, to be measured, frozen or killed. It prints what it does, one line each.
 *
 *     worker.ts <candidate> <database url> <concurrency> <mode>
 */
const [candidate = '', url = '', concurrency = '8', mode = 'settle'] = process.argv.slice(2);
const queue = openCandidate(candidate, url);
const pool = new Pool({ connectionString: url, max: 4 });
const say = (...words: readonly unknown[]): void => {
  process.stdout.write(`${words.join(' ')}\n`);
};

let release: () => void = () => {};
const released = new Promise<void>((resolve) => {
  release = resolve;
});

const note = (event: HeldEvent, what: string): Promise<unknown> =>
  pool.query('insert into trace (key, lane, share, worker, what) values ($1, $2, $3, $4, $5)', [
    event.key,
    event.lane,
    event.share,
    process.pid,
    what,
  ]);

const MODES: Readonly<Record<string, (event: HeldEvent) => Promise<void>>> = {
  settle: async (event) => {
    await event.settle((run) => runSixStatements(event, run));
  },
  /** Says when it begins and ends with each event. */
  trace: async (event) => {
    await note(event, 'begin');
    await new Promise((resolve) => setTimeout(resolve, 2 + Math.random() * 10));
    await note(event, 'end');
    await event.settle((run) => runSixStatements(event, run));
  },
  /** Holds its event until a line comes in, then settles it. */
  hold: async (event) => {
    say('holding', event.key, event.attempt);
    await released;
    say(await event.settle((run) => runSixStatements(event, run)), event.key);
  },
  /** Is gone in the instant in which `settle` has resolved. */
  'die after settling': async (event) => {
    say('holding', event.key, event.attempt);
    await event.settle((run) => runSixStatements(event, run));
    process.kill(process.pid, 'SIGKILL');
    await new Promise(() => {});
  },
  /** Stands still inside its transaction. */
  'freeze before the commit': async (event) => {
    say('holding', event.key, event.attempt);
    const settlement = await event.settle(async (run) => {
      await runSixStatements(event, run);
      process.kill(process.pid, 'SIGSTOP');
      await new Promise((resolve) => setTimeout(resolve, 100));
    });
    say(settlement, event.key);
  },
  /** Is gone before the commit. */
  'die before the commit': async (event) => {
    say('holding', event.key, event.attempt);
    await event.settle(async (run) => {
      await runSixStatements(event, run);
      process.kill(process.pid, 'SIGKILL');
      await new Promise(() => {});
    });
  },
};

createInterface({ input: process.stdin }).on('line', (line) => {
  if (line === 'go') release();
  if (line === 'stop') void stop();
});

const handle = MODES[mode];
if (handle === undefined) throw new Error(`no mode ${mode}`);
const stopWorking = await queue.work({
  concurrency: Number(concurrency),
  handle: (event) => handle(event).catch((error: unknown) => say('failed', String(error))),
});
say('working');

async function stop(): Promise<void> {
  await stopWorking();
  await queue.close();
  await pool.end();
  process.exit(0);
}
