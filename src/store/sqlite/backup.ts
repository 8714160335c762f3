import { randomUUID } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import Database from 'better-sqlite3';
import { AppError } from '../../errors.js';
import { belongsToDatabase, isSettingsFile } from '../precious-files.js';
import { asStoreError, sqliteCode } from './store-errors.js';

export interface BackupRequest {
  /** The database file, which a service may be using. */
  readonly path: string;
  /** Where the copy goes. */
  readonly target: string;
  /** Whether a file that is there already may be replaced. */
  readonly replace: boolean;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: { readonly donePages: number; readonly totalPages: number }) => void;
  /** How much is copied between two looks at `signal`. */
  readonly pagesPerStep?: number;
}

/** 8 MB: milliseconds of copying. */
const PAGES_PER_STEP = 2000;

/**
 * Copies the database as it is at one moment, however much is written to it meanwhile. The copy is one file without
 * write-ahead log, readable by its owner only and checked; it appears whole or not at all.
 * @returns its size in bytes.
 * @throws AppError `store_unavailable` when there is nothing to copy or the copy fails its check, `file_unwritable` when
 * it can't be put there, `stopped`.
 */
export async function backupDatabase(request: BackupRequest): Promise<number> {
  const target = resolve(request.target);
  const draft = join(dirname(target), `.${basename(target).slice(0, 100)}.${randomUUID()}.partial`);
  try {
    assertPlace(request, target);
    // First, so that it is private before there is anything in it.
    closeSync(openSync(draft, 'wx', 0o600));
    await copyInto(draft, request);
    makeOneCheckedFile(draft);
    sync(draft);
    renameSync(draft, target);
    sync(dirname(target));
    return statSync(target).size;
  } catch (error) {
    for (const ending of ['', '-journal', '-wal', '-shm']) rmSync(`${draft}${ending}`, { force: true });
    throw asBackupError(error);
  }
}

function assertPlace({ path, replace }: BackupRequest, target: string): void {
  if (!existsSync(path)) {
    throw new AppError('store_unavailable', 'never', `there is no database at ${path}: set DATABASE_PATH`);
  }
  // Also where it doesn't exist yet: SQLite would take it for a log at the next start, and delete it.
  if (belongsToDatabase(target)) {
    throw unwritable(
      'the place of the backup is that of a log of the database beside it: choose another name',
    );
  }
  if (isSettingsFile(target)) throw unwritable('the place of the backup is a file of settings');
  if (!existsSync(target)) return;
  if (realpathSync(path) === realpathSync(target)) {
    throw unwritable('the backup must be another file than the database');
  }
  if (!statSync(target).isFile())
    throw unwritable('the place of the backup is taken by something that is no file');
  if (!replace)
    throw unwritable('the file exists already: choose another name, or add --force to replace it');
  // The log of the old file would be taken for one of the new file and spoil it.
  if (existsSync(`${target}-wal`) || existsSync(`${target}-journal`)) {
    throw unwritable('the file that would be replaced is in use by a program: choose another name');
  }
}

async function copyInto(
  draft: string,
  { path, signal, onProgress, pagesPerStep }: BackupRequest,
): Promise<void> {
  const source = new Database(path, { readonly: true, fileMustExist: true });
  try {
    // One read transaction over all steps: without it each commit of the service would make SQLite begin again.
    source.exec('begin');
    source.prepare('select count(*) from sqlite_master').get();
    await source.backup(draft, {
      progress: ({ totalPages, remainingPages }) => {
        if (signal?.aborted === true) throw new AppError('stopped', 'never', 'the backup was stopped');
        onProgress?.({ donePages: totalPages - remainingPages, totalPages });
        return pagesPerStep ?? PAGES_PER_STEP;
      },
    });
  } finally {
    source.close();
  }
}

function makeOneCheckedFile(draft: string): void {
  const copy = new Database(draft);
  try {
    copy.pragma('journal_mode = DELETE');
    const verdict = copy.pragma('integrity_check(1)', { simple: true });
    if (verdict === 'ok') return;
    throw new AppError(
      'store_unavailable',
      'never',
      'the database is damaged: its copy fails the integrity check',
    );
  } finally {
    copy.close();
  }
}

function sync(path: string): void {
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** What is wrong with the place of the copy, told apart from what is wrong with the database. */
function asBackupError(error: unknown): unknown {
  if (error instanceof AppError) return error;
  const code = sqliteCode(error);
  if (code !== null) {
    return /^SQLITE_(?:FULL|READONLY|CANTOPEN|IOERR)/.test(code)
      ? unwritable(`the backup can't be written (${code})`, error)
      : asStoreError(error);
  }
  const isFileError = error instanceof Error && 'syscall' in error && 'code' in error;
  return isFileError ? unwritable(`the backup can't be written (${String(error.code)})`, error) : error;
}

function unwritable(message: string, cause?: unknown): AppError {
  return new AppError('file_unwritable', 'never', message, { cause });
}
