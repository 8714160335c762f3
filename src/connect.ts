import { persist, reasonOf } from './work/backoff.js';
import type { Clock } from './clock.js';
import type { Config } from './config/config.js';
import { AppError } from './errors.js';
import { createBreaker, type Breaker } from './intercom/breaker.js';
import { createIntercomClient } from './intercom/client.js';
import { createRateBudget } from './intercom/rate-budget.js';
import type { Log } from './log.js';
import { logOutages } from './work/log-outages.js';
import { createMetrics, type Metrics } from './watch/metrics.js';
import { createHeartbeat, type Heartbeat } from './work/heartbeat.js';
import { nameThisProcess } from './work/owner.js';
import { createProber } from './work/probe-intercom.js';
import type { RunDeps } from './reconcile/run-frame.js';
import { databaseAt } from './store/open-store.js';
import type { Store } from './store/ports/store.js';
import { createTimeCheck, type TimeCheck } from './watch/time-check.js';
import { VERSION } from './version.js';
import type { WorkLoop } from './work/work-loop.js';

/** The database and Intercom, as the service and the jobs of the command line use them. */
export interface Connected {
  readonly store: Store;
  /** Names this process in leases. */
  readonly owner: string;
  readonly deps: RunDeps & { readonly metrics: Metrics; readonly breaker: Breaker; readonly time: TimeCheck };
  /** Runs from the beginning; its stop comes last, before the store is closed. */
  readonly heartbeat: Heartbeat;
  /** Asks whether Intercom answers again, for all that wait. Runs from before `bind` until the end. */
  readonly prober: WorkLoop;
  /**
   * Ties the database to the token's workspace. What calls Intercom waits for it: with a token of another workspace
   * every contact would seem deleted, and the cache would be erased.
   * @throws AppError `workspace_mismatch`, or `stopped` when `signal` aborts.
   */
  readonly bind: (signal: AbortSignal) => Promise<void>;
}

/**
 * `as`: only the service may bring the database in step with a newer program or other settings; a command takes it as
 * the service has left it.
 * @throws AppError `store_unavailable` or `store_newer_than_program`; for a command also `config_invalid`, when its
 * settings are not those of the service.
 */
export async function connect(options: {
  readonly config: Config;
  readonly clock: Clock;
  readonly log: Log;
  readonly as: 'service' | 'command';
}): Promise<Connected> {
  const { config, clock, log } = options;
  const { timeZone, dryRun, eligibleProgramsByReferral } = config;
  const own = { timeZone, settings: { dryRun, eligibleProgramsByReferral } };
  const store = await databaseAt(config).openStore({ ...own, as: options.as, log });
  const owner = nameThisProcess();
  const budget = createRateBudget({ clock, shared: store });
  const heartbeat = createHeartbeat({ store, budget, owner, role: options.as, clock, log });
  const breaker = createBreaker({ clock, onEvent: logOutages({ log, store, clock }) });
  const metrics = createMetrics({ store, budget, breaker, clock });
  const intercom = createIntercomClient({
    apiBase: config.intercomApiBase,
    token: config.accessToken,
    version: config.intercomVersion,
    budget,
    breaker,
    clock,
    userAgent: `intercom-engagement/${VERSION}`,
    onCall: metrics.countCall,
    onServerTime: (serverAtMs) => time.noteAnswer(serverAtMs),
  });
  const time: TimeCheck = createTimeCheck({
    clock,
    log,
    ask: (signal) => intercom.readClock({ priority: 'soon', signal }),
  });
  metrics.watchClock(time);
  metrics.watchReplicas(heartbeat);
  const settings = {
    timeZone: config.timeZone,
    eligibleProgramsByReferral: config.eligibleProgramsByReferral,
    isDayKnown: () => time.isTrusted(),
  };
  const maxChangeShare = config.maxSweepChangeShare;
  const deps = { store, intercom, breaker, clock, log, metrics, owner, settings, maxChangeShare, time };
  const prober = createProber({ intercom, breaker, clock, log });
  return { store, owner, deps, heartbeat, prober, bind: (signal) => bindWorkspace(deps, signal) };
}

/** A start that waits for Intercom says so once a minute. */
const SAY_EVERY_MS = 60_000;

async function bindWorkspace(
  deps: Pick<RunDeps, 'store' | 'intercom' | 'breaker' | 'clock' | 'log'>,
  signal: AbortSignal,
): Promise<void> {
  const { store, intercom, breaker, clock, log } = deps;
  let saidAtMs = Number.NEGATIVE_INFINITY;
  const workspace = await persist(() => intercom.readWorkspace({ priority: 'soon', signal }), {
    clock,
    signal,
    onClear: breaker.onClear,
    onRetry: (error, attempt) => {
      const isNews = Math.abs(clock.nowMs() - saidAtMs) >= SAY_EVERY_MS;
      if (isNews) saidAtMs = clock.nowMs();
      log[isNews ? 'warn' : 'debug']({ attempt, reason: reasonOf(error) }, 'Intercom does not answer yet');
    },
  });
  const bound = await store.bindWorkspace(workspace);
  if (bound.id === workspace.id) return;
  throw new AppError(
    'workspace_mismatch',
    'never',
    `this database belongs to the Intercom workspace ${bound.id}, the token to ${workspace.id}: ` +
      `set INTERCOM_ACCESS_TOKEN to a token of the first, or DATABASE_PATH (DATABASE_URL) to a new database`,
  );
}
