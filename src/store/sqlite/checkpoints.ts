import type Database from 'better-sqlite3';
import { sqliteCode } from './store-errors.js';

/** Moves what is in the write-ahead log into the database file. Each time forces the log and then the file. */
export interface Checkpoints {
  /** From now on SQLite itself leaves it to {@link afterCommit}. */
  readonly takeOver: () => void;
  readonly afterCommit: () => void;
  /** False when a reader, a writer or the disk prevents it. */
  readonly empty: () => boolean;
  /** @throws the database's error, or when not all of it could be moved. */
  readonly full: () => void;
  readonly forcedWrites: () => number;
}

/**
 * 4 MB between checkpoints. The commit that crosses the mark pays for copying the pages: with 16 MB storing 64 webhooks at
 * once took 76 to 96 ms at the 99th percentile instead of 10 to 32, and no fewer of them per second.
 */
const PAGES = 1000;
/** Where a reader holds on to an old state, before it is tried again. */
const PAGES_BETWEEN_TRIES = 250;

export function createCheckpoints(sqlite: Database.Database): Checkpoints {
  let forcedWrites = 0;
  let isOurs = false;
  let triedAtPages = 0;
  // Looks only.
  const look = sqlite.prepare<[], { log: number; checkpointed: number }>('pragma wal_checkpoint(NOOP)');
  const run = (mode: 'PASSIVE' | 'FULL' | 'TRUNCATE'): boolean => {
    forcedWrites += 2;
    return sqlite.pragma(`wal_checkpoint(${mode})`, { simple: true }) === 0;
  };

  return {
    takeOver: () => {
      isOurs = true;
      // Where commits go on without transactions of ours SQLite still sees to it, later.
      sqlite.pragma(`wal_autocheckpoint = ${PAGES * 4}`);
    },
    afterCommit: () => {
      if (!isOurs) return;
      const { log = 0 } = look.get() ?? {};
      if (log < triedAtPages) triedAtPages = 0;
      if (log < Math.max(PAGES, triedAtPages + PAGES_BETWEEN_TRIES)) return;
      triedAtPages = log;
      try {
        run('PASSIVE');
      } catch (error) {
        // What is in the log is committed, and readable from there.
        if (sqliteCode(error) === null) throw error;
      }
    },
    empty: () => {
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
  };
}
