import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Clock } from '../../clock.js';
import { AppError } from '../../errors.js';
import type { RunProgress } from '../../store/ports/runs.js';
import type { Written } from '../../write-back/attempt.js';
import { startBalancer } from './balancer.js';
import type { ReplicaMessage } from './messages.js';

export interface ReplicasOptions {
  readonly count: number;
  /** Of the balancer. */
  readonly port: number;
  /** Settings of every replica; they share the database that these name. */
  readonly settings: Readonly<Record<string, string>>;
  readonly clock: Clock;
  readonly onProgress: (progress: RunProgress) => void;
  /** `who`: the number of the replica, from 1. */
  readonly onWritten: (written: Written, who: number) => void;
  readonly print: (line: string) => void;
  /** What runs as a replica; tests name the built file. */
  readonly program?: URL;
}

export interface Replicas {
  /** Of the balancer in front of them. */
  readonly url: string;
  readonly filled: Promise<void>;
  /** `kill -9`, as if its machine had gone. Resolves when it is gone. */
  readonly kill: (number: number) => Promise<void>;
  /** Resolves when it listens again. */
  readonly start: (number: number) => Promise<void>;
  /** Kills one after the other, the next one each minute, and starts it again. Resolves when `signal` aborts. */
  readonly killInTurn: (signal: AbortSignal) => Promise<void>;
  readonly stop: () => Promise<void>;
}

const KILL_EVERY_MS = 60_000;
const GONE_FOR_MS = 20_000;
const STOP_WITHIN_MS = 20_000;
const PROGRAM = new URL('replica.js', import.meta.url);

interface Replica {
  readonly number: number;
  readonly process: ChildProcess;
  url: string | null;
}

/** Several services on one database behind a balancer, each in a process of its own. */
export async function startReplicas(options: ReplicasOptions): Promise<Replicas> {
  const { count, clock, print } = options;
  const balancer = await startBalancer(options.port);
  const replicas = new Map<number, Replica>();
  const filled = Promise.withResolvers<void>();
  const useLiving = (): void => balancer.use([...replicas.values()].flatMap(({ url }) => url ?? []));

  const hear = (replica: Replica, message: ReplicaMessage): void => {
    switch (message.kind) {
      case 'listening':
        replica.url = message.url;
        useLiving();
        return;
      case 'progress':
        options.onProgress(message.progress);
        return;
      case 'written':
        options.onWritten(message.written, replica.number);
        return;
      case 'filled':
        filled.resolve();
    }
  };

  /** Resolves when it listens. */
  const start = async (number: number): Promise<void> => {
    const child = fork(options.program ?? PROGRAM, {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    const replica: Replica = { number, process: child, url: null };
    replicas.set(number, replica);
    child.send({ ...options.settings, PORT: '0' });
    child.on('message', (message: ReplicaMessage) => hear(replica, message));
    child.once('exit', () => {
      if (replicas.get(number) === replica) replicas.delete(number);
      useLiving();
    });
    const ended = once(child, 'exit').then(() => {
      throw new AppError('stopped', 'never', `replica ${number} has ended before it listened`);
    });
    while (replica.url === null) await Promise.race([once(child, 'message'), ended]);
    ended.catch(() => undefined);
  };

  const kill = async (number: number): Promise<void> => {
    const child = replicas.get(number)?.process;
    if (child === undefined) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  };

  const stopAll = async (): Promise<void> => {
    await Promise.all([...replicas.values()].map((replica) => endOf(replica, clock)));
    await balancer.close();
  };

  try {
    // The first one makes the tables; the others find them.
    for (let number = 1; number <= count; number += 1) await start(number);
  } catch (error) {
    await stopAll();
    throw error;
  }

  return {
    url: balancer.url,
    filled: filled.promise,
    kill,
    start,
    killInTurn: async (signal) => {
      for (let turn = 0; !signal.aborted; turn += 1) {
        await clock.sleep(KILL_EVERY_MS, signal);
        const number = count - (turn % count);
        if (signal.aborted) return;
        print(`-- replica ${number} is killed (kill -9); the others take its work over`);
        await kill(number);
        await clock.sleep(GONE_FOR_MS, signal);
        if (signal.aborted) return;
        await start(number);
        print(`-- replica ${number} is back`);
      }
    },
    stop: stopAll,
  };
}

async function endOf({ process: child }: Replica, clock: Clock): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  const isLate = await Promise.race([ended.then(() => false), clock.sleep(STOP_WITHIN_MS).then(() => true)]);
  if (!isLate) return;
  child.kill('SIGKILL');
  await ended;
}
