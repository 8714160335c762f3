import type { Command } from 'commander';
import { isPostgresUrl } from '../config/setting-values.js';
import { AppError } from '../errors.js';
import { copyToPostgres } from '../store/copy/copy-to-postgres.js';
import { createProgressBar } from './progress-bar.js';

export interface CopyToDeps {
  readonly databasePath: string;
  readonly signal: AbortSignal;
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream;
}

/** `copy-to <url>`. */
export function addCopyToCommand(program: Command, run: (url: string) => Promise<void>): void {
  program
    .command('copy-to')
    .description('copy the database to an empty Postgres database and compare them; stop the service before')
    .argument('<url>', 'postgres://user@host/database; a password may be in PGPASSWORD')
    .action((url: string) => run(url));
}

/** @throws AppError `bad_request` for what is no such URL; what {@link copyToPostgres} throws. */
export async function runCopyTo(url: string, deps: CopyToDeps): Promise<void> {
  const { databasePath, signal, stdout, stderr } = deps;
  // Without what was given: that may hold a password.
  if (!isPostgresUrl(url)) {
    throw new AppError(
      'bad_request',
      'never',
      'the place to copy to must be the address of a Postgres database such as postgres://user@host:5432/engagement',
    );
  }
  const bar = createProgressBar(stderr, 'copying');
  try {
    const tables = await copyToPostgres({
      path: databasePath,
      url,
      signal,
      onTable: ({ table }, done, total) => bar.update(done, total, table),
    });
    bar.stop();
    const rows = tables.reduce((sum, table) => sum + table.rows, 0);
    stdout.write(`${databasePath} is copied to Postgres: ${tables.length} tables, ${rows} rows, compared\n`);
  } finally {
    bar.stop();
  }
}
