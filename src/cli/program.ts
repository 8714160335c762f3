import { Command, CommanderError, InvalidArgumentError } from 'commander';
import type { Clock } from '../clock.js';
import { addBackupCommand, runBackup } from './backup.js';
import { addCopyToCommand, runCopyTo } from './copy-to.js';
import {
  readConfig,
  readDatabaseFile,
  readDatabasePath,
  readDatabaseUrl,
  readPort,
  readReportConfig,
} from '../config/config.js';
import { unreadSettings, type Environment } from '../config/environment.js';
import { addDoctorCommand, runDoctor } from './doctor.js';
import { AppError, type ErrorCode } from '../errors.js';
import { addJobCommands, runJobCommand, runReplayCommand } from './jobs.js';
import { createLog, describeError } from '../log.js';
import { addReportCommand, runReport, type ReportRequest } from './report.js';
import { runSandbox } from './sandbox.js';
import { serve } from '../serve.js';
import { databaseAt } from '../store/open-store.js';
import { VERSION } from '../version.js';

/** What a command meets outside: its settings, the time, and where it prints to. */
export interface Surroundings {
  /** Asked when a command needs settings, and not before. */
  readonly environment: () => Environment;
  readonly clock: Clock;
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream;
}

/** Exit status: 0 done · 1 failed · 2 used wrongly. */
const FAILED = 1;
const WRONG_USE = 2;
const USED_WRONGLY: ReadonlySet<ErrorCode> = new Set(['config_invalid', 'bad_request', 'cursor_invalid']);

/** A service manager kills after 10 to 90 seconds; what is not settled by then is taken up at the next start. */
const MAX_STOP_MS = 10_000;

function wholeNumber(range: { readonly min: number; readonly max: number }) {
  return (text: string): number => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= range.min && value <= range.max) return value;
    throw new InvalidArgumentError(`It must be a whole number from ${range.min} to ${range.max}.`);
  };
}

/**
 * Runs one command of the command line, `words` being what stands behind the program's name.
 * @returns the exit status: 0 done, 1 failed, 2 used wrongly.
 */
export async function runCommandLine(words: readonly string[], surroundings: Surroundings): Promise<number> {
  try {
    await createProgram(surroundings).parseAsync(words, { from: 'user' });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : WRONG_USE;
    surroundings.stderr.write(`${describeFailure(error)}\n`);
    return error instanceof AppError && USED_WRONGLY.has(error.code) ? WRONG_USE : FAILED;
  }
}

function createProgram(surroundings: Surroundings): Command {
  const { stdout, stderr, clock } = surroundings;
  const program = new Command('intercom-engagement')
    .description(
      'Keeps coaching-engagement attributes on Intercom contacts right, and answers reports about them.',
    )
    .version(VERSION, '--version', 'print the version of this program')
    .configureOutput({ writeOut: (text) => stdout.write(text), writeErr: (text) => stderr.write(text) })
    .showHelpAfterError('(add --help for what is allowed)')
    .exitOverride();

  program
    .command('serve')
    .description(
      'receive webhooks, keep attributes right, answer reports; settings come from the environment or .env',
    )
    .action(() => runServe(surroundings));

  program
    .command('sandbox')
    .description('the same against a look-alike Intercom workspace with invented members; needs no account')
    .option(
      '--port <number>',
      'port of the service (default: PORT, or 3000)',
      wholeNumber({ min: 0, max: 65_535 }),
    )
    .option('--members <number>', 'how many invented members', wholeNumber({ min: 1, max: 20_000 }), 300)
    .option('--every <seconds>', 'seconds between two closed calls', wholeNumber({ min: 1, max: 3600 }), 3)
    .option(
      '--replicas <number>',
      'services that share one Postgres, which is started here unless DATABASE_URL names one; one is killed each minute',
      wholeNumber({ min: 1, max: 8 }),
      1,
    )
    .action(async (options: { port?: number; members: number; every: number; replicas: number }) => {
      const settings = settingsOf(surroundings);
      const sandbox = await runSandbox({
        ...options,
        port: options.port ?? readPort(settings),
        databaseUrl: options.replicas > 1 ? readDatabaseUrl(settings) : null,
        clock,
        print: (line) => stdout.write(`${line}\n`),
      });
      await untilStopped(() => sandbox.stop(), clock);
    });

  addReportCommand(program, (request) => runOneReport(request, surroundings));
  addBackupCommand(program, (command) =>
    stoppable((signal) => {
      const databasePath = readDatabaseFile(settingsOf(surroundings));
      return runBackup(command, { databasePath, signal, stdout, stderr });
    }),
  );
  addCopyToCommand(program, (url) =>
    stoppable((signal) => {
      const databasePath = readDatabasePath(settingsOf(surroundings));
      return runCopyTo(url, { databasePath, signal, stdout, stderr });
    }),
  );
  addJobCommands(program, {
    runJob: (request) =>
      stoppable((signal) => {
        const config = readConfig(settingsOf(surroundings));
        const log = createLog({ level: config.logLevel, write: (line) => stderr.write(line) });
        return runJobCommand(request, { config, clock, log, signal, stdout, stderr });
      }),
    replay: (command) => {
      const config = readReportConfig(settingsOf(surroundings));
      return runReplayCommand(command, { ...config, stdout, clock });
    },
  });
  addDoctorCommand(program, (fix) => runDoctor(fix, surroundings));
  return program;
}

