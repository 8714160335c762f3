import { InvalidArgumentError, type Command } from 'commander';
import type { Clock } from './clock.js';
import type { Config } from './config.js';
import { connect } from './connect.js';
import { AppError } from './errors.js';
import type { Log } from './log.js';
import { describeJob, MOST_DIFFERENCES } from './operate/jobs/describe-run.js';
import { describeParked } from './operate/jobs/parked-routes.js';
import { isDeadOwner } from './owner.js';
import { createProgressBar } from './progress-bar.js';
import { runJob, type JobRequest } from './reconcile/run-job.js';
import type { Run } from './store/run-store.js';
import type { Store } from './store/store.js';
import { openSqliteStore } from './store/sqlite/sqlite-store.js';
import { createWriter } from './write-back/writer.js';

export interface ReplayCommand {
  /** Only shows what is parked. */
  readonly list: boolean;
  readonly all: boolean;
  readonly notifications: readonly number[];
  readonly writes: readonly string[];
}

export interface JobCommands {
  runJob(request: JobRequest): Promise<void>;
  replay(command: ReplayCommand): Promise<void>;
}

/** How often it is looked whether the writes have reached Intercom. */
const LOOK_AT_WRITES_MS = 200;
const LONGEST_BACKFILL_DAYS = 3650;
const LONGEST_LOOKBACK_DAYS = 365;

/** `backfill`, `reconcile` and `replay`. */
export function addJobCommands(program: Command, commands: JobCommands): void {
  program
    .command('backfill')
    .description('fill the cache from Intercom, or let it reach further back; goes on where it was stopped')
    .option('--days <number>', 'how far back', daysUpTo(LONGEST_BACKFILL_DAYS), 365)
    .option('--force', 'write although more members would change than MAX_SWEEP_CHANGE_SHARE allows')
    .action(({ days, force = false }: { readonly days: number; readonly force?: boolean }) =>
      commands.runJob({ job: 'backfill', params: { days, force } }),
    );

  program
    .command('reconcile')
    .description('compare everything with Intercom and mend it, as every night; lists what it found as JSON')
    .option(
      '--lookback-days <number>',
      'how far back conversations are read',
      daysUpTo(LONGEST_LOOKBACK_DAYS),
    )
    .option('--dry-run', 'only list the differences')
    .option('--force', 'write although more members would change than MAX_SWEEP_CHANGE_SHARE allows')
    .action((options: { lookbackDays?: number; dryRun?: boolean; force?: boolean }) =>
      commands.runJob({
        job: 'reconcile',
        params: {
          lookbackDays: options.lookbackDays ?? null,
          dryRun: options.dryRun === true,
          force: options.force === true,
        },
      }),
    );

  program
    .command('replay')
    .description('put parked work back into the flow of the running service, or list it')
    .option('--list', 'only list what is parked, as JSON')
    .option('--all', 'everything that is parked')
    .option('--notification <number>', 'a parked notification; may repeat', collectNumber)
    .option('--write <contact id>', 'the parked writes of a contact; may repeat', collectText)
    .action(
      (options: {
        list?: boolean;
        all?: boolean;
        notification?: readonly number[];
        write?: readonly string[];
      }) =>
        commands.replay({
          list: options.list === true,
          all: options.all === true,
          notifications: options.notification ?? [],
          writes: options.write ?? [],
        }),
    );
}

function daysUpTo(most: number): (text: string) => number {
  return (text) => {
    const days = Number(text);
    if (/^\d+$/.test(text) && days >= 1 && days <= most) return days;
    throw new InvalidArgumentError(`It must be a whole number from 1 to ${most}.`);
  };
}

function collectNumber(text: string, before: readonly number[] = []): readonly number[] {
  if (/^\d{1,15}$/.test(text)) return [...before, Number(text)];
  throw new InvalidArgumentError('It must be the number of a parked notification; --list shows them.');
}

function collectText(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text];
}

export interface JobCommandDeps {
  readonly config: Config;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream;
}

/**
 * Runs a job in this process, beside a running service or without one, and prints what it found.
 * @throws AppError `run_in_progress` when another process is at a run, `run_guarded`, or what made the run fail.
 */
export async function runJobCommand(request: JobRequest, options: JobCommandDeps): Promise<void> {
  const { config, clock, log, signal, stdout, stderr } = options;
  const { store, owner, deps, prober, bind } = connect({ config, clock, log });
  const bar = createProgressBar(stderr, request.job);
  const writer = createWriter({ ...deps, dryRun: config.dryRun });
  try {
    await store.releaseDeadLeases((other) => isDeadOwner(other, owner));
    prober.start();
    await bind(signal);
    writer.start();
    const onProgress: NonNullable<typeof deps.onProgress> = ({ done, total, phase }) =>
      bar.update(done, total, phase);
    const run = await runJob({ ...deps, onProgress }, await asItIsNeeded(request, store), signal);
    if (run.status === 'running') throw new AppError('run_in_progress', 'later', isBusy(run));
    // A sweep has waited for them already; what fails for now is left to the service.
    for (let under = await writesUnderWay(store, run); under > 0; under = await writesUnderWay(store, run)) {
      bar.update(0, under, 'writing');
      await clock.sleep(LOOK_AT_WRITES_MS, signal);
      if (signal.aborted) throw new AppError('stopped', 'later', 'Stopped; the service writes the rest.');
    }
    bar.stop();
    const drift = await store.listDrift({ runId: run.id, limit: MOST_DIFFERENCES, after: null });
    stdout.write(`${JSON.stringify(describeJob(run, drift), null, 2)}\n`);
    if (run.status === 'guarded') {
      throw new AppError('run_guarded', 'never', `Run ${run.id} stopped: ${run.reason ?? ''} (--force).`);
    }
  } finally {
    bar.stop();
    await writer.stop();
    await prober.stop();
    await store.close();
  }
}

async function writesUnderWay(store: Pick<Store, 'countWritesOf'>, { id }: Run): Promise<number> {
  const { waiting, failing } = await store.countWritesOf(id);
  return waiting - failing;
}

/** A cache that has been filled once is extended by a sweep, which looks before it changes anything. */
async function asItIsNeeded(request: JobRequest, store: Pick<Store, 'latestDoneRun'>): Promise<JobRequest> {
  if (request.job !== 'backfill' || (await store.latestDoneRun(['backfill'])) === null) return request;
  const { days = null, force = false } = request.params;
  return { job: 'reconcile', params: { lookbackDays: days, dryRun: false, force } };
}

function isBusy({ job, id, progress }: Run): string {
  return `Another process is at work: ${job} ${id}, ${progress.phase}. Try again when it has ended.`;
}

/** @throws AppError `bad_request` when nothing is named, or `store_unavailable`. */
export async function runReplayCommand(
  command: ReplayCommand,
  deps: { readonly databasePath: string; readonly timeZone: string; readonly stdout: NodeJS.WritableStream },
): Promise<void> {
  const { list, all, notifications, writes } = command;
  if (!list && !all && notifications.length + writes.length === 0) {
    throw new AppError('bad_request', 'never', 'Name what is to be replayed, or say --all or --list.');
  }
  const store = openSqliteStore({ path: deps.databasePath, timeZone: deps.timeZone });
  try {
    if (list) {
      const items = (await store.parked()).map(describeParked);
      deps.stdout.write(`${JSON.stringify(items, null, 2)}\n`);
      return;
    }
    const replayed = await store.replay(all ? 'all' : { notifications, writes });
    deps.stdout.write(`${replayed} back in the flow; the running service takes it up.\n`);
  } finally {
    await store.close();
  }
}
