import { randomUUID } from 'node:crypto';
import { lstat, mkdir, open, realpath, rename, rm, type FileHandle } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { AppError } from '../errors.js';
import { whyNotOverwritten } from '../store/precious-files.js';

export type ExportPlace =
  { readonly kind: 'ok'; readonly path: string } | { readonly kind: 'wrong'; readonly message: string };

/** A file name of its own, without what other systems read as a path, and never a hidden file. */
const NAME = /^[^./\\:\p{Cc}][^/\\:\p{Cc}]*$/u;

/**
 * Where `outputPath` lies below `exportDir`; its directories are made. A path that leads elsewhere is refused, by its words
 * or through a symbolic link, with a message that continues "outputPath …".
 */
export async function findExportPlace(exportDir: string, outputPath: string): Promise<ExportPlace> {
  try {
    return await lookForPlace(exportDir, outputPath);
  } catch (error) {
    throw asFileError(error);
  }
}

async function lookForPlace(exportDir: string, outputPath: string): Promise<ExportPlace> {
  if (/^(?:[/\\]|[A-Za-z]:)/.test(outputPath))
    return wrong('must be relative: files are written below EXPORT_DIR');
  const names = outputPath.split('/');
  if (names.includes('..')) return wrong('must not leave EXPORT_DIR');
  if (!names.every((name) => NAME.test(name) && Buffer.byteLength(name) <= 255)) {
    return wrong(
      'must be a file path such as 2026/engagement.csv, without hidden files or special characters',
    );
  }
  await mkdir(exportDir, { recursive: true, mode: 0o700 });
  const root = await realpath(exportDir);
  const path = join(root, ...names);
  for (let depth = 1; depth < names.length; depth += 1) {
    const directory = join(root, ...names.slice(0, depth));
    const what = await lookAt(directory);
    if (what === null) break;
    const isInside = what.isSymbolicLink() ? isBelow(root, await realpath(directory).catch(() => sep)) : true;
    if (!isInside) return wrong('must not leave EXPORT_DIR through a symbolic link');
    if (!what.isSymbolicLink() && !what.isDirectory())
      return wrong('leads through a file that is no directory');
  }
  const there = await lookAt(path);
  if (there !== null && !there.isFile()) return wrong('names something that is no plain file');
  const precious = whyNotOverwritten(path);
  if (precious !== null) return wrong(precious);
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  // Once more, now that all directories exist: what is written to must be below, however it was made.
  if (!isBelow(root, join(await realpath(dirname(path)), basename(path)))) {
    return wrong('must not leave EXPORT_DIR through a symbolic link');
  }
  return { kind: 'ok', path };
}

/**
 * Writes the pieces to `path`, readable by its owner only. The file appears whole or not at all: it is written beside
 * its place, brought to the disk, and only then takes the place of what was there.
 * @returns its size in bytes.
 * @throws AppError `file_unwritable`, also where a database or a file of settings stands; or whatever the pieces fail with.
 */
export async function writeWhole(path: string, pieces: AsyncIterable<string | Uint8Array>): Promise<number> {
  const target = resolve(path);
  const precious = whyPrecious(target);
  if (precious !== null)
    throw new AppError('file_unwritable', 'never', `the path ${precious}: choose another`);
  const draft = join(dirname(target), `.${basename(target).slice(0, 100)}.${randomUUID()}.partial`);
  try {
    const bytes = await withFile(draft, async (file) => {
      let written = 0;
      for await (const piece of pieces) {
        const own = typeof piece === 'string' ? Buffer.from(piece) : piece;
        await file.writeFile(own);
        written += own.length;
      }
      await file.sync();
      return written;
    });
    await rename(draft, target);
    await syncDirectory(dirname(target));
    return bytes;
  } catch (error) {
    await rm(draft, { force: true });
    throw asFileError(error);
  }
}

async function withFile<Result>(path: string, work: (file: FileHandle) => Promise<Result>): Promise<Result> {
  const file = await open(path, 'wx', 0o600);
  try {
    return await work(file);
  } finally {
    await file.close();
  }
}

/** A name is on the disk once its directory is. */
async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

async function lookAt(path: string) {
  try {
    return await lstat(path);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}

/** @throws AppError `file_unwritable` when it can't be told. */
function whyPrecious(path: string): string | null {
  try {
    return whyNotOverwritten(path);
  } catch (error) {
    throw asFileError(error);
  }
}

/** Errors of the file system by their code; their messages can hold names. */
function asFileError(error: unknown): unknown {
  if (error instanceof AppError || !(error instanceof Error) || !('syscall' in error && 'code' in error)) {
    return error;
  }
  const message = `the file can't be written (${String(error.code)})`;
  return new AppError('file_unwritable', 'never', message, { cause: error });
}

function isBelow(root: string, path: string): boolean {
  const way = relative(root, path);
  return way !== '' && way !== '..' && !way.startsWith(`..${sep}`) && !way.startsWith(sep);
}

function wrong(message: string): ExportPlace {
  return { kind: 'wrong', message };
}
