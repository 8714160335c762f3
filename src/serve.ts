import { createApp } from './app.js';
import { nowAt, type Clock } from './clock.js';
import { describeConfig, type Config } from './config/config.js';
import { connect } from './connect.js';
import { listen } from './http/listen.js';
import type { Log } from './log.js';
import { createHousekeeping } from './upkeep/housekeeping.js';
import { isDeadOwner } from './work/owner.js';
import { regionOf } from './pages/messenger.js';
import { createProcessor } from './process/processor.js';
import { createJobs } from './reconcile/jobs.js';
import { createSchedule } from './reconcile/schedule.js';
import { openReportThread } from './reports/thread/open-report-thread.js';
import { warmUpReports } from './reports/warm-up.js';
import { placeOf } from './store/open-store.js';
import type { RunProgress } from './store/ports/runs.js';
import type { Store } from './store/ports/store.js';
import { untilTimeIsTrusted } from './watch/time-check.js';
import { createTransitions } from './transitions/transitions.js';
import { createWriter } from './write-back/writer.js';
import type { Written } from './write-back/attempt.js';

export interface Service {
  /** Where it listens, `http://127.0.0.1:3000`. */
  readonly url: string;
  readonly store: Store;
  /** Rejects with `workspace_mismatch` when the token belongs to another workspace than the database. */
  readonly bound: Promise<void>;
  /** Resolves when the first backfill is done (at once when none is due); rejects when it is stopped before. */
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

/** Then the service counts as ready all the same: webhooks matter more. */
const MAX_WARM_UP_MS = 10_000;

/**
 * Starts the whole service: config → store → app → loops. Nothing but this and `connect` wires parts together.
 * @throws AppError `store_unavailable` or `store_newer_than_program`, or the listening socket's error.
 */
export async function serve(options: ServeOptions): Promise<Service> {
  const { config, clock, log } = options;
  log.info({ config: describeConfig(config) }, 'starting');
  if (config.auth === 'proxy' && config.publicHosts.length === 0) {
    log.warn(
      { setting: 'PUBLIC_URL' },
      'AUTH=proxy without PUBLIC_URL answers only requests addressed to localhost',
    );
  }
  const connection = await connect({ ...options, as: 'service' });
  const { store, owner, deps, heartbeat, prober } = connection;
  deps.metrics.measureProcess();
  // After the store, which makes the file and brings its tables up to date.
  const { reports, makeCsv } = openReportThread({ place: placeOf(config) });
  const stopping = new AbortController();
  const { signal } = stopping;
  // Loading takes a while where the cores are busy: who waits until the service is ready does not wait for it again.
  let areReportsWarm = false;
  const awaitWarmth = async (): Promise<void> => {
    await Promise.race([
      warmUpReports(reports, nowAt(clock), config.timeZone),
      clock.sleep(MAX_WARM_UP_MS, signal),
    ]);
    areReportsWarm = true;
  };
  void awaitWarmth();
  const loops = [
    createProcessor({ ...deps, settleAfterSeconds: config.settleAfterSeconds }),
    createWriter({
      ...deps,
      dryRun: config.dryRun,
      ...(options.onWritten === undefined ? {} : { onWritten: options.onWritten }),
    }),
  ];
  const transitions = createTransitions(deps);
  const { apiTokens, auth, publicHosts, trustedProxies } = config;
  const access = { apiTokens, auth, publicHosts, trustedProxies };
  const messenger = {
    appId: config.intercomAppId,
    secret: config.messengerSecret,
    region: regionOf(config.intercomApiBase),
  };
  const jobs = createJobs(deps, signal);
  heartbeat.start();
  const formKey = await store.readFormKey();
  const app = createApp({
    ...config,
    ...deps,
    outage: deps.breaker.outage,
    reports,
    makeCsv,
    jobs,
    access,
    messenger,
    areReportsWarm: () => areReportsWarm,
    isStopping: () => signal.aborted,
    formKey,
  });

  const housekeeping = createHousekeeping({ ...deps, payloadRetentionDays: config.payloadRetentionDays });
  // It needs nothing of Intercom, so it doesn't wait for it either.
  housekeeping.start();

  const released = await store.releaseDeadLeases((other) => isDeadOwner(other, owner));
  if (released > 0) log.info({ released }, 'work of a process that ended was taken over');
  if (!config.dryRun) await store.releaseHeldWrites();

  const listener = await listen(app, config, clock).catch(async (error: unknown) => {
    await housekeeping.stop();
    await heartbeat.stop();
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
  const onProgress: NonNullable<typeof deps.onProgress> = (progress, job) => {
    if (job === 'backfill') onBackfillProgress?.(progress);
  };
  const schedule = createSchedule({ ...deps, onProgress }, config);
  const backfilled = bound.then(() => schedule.filled);
  // A call that was closed while nobody was at work must be known before a status changes for the want of one.
  void bound
    .then(() => store.freshness())
    // How far back the first backfill reaches counts from today: by a wrong date it would stop short, and say that it
    // knows all.
    .then(({ coverageFromAt }) =>
      coverageFromAt === null ? untilTimeIsTrusted(deps.time, clock, signal) : undefined,
    )
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
    // Meanwhile a balancer finds out, by /readyz, that this one takes no more.
    const drained = clock.sleep(config.drainSeconds * 1000).then(() => listener.close());
    const ending = [drained, bound.catch(() => undefined), schedule.stop(), jobs.settled()];
    await Promise.all([
      ...ending,
      ...[housekeeping, transitions, prober, ...loops].map((loop) => loop.stop()),
    ]);
    await heartbeat.stop();
    await reports.close();
    await store.close();
    log.info({}, 'stopped');
  }
}
