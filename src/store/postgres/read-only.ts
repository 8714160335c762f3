import { AppError } from '../../errors.js';
import { refuseNewerSchema, refuseOlderSchema } from '../schema-age.js';
import { createDatabase, type Database, type Query } from './database.js';
import { ageOfSchema, newestNoted } from './migrations.js';
import { createPool } from './pool.js';

const MAX_CONNECTIONS = 2;

/**
 * A database that somebody else keeps: nothing is made, migrated or written, and a standby will do. Use `view` alone.
 * @param applicationName by which people tell the connection apart in `pg_stat_activity`
 * @throws AppError `store_unavailable` or `store_newer_than_program` for a database that this program can't read as it is
 */
export async function openReadOnly(
  url: string,
  applicationName: string,
): Promise<Pick<Database, 'view' | 'close'>> {
  const database = createDatabase(createPool({ url, applicationName, maxConnections: MAX_CONNECTIONS }));
  try {
    const age = await database.view(readSchemaAge);
    if (age === null) {
      throw new AppError(
        'store_unavailable',
        'never',
        'the database has no tables yet: check DATABASE_URL, or start the service first',
      );
    }
    refuseNewerSchema(age);
    refuseOlderSchema(age);
    return database;
  } catch (error) {
    await database.close();
    throw error;
  }
}

/** How much newer its tables are than this program, see `schema-age.ts`; null for a database without any. */
export async function readSchemaAge(query: Query): Promise<number | null> {
  const newestMs = await newestNoted(query.rows);
  return newestMs === null ? null : ageOfSchema(newestMs);
}
