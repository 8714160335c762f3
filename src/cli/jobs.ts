import { InvalidArgumentError, type Command } from 'commander';
import type { Clock } from '../clock.js';
import type { Config } from '../config/config.js';
import { connect } from '../connect.js';
import { AppError } from '../errors.js';
import type { Log } from '../log.js';
import { describeJob, MAX_DIFFERENCES } from '../http/jobs/describe-run.js';
import { MAX_PARKED, parkedPage } from '../http/jobs/parked-routes.js';
import { isDeadOwner } from '../work/owner.js';
import { createProgressBar } from './progress-bar.js';
import { runJob, type RunRequest } from '../reconcile/run-job.js';
import { isParkedPlace } from '../store/ports/queries.js';
import type { Run } from '../store/ports/runs.js';
import type { Store } from '../store/ports/store.js';
import { databaseAt, type DatabasePlace } from '../store/open-store.js';
import { createWriter } from '../write-back/writer.js';

export interface ReplayCommand {
  /** Only shows what is parked: at most `limit` of it, behind `cursor` of the page before. */
  readonly list: boolean;
  readonly limit: number;
  readonly cursor: string | null;
  readonly all: boolean;
  readonly notifications: readonly number[];
  readonly writes: readonly string[];
  readonly contacts: readonly string[];
  readonly conversations: readonly string[];
}

export interface JobCommands {
  runJob(request: RunRequest): Promise<void>;
  replay(command: ReplayCommand): Promise<void>;
}

/** How often it is looked whether the writes have reached Intercom. */
const LOOK_AT_WRITES_MS = 200;
const MAX_BACKFILL_DAYS = 3650;
const MAX_LOOKBACK_DAYS = 365;

/** `backfill`, `reconcile` and `replay`. */
export function addJobCommands(program: Command, commands: JobCommands): void {
  program
    .command('backfill')
    .description('fill the cache from Intercom, or let it reach further back; goes on where it was stopped')
    .option('--days <number>', 'how far back', upTo(MAX_BACKFILL_DAYS), 365)
    .option('--force', 'write although more members would change than MAX_SWEEP_CHANGE_SHARE allows')
    .action(({ days, force = false }: { readonly days: number; readonly force?: boolean }) =>
      commands.runJob({ job: 'backfill', params: { days, force } }),
    );

  program
    .command('reconcile')
    .description('compare everything with Intercom and fix it, as every night; lists what it found as JSON')
    .option('--lookback-days <number>', 'how far back conversations are read', upTo(MAX_LOOKBACK_DAYS))
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
    .option('--list', 'only list what is parked, oldest first, as JSON')
    .option('--limit <number>', 'how much is listed at once', upTo(MAX_PARKED), MAX_PARKED)
    .option('--cursor <text>', 'nextCursor of the list before', readCursor)
    .option('--all', 'everything that is parked')
    .option('--notification <number>', 'a parked notification; may repeat', collectNumber)
    .option('--write <contact id>', 'the parked writes of a contact; may repeat', collectText)
    .option('--contact <id>', 'a contact that could not be read; may repeat', collectText)
    .option('--conversation <id>', 'a conversation that could not be read; may repeat', collectText)
    .action(
      (options: {
        list?: boolean;
        limit: number;
        cursor?: string;
        all?: boolean;
        notification?: readonly number[];
        write?: readonly string[];
        contact?: readonly string[];
        conversation?: readonly string[];
      }) =>
        commands.replay({
          list: options.list === true,
          limit: options.limit,
          cursor: options.cursor ?? null,
          all: options.all === true,
          notifications: options.notification ?? [],
          writes: options.write ?? [],
          contacts: options.contact ?? [],
          conversations: options.conversation ?? [],
        }),
    );
}

function upTo(most: number): (text: string) => number {
  return (text) => {
    const number = Number(text);
    if (/^\d+$/.test(text) && number >= 1 && number <= most) return number;
    throw new InvalidArgumentError(`It must be a whole number from 1 to ${most}.`);
  };
}

