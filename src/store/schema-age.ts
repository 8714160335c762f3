import { AppError } from '../errors.js';

/*
 * How the tables of a database stand to this program: `age` is the time of the newest migration there less that of the
 * newest one here. Positive where the database is newer, 0 where it is as new.
 */

/** @throws AppError `store_newer_than_program` */
export function refuseNewerSchema(age: number): void {
  if (age <= 0) return;
  throw new AppError(
    'store_newer_than_program',
    'never',
    'the database has been used by a newer version of this program: start that version, or restore a backup',
  );
}

/** @throws AppError `store_unavailable` */
export function refuseOlderSchema(age: number): void {
  if (age >= 0) return;
  throw new AppError(
    'store_unavailable',
    'never',
    'the database was last used by an older version of this program: start the service once, which brings it up to date',
  );
}
