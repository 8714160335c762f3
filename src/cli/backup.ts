import type { Command } from 'commander';
import { createProgressBar } from './progress-bar.js';
import { backupDatabase } from '../store/sqlite/backup.js';

export interface BackupCommand {
  readonly target: string;
  readonly force: boolean;
}

export interface BackupCommandDeps {
  readonly databasePath: string;
  readonly signal: AbortSignal;
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream;
}

/** `backup <file>`. */
export function addBackupCommand(program: Command, run: (command: BackupCommand) => Promise<void>): void {
  program
    .command('backup')
    .description('copy the database to a file, consistent and checked, while the service goes on')
    .argument('<file>', 'where the copy goes; its directory must exist')
    .option('--force', 'replace the file if it exists')
    .action((target: string, options: { readonly force?: boolean }) =>
      run({ target, force: options.force === true }),
    );
}

/** @throws what {@link backupDatabase} throws. */
export async function runBackup({ target, force }: BackupCommand, deps: BackupCommandDeps): Promise<void> {
  const { databasePath, signal, stdout, stderr } = deps;
  const bar = createProgressBar(stderr, 'copying');
  try {
    const bytes = await backupDatabase({
      path: databasePath,
      target,
      replace: force,
      signal,
      onProgress: ({ donePages, totalPages }) => bar.update(donePages, totalPages),
    });
    bar.stop();
    stdout.write(`${databasePath} is backed up to ${target}: ${megabytes(bytes)} MB, checked\n`);
  } finally {
    bar.stop();
  }
}

function megabytes(bytes: number): string {
  return (bytes / 1_000_000).toFixed(1);
}
