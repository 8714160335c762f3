import { migratePostgres } from '../../src/store/postgres/migrations.js';
import { createPool } from '../../src/store/postgres/pool.js';
import { TEMPLATE } from '../support/postgres-engine.js';
import { createDatabase, findPostgres, SERVER_URL } from '../support/postgres-server.js';

/** One server for all test files, with one database whose tables are there, to be copied. */
export default async function startServer(): Promise<() => Promise<void>> {
  const server = await findPostgres();
  process.env[SERVER_URL] = server.url;
  const { url, drop } = await createDatabase();
  const pool = createPool({ url, applicationName: 'template', maxConnections: 1 });
  await migratePostgres(pool, { mayMigrate: true });
  await pool.end();
  process.env[TEMPLATE] = new URL(url).pathname.slice(1);
  return async () => {
    await drop();
    await server.stop();
  };
}