/** The settings, after a word about those that look misspelled. */
function settingsOf({ environment, stderr }: Surroundings): Environment {
  const settings = environment();
  for (const { name, meant } of unreadSettings(settings)) {
    stderr.write(`${name} is set but not read. Did you mean ${meant}?\n`);
  }
  return settings;
}

/** Work that Ctrl-C and SIGTERM end cleanly. */
async function stoppable(work: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const stopping = new AbortController();
  const stop = (): void => stopping.abort();
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  try {
    await work(stopping.signal);
  } finally {
    process.off('SIGINT', stop);
    process.off('SIGTERM', stop);
  }
}

async function runOneReport(request: ReportRequest, surroundings: Surroundings): Promise<void> {
  const { clock, stdout } = surroundings;
  const config = readReportConfig(settingsOf(surroundings));
  const { timeZone, exportDir } = config;
  const store = await databaseAt(config).openReportsOnly(timeZone);
  try {
    await runReport(request, {
      reports: store.reports,
      store,
      clock,
      timeZone,
      exportDir,
      stdout,
    });
  } finally {
    await store.close();
  }
}

async function runServe({ environment, clock }: Surroundings): Promise<void> {
  const settings = environment();
  const config = readConfig(settings);
  const log = createLog({ level: config.logLevel });
  for (const { name: variable, meant } of unreadSettings(settings)) {
    log.warn({ variable, meant }, 'a variable is set that is not read: is it meant as this setting?');
  }
  // Node would print it with its message.
  process.once('uncaughtException', (error) => {
    log.error({ err: error }, 'something unexpected failed; the process ends');
    process.exit(FAILED);
  });
  const starting = serve({ config, clock, log });
  // From now on: a signal that comes while it starts stops it too.
  const maxStopMs = MAX_STOP_MS + config.drainSeconds * 1000;
  const stopped = untilStopped(async () => (await starting).stop(), clock, maxStopMs);
  stopped.catch(() => undefined);
  const service = await starting;
  // Told to stop while Intercom can't be reached it has not failed: what waits for Intercom just ends early.
  const whileRunning = (error: unknown): void => {
    if (!service.signal.aborted) throw error;
  };
  const failed = service.bound.catch(whileRunning).then(() => new Promise<never>(() => undefined));
  service.backfilled
    .catch(whileRunning)
    .catch((error: unknown) => log.error({ err: error }, 'the first backfill did not finish'));
  try {
    await Promise.race([stopped, failed]);
  } catch (error) {
    await service.stop();
    throw error;
  }
}

/** Resolves after Ctrl-C or SIGTERM and a clean stop. A second signal, or a stop that hangs, ends the process at once. */
function untilStopped(stop: () => Promise<void>, clock: Clock, maxStopMs = MAX_STOP_MS): Promise<void> {
  return new Promise((resolve, reject) => {
    const onSignal = (): void => {
      process.once('SIGINT', () => process.exit(FAILED));
      process.once('SIGTERM', () => process.exit(FAILED));
      void clock.sleep(maxStopMs).then(() => process.exit(FAILED));
      stop().then(resolve, reject);
    };
    process.once('SIGINT', onSignal);
    process.once('SIGTERM', onSignal);
  });
}

function describeFailure(error: unknown): string {
  if (error instanceof AppError) return error.message;
  const isPortTaken = error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';
  if (isPortTaken)
    return 'The port is in use: stop the other program, or choose another with PORT (the sandbox also takes --port).';
  // Without its message, which can quote personal data: a failed query names its parameters.
  return `Something unexpected failed: ${JSON.stringify(describeError(error), null, 2)}`;
}
