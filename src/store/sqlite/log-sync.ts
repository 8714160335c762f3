import { closeSync, fdatasync, fdatasyncSync, openSync } from 'node:fs';
import { promisify } from 'node:util';
import { AppError } from '../../errors.js';

const forceFile = promisify(fdatasync);

/**
 * Forces what has been committed to disk, beside the thread: SQLite itself (`synchronous = FULL`) would hold the thread
 * up until the disk has answered. What it does is the same: one fdatasync of the write-ahead log behind the commit.
 */
export interface LogSync {
  /** There is something that {@link toDisk} has to take along. */
  readonly noteCommit: () => void;
  /** Resolves when everything committed so far survives a power cut; rejects when the disk refuses. */
  readonly toDisk: () => Promise<void>;
  /** Resolves when nothing is under way any more. */
  readonly idle: () => Promise<void>;
  /** How often the disk was made to write. */
  readonly count: () => number;
}

interface Waiting {
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * One forced write at a time: who comes while it is under way shares the next one, so that the group grows with the
 * load by itself.
 * @param rescue after a failed one, because the system reports a lost page only once: copies what the log says into the
 * database file and forces that.
 */
export function createLogSync(force: () => Promise<void>, rescue: () => void): LogSync {
  let committed = 0;
  let onDisk = 0;
  let count = 0;
  let running: Promise<void> | null = null;
  let hasFailed = false;
  let waiting: Waiting[] = [];

  const forceOnce = async (): Promise<void> => {
    count += 1;
    if (!hasFailed) return force();
    rescue();
    hasFailed = false;
  };

  const run = async (): Promise<void> => {
    while (waiting.length > 0) {
      const upTo = committed;
      const own = waiting;
      waiting = [];
      try {
        await forceOnce();
        onDisk = upTo;
        for (const { resolve } of own) resolve();
      } catch (error) {
        hasFailed = true;
        for (const { reject } of own) reject(error);
      }
    }
    running = null;
  };

  return {
    noteCommit: () => {
      committed += 1;
    },
    toDisk: () => {
      if (onDisk >= committed && !hasFailed) return Promise.resolve();
      return new Promise((resolve, reject) => {
        waiting.push({ resolve, reject });
        running ??= run();
      });
    },
    idle: async () => {
      await running;
    },
    count: () => count,
  };
}

/** The log as a file of its own, because SQLite's handle is out of reach. It stays the same file until SQLite is closed. */
export interface LogFile {
  readonly force: () => Promise<void>;
  /** Holds the thread up. */
  readonly forceNow: () => void;
  readonly close: () => void;
}

export function openLogFile(path: string): LogFile {
  let handle: number | null = null;
  // Windows forces only what is open for writing.
  const open = (): number => (handle ??= openSync(path, 'r+'));
  return {
    force: async () => {
      try {
        await forceFile(open());
      } catch (error) {
        throw refusedBy(error);
      }
    },
    forceNow: () => {
      try {
        fdatasyncSync(open());
      } catch (error) {
        throw refusedBy(error);
      }
    },
    // The locks of SQLite are on other files: closing this one ends none of them.
    close: () => {
      if (handle !== null) closeSync(handle);
      handle = null;
    },
  };
}

function refusedBy(cause: unknown): AppError {
  return new AppError('store_unavailable', 'later', 'what was committed could not be forced to disk', {
    cause,
  });
}
