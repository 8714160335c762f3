import { chmodSync, closeSync, existsSync, mkdirSync, openSync, realpathSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import Database from 'better-sqlite3';
import { drizzle, type BetterSQLite3Database } from 'drizzle-orm/better-sqlite3';
import { migrate } from 'drizzle-orm/better-sqlite3/migrator';
import { readMigrationFiles } from 'drizzle-orm/migrator';
import { AppError } from '../../errors.js';
import { refuseNewerSchema, refuseOlderSchema } from '../schema-age.js';
import { createCheckpoints, type Checkpoints } from './checkpoints.js';
import { createLogSync, openLogFile } from './log-sync.js';
import { sqliteCode } from './store-errors.js';

/** The one connection that writes. better-sqlite3 is synchronous: a transaction is one piece of code, never awaited. */
export interface Connection {
  readonly sqlite: Database.Database;
  readonly db: BetterSQLite3Database;
  /**
   * Runs `work` in one IMMEDIATE transaction; whatever it throws rolls everything back. Within another one it is a
   * savepoint of that: then what it throws takes back its own part alone.
   */
  readonly transact: <Result>(work: () => Result) => Result;
  /** What has been committed can be lost in a power cut until this resolves. */
  readonly toDisk: () => Promise<void>;
  /** The same at once, for whoever can't wait: it holds the thread up. */
  readonly toDiskNow: () => void;
  /** Says that something was committed without {@link transact}. */
  readonly noteCommit: () => void;
  /** How often this connection made the disk write what it was given. */
  readonly forcedWrites: () => number;
  /** Ends what works beside the thread. */
  readonly endBeside: () => Promise<void>;
  /** The same, and then the connection itself. */
  readonly close: () => Promise<void>;
  /**
   * Moves what is in the write-ahead log into the file and cuts the log to nothing. False when a reader, a writer or the
   * disk prevents it; `later` while a checkpoint is under way, of whose end {@link onCheckpoint} tells.
   */
  readonly emptyLog: Checkpoints['empty'];
  readonly onCheckpoint: Checkpoints['onDone'];
  /** From now on a lock is waited for by `wait-for-lock.ts`, and next to not at all on the thread that serves. */
  readonly beginServing: () => void;
}

/** While the file is opened and migrated nobody is served yet. */
const OPENING_TIMEOUT_MS = 5000;
const OPENING_PAUSE_MS = 20;
/** What two processes of ours hold it for; everything longer is waited for without holding up the thread. */
const SERVING_TIMEOUT_MS = 10;

/** Three levels up is the package, from `src/store/sqlite` as well as from `dist/store/sqlite`. */
const MIGRATIONS = fileURLToPath(new URL('../../../drizzle/sqlite', import.meta.url));

/**
 * Opens the database file at `path`, creates it with its directory (readable by this user only) where it is missing, and
 * brings its tables up to this program's version. Without `mayMigrate` only those of a new file: a service of an older
 * version may be using the others.
 * @throws AppError `store_newer_than_program` when a newer version of the program has been here, `store_unavailable` when
 * an older one has and that may not be changed.
 */
export function openConnection(
  path: string,
  {
    mayMigrate,
    openLog = openLogFile,
  }: { readonly mayMigrate: boolean; readonly openLog?: typeof openLogFile | undefined },
): Connection {
  createPrivately(path);
  const sqlite = new Database(path, { timeout: OPENING_TIMEOUT_MS });
  try {
    setPragmas(sqlite);
    const db = drizzle(sqlite);
    refuseNewer(sqlite);
    if (!mayMigrate && !isNew(sqlite)) refuseOlder(sqlite);
    applyMigrations(db);
    // Last, because a migration that rebuilds a table must be free to drop the old one.
    sqlite.pragma('foreign_keys = ON');
    const logFile = openLog(`${realpathSync.native(path)}-wal`);
    const checkpoints = createCheckpoints(sqlite);
    let forcedNow = 0;
    const log = createLogSync(logFile.force, () => checkpoints.full());
    return {
      sqlite,
      db,
      transact: createTransact(sqlite, () => {
        log.noteCommit();
        checkpoints.afterCommit();
      }),
      toDisk: log.toDisk,
      toDiskNow: () => {
        forcedNow += 1;
        logFile.forceNow();
      },
      noteCommit: log.noteCommit,
      forcedWrites: () => forcedNow + log.count() + checkpoints.forcedWrites(),
      emptyLog: checkpoints.empty,
      onCheckpoint: checkpoints.onDone,
      beginServing: () => {
        sqlite.pragma(`busy_timeout = ${SERVING_TIMEOUT_MS}`);
        checkpoints.takeOver();
        // What an erasure left in the log when the process ended before it was emptied.
        checkpoints.empty();
      },
      endBeside: checkpoints.close,
      close: async () => {
        await checkpoints.close();
        await log.idle();
        logFile.close();
        sqlite.close();
      },
    };
  } catch (error) {
    sqlite.close();
    throw error;
  }
}

function createPrivately(path: string): void {
  try {
    if (existsSync(path)) return assertPrivacy(path);
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    // SQLite gives its -wal and -shm files the mode of the database file.
    closeSync(openSync(path, 'a', 0o600));
    // The process's umask may have taken away even our own rights.
    chmodSync(path, 0o600);
  } catch (error) {
    throw new AppError('store_unavailable', 'later', `the database file can't be created: ${path}`, {
      cause: error,
    });
  }
}

/** A copy that was put back may be readable by others; so may be its log, when it was made beside such a file. */
function assertPrivacy(path: string): void {
  for (const file of [path, `${path}-wal`, `${path}-shm`]) {
    const mode = statSync(file, { throwIfNoEntry: false })?.mode ?? 0;
    if ((mode & 0o077) !== 0) chmodSync(file, mode & 0o700);
  }
}

/** All of the connection's settings but one (see {@link openConnection}), in the order in which they have to be. */
function setPragmas(sqlite: Database.Database): void {
  // Before anything is deleted: freed bytes are overwritten with zeros, so that erased personal data is really gone.
  sqlite.pragma('secure_delete = ON');
  // Readers don't block the writer nor the other way round; a commit is one append and one fsync.
  switchToLog(sqlite);
  // A commit waits for no disk: a power cut takes back the last ones, never one without those behind it. What must
  // survive one waits for `toDisk`, which FULL would do at every commit and with the thread held up.
  sqlite.pragma('synchronous = NORMAL');
  // Sorting must not leave personal data in temporary files.
  sqlite.pragma('temp_store = MEMORY');
  // 64 MB of pages (negative: KiB): the hot part of tens of thousands of members.
  sqlite.pragma('cache_size = -65536');
  // After a burst (backfill) the log gives its space back at the next checkpoint.
  sqlite.pragma('journal_size_limit = 67108864');
}

/**
 * Two processes that open a new file at the same moment may find it locked by each other. SQLite tells one of them at
 * once, whatever its timeout is, because waiting for each other would never end.
 */
function switchToLog(sqlite: Database.Database): void {
  for (let leftMs = OPENING_TIMEOUT_MS; ; leftMs -= OPENING_PAUSE_MS) {
    try {
      sqlite.pragma('journal_mode = WAL');
      return;
    } catch (error) {
      if (sqliteCode(error)?.startsWith('SQLITE_BUSY') !== true || leftMs <= 0) throw error;
    }
    // Nobody is served yet.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, OPENING_PAUSE_MS);
  }
}

/** Read once: it is asked for beside the work. */
let newestMigrationMs: number | null = null;

/** How much newer the file is than this program: negative where it is older, 0 where it is as new. */
export function ageOfFile(sqlite: Database.Database): number {
  const isKnown = sqlite
    .prepare("select 1 from sqlite_master where type = 'table' and name = '__drizzle_migrations'")
    .get();
  newestMigrationMs ??= readMigrationFiles({ migrationsFolder: MIGRATIONS }).at(-1)?.folderMillis ?? 0;
  const newestKnown = newestMigrationMs;
  if (isKnown === undefined) return -newestKnown;
  const here = sqlite
    .prepare<[], { newest: number | null }>('select max(created_at) as newest from __drizzle_migrations')
    .get();
  return (here?.newest ?? 0) - newestKnown;
}

/** @throws AppError `store_newer_than_program` */
export function refuseNewer(sqlite: Database.Database): void {
  refuseNewerSchema(ageOfFile(sqlite));
}

/** @throws AppError `store_unavailable` */
export function refuseOlder(sqlite: Database.Database): void {
  refuseOlderSchema(ageOfFile(sqlite));
}

function isNew(sqlite: Database.Database): boolean {
  return sqlite.prepare<[], number>('select count(*) from sqlite_master').pluck().get() === 0;
}

function applyMigrations(db: BetterSQLite3Database): void {
  try {
    migrate(db, { migrationsFolder: MIGRATIONS });
  } catch {
    // Two processes that start together both find the tables missing; the slower one then finds them made. Any other
    // failure happens again.
    migrate(db, { migrationsFolder: MIGRATIONS });
  }
}

function createTransact(sqlite: Database.Database, afterCommit: () => void): Connection['transact'] {
  // IMMEDIATE: a transaction that begins by reading and writes later could find the file locked half-way.
  const whole = {
    begin: sqlite.prepare('begin immediate'),
    keep: sqlite.prepare('commit'),
    undo: [sqlite.prepare('rollback')],
  };
  const part = {
    begin: sqlite.prepare('savepoint part'),
    keep: sqlite.prepare('release part'),
    undo: [sqlite.prepare('rollback to part'), sqlite.prepare('release part')],
  };
  return (work) => {
    const isPart = sqlite.inTransaction;
    const { begin, keep, undo } = isPart ? part : whole;
    begin.run();
    try {
      const result = work();
      keep.run();
      if (!isPart) afterCommit();
      return result;
    } catch (error) {
      // A full disk may have rolled back already.
      if (sqlite.inTransaction) for (const statement of undo) statement.run();
      throw error;
    }
  };
}