function readCursor(text: string): string {
  if (isParkedPlace(text)) return text;
  throw new InvalidArgumentError('It must be the nextCursor of the list before.');
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
export async function runJobCommand(request: RunRequest, options: JobCommandDeps): Promise<void> {
  const { config, clock, log, signal, stdout, stderr } = options;
  const { store, owner, deps, heartbeat, prober, bind } = await connect({
    config,
    clock,
    log,
    as: 'command',
  });
  const bar = createProgressBar(stderr, request.job);
  const writer = createWriter({ ...deps, dryRun: config.dryRun });
  try {
    heartbeat.start();
    await store.releaseDeadLeases((other) => isDeadOwner(other, owner));
    prober.start();
    await bind(signal);
    if (!deps.time.isTrusted()) {
      const hours = Math.round(Math.abs(deps.time.aheadMs()) / 3_600_000);
      throw new AppError(
        'checks_failed',
        'never',
        `This machine's clock is ${hours} h ${deps.time.aheadMs() > 0 ? 'ahead of' : 'behind'} Intercom's: set it ` +
          '(timedatectl set-ntp true), then run this again.',
      );
    }
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
    const drift = await store.listDrift({ runId: run.id, limit: MAX_DIFFERENCES, after: null });
    stdout.write(`${JSON.stringify(describeJob(run, drift), null, 2)}\n`);
    if (run.status === 'guarded') {
      throw new AppError('run_guarded', 'never', `Run ${run.id} stopped: ${run.reason ?? ''} (--force).`);
    }
  } finally {
    bar.stop();
    await writer.stop();
    await prober.stop();
    await heartbeat.stop();
    await store.close();
  }
}

async function writesUnderWay(store: Pick<Store, 'countWritesOf'>, { id }: Run): Promise<number> {
  const { waiting, failing } = await store.countWritesOf(id);
  return waiting - failing;
}

/** A cache that has been filled once is extended by a sweep, which looks before it changes anything. */
async function asItIsNeeded(request: RunRequest, store: Pick<Store, 'latestDoneRun'>): Promise<RunRequest> {
  if (request.job !== 'backfill' || (await store.latestDoneRun(['backfill'])) === null) return request;
  const { days = null, force = false } = request.params;
  return { job: 'reconcile', params: { lookbackDays: days, dryRun: false, force } };
}

function isBusy({ job, id, progress }: Run): string {
  return `Another process is at work: ${job} ${id}, ${progress.phase}. Try again when it has ended.`;
}

/**
 * Lists are read without changing anything, whatever the settings.
 * @throws AppError `bad_request` when nothing is named, `config_invalid` when the service uses the database with another
 * time zone, or `store_unavailable`.
 */
export async function runReplayCommand(
  command: ReplayCommand,
  deps: DatabasePlace & {
    readonly timeZone: string;
    readonly stdout: NodeJS.WritableStream;
    readonly clock: Clock;
  },
): Promise<void> {
  const { list, limit, cursor, all, notifications, writes } = command;
  const objects = [
    ...command.contacts.map((id) => ({ kind: 'contact', id }) as const),
    ...command.conversations.map((id) => ({ kind: 'conversation', id }) as const),
  ];
  if (!list && !all && notifications.length + writes.length + objects.length === 0) {
    throw new AppError('bad_request', 'never', 'Name what is to be replayed, or say --all or --list.');
  }
  const { timeZone, stdout } = deps;
  const database = databaseAt(deps);
  if (list) {
    const parked = await database.openParkedOnly();
    try {
      stdout.write(`${JSON.stringify(await parkedPage(parked, limit, cursor), null, 2)}\n`);
    } finally {
      await parked.close();
    }
    return;
  }
  const store = await database.openStore({ as: 'command', mustExist: true, timeZone });
  try {
    const what = all ? 'all' : { notifications, writes, objects };
    const replayed = await store.replay(what, deps.clock.nowMs());
    stdout.write(`${replayed} back in the flow; the running service takes it up.\n`);
  } finally {
    await store.close();
  }
}
