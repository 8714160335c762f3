import Database from 'better-sqlite3';
import { onTestFinished } from 'vitest';

/** A connection of the test's own that sees what the service has committed and changes nothing. */
export function openForLooking(path: string): Database.Database {
  const database = new Database(path, { readonly: true });
  onTestFinished(() => {
    database.close();
  });
  return database;
}
