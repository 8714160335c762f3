import { existsSync } from 'node:fs';
import Database from 'better-sqlite3';
import { AppError } from '../../errors.js';
import { refuseNewer, refuseOlder } from '../sqlite/connection.js';
import { asStoreError } from '../sqlite/store-errors.js';
import type { CopiedTable } from './copied-table.js';
import type { CopiedValue } from './row-checksum.js';

/** One state of a database file, table by table. */
export interface Source {
  /** In the order of the key. One at a time: the rows of a table are read to their end, or left, before the next one's. */
  readonly rowsOf: (table: CopiedTable) => IterableIterator<readonly CopiedValue[]>;
  /** The highest number that the identity column has ever had; null where it has had none. */
  readonly lastNumber: (table: CopiedTable) => number | null;
  readonly close: () => void;
}

/**
 * Opens the database file at `path` for reading alone.
 * @throws AppError `store_unavailable` or `store_newer_than_program` for a file that this program can't read as it is.
 */
export function openSource(path: string): Source {
  if (!existsSync(path)) {
    throw new AppError('store_unavailable', 'never', `there is no database at ${path}: check DATABASE_PATH`);
  }
  try {
    const sqlite = new Database(path, { readonly: true, fileMustExist: true });
    try {
      refuseNewer(sqlite);
      refuseOlder(sqlite);
      // From the first row on, what is read is the state of that moment.
      sqlite.exec('begin');
      return {
        rowsOf: ({ name, columns, key }) =>
          sqlite
            .prepare<[], readonly CopiedValue[]>(
              `select ${columns.map((column) => column.name).join(', ')} from ${name} order by ${key.join(', ')}`,
            )
            .raw()
            .iterate(),
        lastNumber: ({ name }) =>
          sqlite
            .prepare<[string], number>('select seq from sqlite_sequence where name = ?')
            .pluck()
            .get(name) ?? null,
        close: () => sqlite.close(),
      };
    } catch (error) {
      sqlite.close();
      throw error;
    }
  } catch (error) {
    throw asStoreError(error);
  }
}
