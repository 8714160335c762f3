import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { basename } from 'node:path';

/** What SQLite keeps beside a database, and takes for its own at the next start. */
const BESIDE_A_DATABASE = /-(?:wal|shm|journal)$/i;
const DATABASE_MAGIC = Buffer.from('SQLite format 3\0');
const LOG_MAGICS = new Set([0x377f0682, 0x377f0683]);

/**
 * Why no export may be written to `path`, continuing "outputPath …"; null when it may. A database is known by its
 * content, whatever its name: the one in use, a backup, another program's.
 */
export function whyNotOverwritten(path: string): string | null {
  if (isSettingsFile(path)) return 'names a file of settings';
  if (isDatabase(path)) return 'names a database or a backup, which an export must not replace';
  return belongsToDatabase(path) ? 'names a file that belongs to the database beside it' : null;
}

export function isSettingsFile(path: string): boolean {
  return /^\.env(?:\.|$)/i.test(basename(path));
}

/** True for a name that SQLite would take for the log or the journal of the database beside it. */
export function belongsToDatabase(path: string): boolean {
  return BESIDE_A_DATABASE.test(path) && isDatabase(path.replace(BESIDE_A_DATABASE, ''));
}

function isDatabase(path: string): boolean {
  const beginning = readBeginning(path);
  if (beginning === null) return false;
  const isLog = beginning.length >= 4 && LOG_MAGICS.has(beginning.readUInt32BE(0));
  return isLog || beginning.equals(DATABASE_MAGIC);
}

/** Null for what is no plain file. One that can't be read throws: replacing it would only take rights on its directory. */
function readBeginning(path: string): Buffer | null {
  if (!isPlainFile(path)) return null;
  const descriptor = openSync(path, 'r');
  try {
    const bytes = Buffer.alloc(DATABASE_MAGIC.length);
    return bytes.subarray(0, readSync(descriptor, bytes, 0, bytes.length, 0));
  } finally {
    closeSync(descriptor);
  }
}

function isPlainFile(path: string): boolean {
  try {
    return statSync(path).isFile();
  } catch {
    // Nothing there, or no way to it.
    return false;
  }
}
