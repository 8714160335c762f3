import { realpathSync, statSync, type BigIntStats } from 'node:fs';

/**
 * Remembers which files an open database consists of. SQLite goes on writing to them after they were moved, deleted or
 * replaced; a restart would then find nothing of what was stored meanwhile.
 * @param path the database file, which is open and has been read from, so that its log exists.
 * @returns a check that takes microseconds: null while all of them are where they were, else a sentence.
 */
export function watchPlace(path: string): () => string | null {
  // SQLite follows a symbolic link first, and then keeps the log beside the file itself.
  const real = realpathSync.native(path);
  const files = [
    { name: 'the database file', at: path },
    { name: "the database's write-ahead log (-wal)", at: `${real}-wal` },
    { name: "the database's shared memory (-shm)", at: `${real}-shm` },
  ].flatMap((file) => {
    const opened = lookAt(file.at);
    return opened === undefined ? [] : [{ ...file, opened }];
  });
  return () => {
    for (const { name, at, opened } of files) {
      const there = lookAt(at);
      if (there?.ino === opened.ino && there.dev === opened.dev) continue;
      return `${name} was ${there === undefined ? 'moved or deleted' : 'replaced'} while in use`;
    }
    return null;
  };
}

/** Inode numbers of some file systems don't fit into a double. A directory that can't be looked into hides the file. */
function lookAt(path: string): BigIntStats | undefined {
  try {
    return statSync(path, { bigint: true, throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}
