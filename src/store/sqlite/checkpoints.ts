import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import type Database from 'better-sqlite3';
import { sqliteCode } from './store-errors.js';

/** Moves what is in the write-ahead log into the database file. Each time forces the log and then the file. */
export interface Checkpoints {
  /** From now on SQLite itself leaves it to {@link afterCommit}. */
  readonly takeOver: () => void;
  readonly afterCommit: () => void;
  /** False when a reader, a writer or the disk prevents it; `later` while the thread beside is at it. */
  readonly empty: () => boolean | 'later';
  /** @throws the database's error, or when not all of it could be moved. */
  readonly full: () => void;
  readonly forcedWrites: () => number;
  /** Called each time the thread beside has ended a checkpoint. */
  readonly onDone: (listener: () => void) => void;
  /** Ends the thread beside; what it has begun first. */
  readonly close: () => Promise<void>;
}

/** 64 MB: what is written again and again meanwhile is copied once. */
const PAGES = 16_000;
/**
 * The log begins anew only after a checkpoint at which nobody writes, which is one on our own thread. What the thread
 * beside has left to it is little, and it comes seldom: it forces the disk while webhooks wait.
 */
const PAGES_LEFT = 1000;
/** Where the thread beside never catches up: then whoever writes has to wait. */
const MAX_PAGES = 64_000;
/** Where a reader holds on to an old state, before it is tried again. */
const PAGES_BETWEEN_TRIES = 250;

export function createCheckpoints(sqlite: Database.Database): Checkpoints {
  let forcedWrites = 0;
  let isOurs = false;
  let triedAtPages = 0;
  const beside = createThread(sqlite.name);
  // Looks only.
  const look = sqlite.prepare<[], { log: number; checkpointed: number }>('pragma wal_checkpoint(NOOP)');
  const run = (mode: 'PASSIVE' | 'FULL' | 'TRUNCATE'): boolean => {
    forcedWrites += 2;
    return sqlite.pragma(`wal_checkpoint(${mode})`, { simple: true }) === 0;
  };
  const runHere = (): void => {
    try {
      run('PASSIVE');
    } catch (error) {
      // What is in the log is committed, and readable from there.
      if (sqliteCode(error) === null) throw error;
    }
  };

  return {
    takeOver: () => {
      isOurs = true;
      // Where commits go on without transactions of ours SQLite still sees to it, later.
      sqlite.pragma(`wal_autocheckpoint = ${PAGES * 2}`);
    },
    afterCommit: () => {
      if (!isOurs || beside.isBusy()) return;
      const { log = 0, checkpointed = 0 } = look.get() ?? {};
      if (log < triedAtPages) triedAtPages = 0;
      if (log < triedAtPages + PAGES_BETWEEN_TRIES) return;
      const left = log - checkpointed;
      if (log < PAGES) return;
      const isToFinish = left < PAGES_LEFT || log >= MAX_PAGES;
      triedAtPages = log;
      if (isToFinish) return runHere();
      forcedWrites += 2;
      beside.run();
    },
    empty: () => {
      if (beside.isBusy()) return 'later';
      try {
        return run('TRUNCATE');
      } catch (error) {
        // A full disk or another checkpoint is no failure of the work that came before.
        if (sqliteCode(error) === null) throw error;
        return false;
      }
    },
    full: () => {
      if (!run('FULL')) throw new Error('the write-ahead log could not be moved into the database file');
    },
    forcedWrites: () => forcedWrites,
    onDone: beside.onDone,
    close: beside.close,
  };
}

const PROGRAM = new URL(`checkpoint-thread${extname(import.meta.url)}`, import.meta.url);

/**
 * A thread with a connection of its own, begun by the first checkpoint: copying the pages and forcing them takes the disk
 * long, and nobody who writes has to wait for it.
 */
function createThread(path: string) {
  const listeners = new Set<() => void>();
  let worker: Worker | null = null;
  let done: (() => void) | null = null;
  let running: Promise<void> | null = null;

  const end = (): void => {
    worker?.unref();
    done?.();
    done = null;
    running = null;
    for (const listener of listeners) listener();
  };
  const start = (): Worker => {
    const started = new Worker(PROGRAM, { workerData: path, execArgv: [] });
    started.on('message', end);
    // Without it the log grows until it is finished on our own thread.
    started.on('error', () => undefined);
    started.once('exit', () => {
      worker = null;
      if (running !== null) end();
    });
    return started;
  };
  return {
    isBusy: () => running !== null,
    run: () => {
      running = new Promise((resolve) => {
        done = resolve;
      });
      worker ??= start();
      worker.ref();
      worker.postMessage('checkpoint', []);
    },
    onDone: (listener: () => void) => {
      listeners.add(listener);
    },
    close: async () => {
      await running;
      await worker?.terminate();
    },
  };
}
