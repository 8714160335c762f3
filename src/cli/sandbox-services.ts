import { join } from 'node:path';
import type { Clock } from '../clock.js';
import { readConfig } from '../config/config.js';
import { AppError } from '../errors.js';
import { createLog } from '../log.js';
import { serve } from '../serve.js';
import { databaseAt } from '../store/open-store.js';
import type { RunProgress } from '../store/ports/runs.js';
import type { Written } from '../write-back/attempt.js';
import { startPostgres } from './replicas/start-postgres.js';
import { startReplicas } from './replicas/start-replicas.js';
import { untilWritten } from './replicas/until-written.js';

export interface SandboxServicesOptions {
  readonly port: number;
  /** Services on one Postgres; 1: a single one with a file. */
  readonly replicas: number;
  /** An empty Postgres database for several replicas; null: one is started. */
  readonly databaseUrl: string | null;
  readonly clock: Clock;
  readonly print: (line: string) => void;
  /** For the file of a single one. */
  readonly directory: string;
  readonly settings: Readonly<Record<string, string>>;
  readonly onProgress: (progress: RunProgress) => void;
  /** `who`: which of several services, to be added to the line. */
  readonly onWritten: (written: Written, who: string) => void;
}

export interface SandboxServices {
  readonly url: string;
  /** The first backfill is done, and what it found is in the workspace. */
  readonly filled: Promise<void>;
  readonly killInTurn: (signal: AbortSignal) => Promise<void>;
  readonly stop: () => Promise<void>;
}

/** One service with a file, or several with a Postgres. */
export function startServices(options: SandboxServicesOptions): Promise<SandboxServices> {
  return options.replicas === 1 ? startOne(options) : startSeveral(options);
}

async function startOne(options: SandboxServicesOptions): Promise<SandboxServices> {
  const { clock, print, directory, settings, port, onProgress, onWritten } = options;
  const service = await serve({
    config: readConfig({ ...settings, PORT: String(port), DATABASE_PATH: join(directory, 'sandbox.db') }),
    clock,
    log: createLog({ level: 'error' }),
    onBackfillProgress: onProgress,
    onWritten: (written) => onWritten(written, ''),
  });
  const filled = service.backfilled.then(() =>
    untilWritten(service, clock, (members) =>
      print(`  ${members} members have attributes that are out of date in Intercom; they are being updated`),
    ),
  );
  return { url: service.url, filled, killInTurn: async () => undefined, stop: () => service.stop() };
}

async function startSeveral(options: SandboxServicesOptions): Promise<SandboxServices> {
  const { replicas: count, databaseUrl, settings, print, onWritten } = options;
  if (
    databaseUrl !== null &&
    (await databaseAt({ databasePath: '', databaseUrl }).inspect()).kind === 'found'
  ) {
    throw new AppError(
      'config_invalid',
      'never',
      'DATABASE_URL names a database that is in use: the sandbox needs an empty one',
    );
  }
  const postgres = databaseUrl === null ? await startPostgres() : null;
  const url = databaseUrl ?? postgres?.url ?? '';
  print(
    `  ${postgres === null ? 'the Postgres that DATABASE_URL names' : 'a Postgres of its own'} keeps the data`,
  );
  try {
    const replicas = await startReplicas({
      ...options,
      count,
      settings: { ...settings, DATABASE_URL: url },
      onWritten: (written, number) => onWritten(written, `  by replica ${number}`),
    });
    return {
      ...replicas,
      stop: async () => {
        await replicas.stop();
        await postgres?.stop();
      },
    };
  } catch (error) {
    await postgres?.stop();
    throw error;
  }
}
