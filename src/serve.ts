import { createApp } from './app.js';
import type { Clock } from './clock.js';
import { describeConfig, type Config } from './config.js';
import { connect } from './connect.js';
import { listen } from './listen.js';
import type { Log } from './log.js';
import { createHouseKeeping } from './operate/keep-house.js';
import { isDeadOwner } from './owner.js';
import { regionOf } from './pages/messenger.js';
import { createProcessor } from './process/processor.js';
import { createJobs } from './reconcile/jobs.js';
import { fillCache } from './reconcile/run-job.js';
import { createSchedule } from './reconcile/schedule.js';
import { openReportThread } from './report-thread/open-report-thread.js';
import type { RunProgress } from './store/run-store.js';
import type { Store } from './store/store.js';
import { createTransitions } from './transitions/transitions.js';
import { createWriter, type Written } from './write-back/writer.js';

export interface Service {
  /** Where it listens, `http://127.0.0.1:3000`. */
  readonly url: string;
  readonly store: Store;
  /** Rejects with `workspace_mismatch` when the token belongs to another workspace than the database. */
  readonly bound: Promise<void>;
  /** Resolves when the first backfill is done (at once when none is due); rejects when it failed. */
  readonly backfilled: Promise<void>;
  /** Aborted as soon as it is told to stop. */
  readonly signal: AbortSignal;
  /** Stops receiving, settles what is in hand, closes the database. A second call waits for the first. */
  stop(): Promise<void>;
}

export interface ServeOptions {
  readonly config: Config;
  readonly clock: Clock;
  readonly log: Log;
  readonly onBackfillProgress?: (progress: RunProgress) => void;
  /** Told of every change that reached Intercom; the sandbox prints them. */
  readonly onWritten?: (written: Written) => void;
}

/**
 * Starts the whole service: config → store → app → loops. Nothing but this and `connect` wires parts together.
 * @throws AppError `store_unavailable` or `store_newer_than_program`, or the listening socket's error.
 */
export async function serve(options: ServeOptions): Promise<Service> {
  const { config, clock, log } = options;
  log.info({ config: describeConfig(config) }, 'starting');
  const connection = connect(options);
  const { store, owner, deps, prober } = connection;
  deps.metrics.measureProcess();
  // After the store, which makes the file and brings its tables up to date.
  const { reports, makeCsv } = openReportThread({ path: config.databasePath });
  const stopping = new AbortController();
  const { signal } = stopping;
  const loops = [
    createProcessor({ ...deps, settleAfterSeconds: config.settleAfterSeconds }),
    createWriter({
      ...deps,
      dryRun: config.dryRun,
      ...(options.onWritten === undefined ? {} : { onWritten: options.onWritten }),
    }),
  ];
  const transitions = createTransitions(deps);
  const access = { apiTokens: config.apiTokens, auth: config.auth };
  const messenger = {
    appId: config.intercomAppId,
    secret: config.messengerSecret,
    region: regionOf(config.intercomApiBase),
  };
  const jobs = createJobs(deps, signal);
  const app = createApp({
    ...config,
    ...deps,
    outage: deps.breaker.outage,
    reports,
    makeCsv,
    jobs,
    access,
    messenger,
  });

  const houseKeeping = createHouseKeeping({ ...deps, payloadRetentionDays: config.payloadRetentionDays });
  // It needs nothing of Intercom, so it doesn't wait for it either.
  houseKeeping.start();

  const released = await store.releaseDeadLeases((other) => isDeadOwner(other, owner));
  if (released > 0) log.info({ released }, 'work of a process that ended was taken over');
  if (!config.dryRun) await store.releaseHeldWrites();

  const listener = await listen(app, config, clock).catch(async (error: unknown) => {
    await houseKeeping.stop();
    await reports.close();
    await store.close();
    throw error;
  });
  const { url } = listener;
  log.info({ url }, 'listening');

  prober.start();
  // Receiving needs nothing from Intercom; what calls it waits until the workspace is known to be the right one.
  const bound = connection.bind(signal).then(() => loops.forEach((loop) => loop.start()));
  const { onBackfillProgress } = options;
  const watched = onBackfillProgress === undefined ? deps : { ...deps, onProgress: onBackfillProgress };
  const backfilled = bound.then(() => fillCache(watched, config.backfillDays, signal));
  const schedule = createSchedule(deps, config);
  // A call that was closed while nobody was at work must be known before a status changes for the want of one.
  void backfilled
    .then(() => schedule.start())
    .catch(() => undefined)
    .then(() => transitions.start());
  // Both rejections are the caller's to see; this only keeps Node from ending the process before it looks.
  backfilled.catch(() => undefined);

  let stopped: Promise<void> | null = null;
  return {
    url,
    store,
    bound,
    backfilled,
    signal,
    stop: () => (stopped ??= stop()),
  };

  async function stop(): Promise<void> {
    stopping.abort();
    const ending = [listener.close(), backfilled.catch(() => undefined), schedule.stop(), jobs.settled()];
    await Promise.all([
      ...ending,
      ...[houseKeeping, transitions, prober, ...loops].map((loop) => loop.stop()),
    ]);
    await reports.close();
    await store.close();
    log.info({}, 'stopped');
  }
}
