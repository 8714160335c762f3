import { AppError } from '../../errors.js';
import { systemClock, type Clock } from '../../clock.js';
import type { Log } from '../../log.js';
import type { NewNotification, Store } from '../store.js';
import { recentNotifications, recentWrites } from './activity.js';
import { applyWork, compareWork, recomputeMembers } from './apply.js';
import { openConnection } from './connection.js';
import { deriveAgain } from './derive-again.js';
import { createGroupCommit } from './group-commit.js';
import { bindWorkspace, canWrite, releaseDeadLeases, saveCoaches } from './keep-house.js';
import { eraseLeft } from './erase.js';
import { countBacklog, findMember, readFreshness } from './look.js';
import { createLogEmptying } from './log-emptying.js';
import { mendTimes } from './mend-times.js';
import { eraseOldPayloads } from './payload-retention.js';
import { beginForOlder } from './payload-scrub.js';
import { countParked, listParked } from './parked.js';
import { makeMarkKey } from './person-marks.js';
import { createInboxPruner, pruneRuns } from './prune.js';
import { recomputeMember } from './recompute.js';
import { replay } from './replay.js';
import { asStoreError, guarded, sqliteCode } from './store-errors.js';
import {
  countCached,
  countWritesOf,
  keepDrift,
  keepFound,
  listDrift,
  nextFound,
  noteSilence,
} from './sweep-steps.js';
import { createTables } from './tables.js';
import { PATIENCE_MS, waitForLock } from './wait-for-lock.js';
import { countOlderWebhooks } from './webhook-hours.js';

export interface SqliteStoreOptions {
  /** The database file; created with its folder where it is missing. */
  readonly path: string;
  /** Report time zone (IANA name): in it the dates that reports filter by are read. */
  readonly timeZone: string;
  readonly log?: Pick<Log, 'warn'>;
  /** Passes the time while another program holds the write lock. */
  readonly clock?: Pick<Clock, 'sleep'>;
}

/**
 * Opens the store on one SQLite file, brought up to this program's version.
 * @throws AppError `store_newer_than_program`, or `store_unavailable` when the file can't be used.
 */
export function openSqliteStore({ path, timeZone, log, clock = systemClock }: SqliteStoreOptions): Store {
  const { tables, connection } = open(path, timeZone);
  const { inbox, outbox, runs, members, meta, bell, hours, scrubber } = tables;
  const pruner = createInboxPruner(tables);

  const incoming = createGroupCommit((notifications: readonly NewNotification[]) =>
    inbox.storeAll(notifications),
  );

  // An erasure counts only when the old pages are out of the log too. A reader can hold that up: then after the next
  // piece of work, at the latest when the database is closed or opened.
  const logEmptying = createLogEmptying(connection.emptyLog, () =>
    log?.warn({}, 'erased data stays in the write-ahead log until a reader lets go of it'),
  );

  const insistOnOpen = (): void => {
    if (!connection.sqlite.open) throw new AppError('store_unavailable', 'later', 'the database is closed');
  };
  const sleep = (ms: number): Promise<void> => clock.sleep(ms);
  const openFor =
    (patienceMs: number) =>
    <Result>(work: () => Result | Promise<Result>): Promise<Result> =>
      waitForLock(
        () => {
          insistOnOpen();
          return work();
        },
        { patienceMs, sleep },
      );
  const withOpen = openFor(PATIENCE_MS.long);
  /** Where somebody waits for the answer. */
  const withOpenBriefly = openFor(PATIENCE_MS.brief);

  return {
    storeNotification: (notification) => withOpenBriefly(() => incoming.add(notification)),
    countWebhook: (result, atMs) => hours.note(result, atMs),

    leaseNotifications: (lease, of) => withOpen(() => inbox.lease(lease, of)),
    apply: (work) =>
      withOpen(() => {
        const applied = applyWork(tables, work, logEmptying.request);
        logEmptying.afterWork();
        return applied;
      }),
    compare: (work) => withOpen(() => compareWork(tables, work)),
    retryNotification: (failure) => withOpen(() => inbox.retry(failure)),
    parkNotification: (failure) =>
      withOpen(() => {
        if (inbox.park(failure)) logEmptying.request();
        logEmptying.afterWork();
      }),
    nextNotificationDueAtMs: (of) => withOpen(() => inbox.nextDueAtMs(of)),

    leaseWrites: (lease) => withOpen(() => outbox.lease(lease)),
    retryWrite: (failure) => withOpen(() => outbox.retry(failure)),
    parkWrite: (failure) => withOpen(() => outbox.park(failure)),
    holdWrite: (held) => withOpen(() => outbox.hold(held)),
    releaseHeldWrites: () => withOpen(() => outbox.releaseHeld()),
    nextWriteDueAtMs: () => withOpen(() => outbox.nextDueAtMs()),

    applyDueTransitions: ({ nowAt, limit, decide }) =>
      withOpen(() =>
        connection.transact(() => {
          const due = members.dueIds(nowAt, limit);
          const cause = { kind: 'transition', ref: null } as const;
          for (const id of due) recomputeMember(tables, id, { cause, nowMs: nowAt * 1000, decide });
          return due.length;
        }),
      ),
    nextTransitionAt: () => withOpen(() => members.nextChangeAt()),

    openRun: (request) => withOpen(() => runs.open(request)),
    takeUpRun: (request) => withOpen(() => runs.takeUp(request)),
    advanceRun: (page) => withOpen(() => runs.advance(page)),
    finishRun: (finish) => withOpen(() => runs.finish(finish)),
    latestRun: (job) => withOpen(() => runs.latest(job)),
    findRun: (id) => withOpen(() => runs.find(id)),
    latestDoneRun: (jobs) => withOpen(() => runs.latestDone(jobs)),
    listRuns: (request) => withOpen(() => runs.list(request)),

    keepFound: (found) => withOpen(() => keepFound(tables, found)),
    nextFound: (request) => withOpen(() => nextFound(tables, request)),
    keepDrift: (request) => withOpen(() => keepDrift(tables, request)),
    listDrift: (request) => withOpen(() => listDrift(tables, request)),
    listUnseen: (request) => withOpen(() => tables.sweeps.unseen(request)),
    countCached: (conversationsFromAt) => withOpen(() => countCached(tables, conversationsFromAt)),
    countSynced: () => withOpen(() => members.countSynced()),
    countWritesOf: (runId) => withOpen(() => countWritesOf(tables, runId)),
    noteSilence: (nowMs) => withOpen(() => noteSilence(tables, nowMs)),

    recomputeMembers: (request) => withOpen(() => recomputeMembers(tables, request)),
    setCoverage: (coverageFromAt) =>
      withOpen(() =>
        connection.transact(() => {
          const known = meta.read('coverage_from_at');
          meta.save('coverage_from_at', known === null ? coverageFromAt : Math.min(known, coverageFromAt));
        }),
      ),
    saveCoaches: (coaches) => withOpen(() => saveCoaches(tables, coaches)),

    findMember: (id) => withOpen(() => findMember(tables, id)),
    freshness: () => withOpen(() => readFreshness(tables)),
    recentNotifications: (limit, nowMs) => withOpen(() => recentNotifications(tables, limit, nowMs)),
    recentWrites: (limit) => withOpen(() => recentWrites(tables, limit)),
    backlog: (nowMs) => withOpen(() => countBacklog(tables, nowMs)),
    canWrite: () =>
      waitForLock(() => connection.sqlite.open && canWrite(tables), {
        patienceMs: PATIENCE_MS.brief,
        sleep,
      }).catch((error: unknown) => {
        const code = sqliteCode(error);
        if (code === null) throw error;
        log?.warn({ code }, 'the database cannot be written');
        return false;
      }),

    eraseOldPayloads: (beforeMs) => withOpen(() => loggedErasure(eraseOldPayloads(connection, beforeMs))),
    finishErasures: (nowMs) =>
      withOpen(() => {
        const piece = eraseLeft(tables, nowMs);
        loggedErasure(piece.erased);
        return piece;
      }),
    scrubPayloads: (nowMs) =>
      withOpen(() => {
        const piece = scrubber.takePiece(nowMs);
        loggedErasure(piece.erased);
        return piece;
      }),
    pruneInbox: (before) => withOpen(() => pruner.prune(before)),
    pruneRuns: (before) => withOpen(() => pruneRuns(tables, before)),
    keepWebhookCounts: (beforeMs) =>
      withOpen(() =>
        connection.transact(() => {
          hours.flush();
          hours.forgetBefore(beforeMs);
        }),
      ),
    // Briefly, because what it is told of the clock grows old meanwhile.
    mendTimes: (reading) => withOpenBriefly(() => mendTimes(tables, reading)),
    bindWorkspace: (workspace) => withOpen(() => bindWorkspace(tables, workspace)),
    readWorkspace: () => withOpen(() => meta.read('workspace')),
    releaseDeadLeases: (isDead) => withOpen(() => releaseDeadLeases(tables, isDead)),
    replay: (what) => replay(tables, what, withOpenBriefly),
    parked: (page) => withOpen(() => listParked(tables, page)),
    countParked: () => withOpen(() => countParked(tables)),
    webhookHours: (fromAt) => withOpen(() => hours.since(fromAt * 1000)),
    onWork: (loop, listener) => bell.listen(loop, listener),
    close: () =>
      guarded(() => {
        if (!connection.sqlite.open) return;
        incoming.flush();
        keepNotes();
        logEmptying.now();
        connection.sqlite.close();
      }),
  };

  function loggedErasure(erased: number): number {
    if (erased > 0) logEmptying.request();
    logEmptying.afterWork();
    return erased;
  }

  /** Counts are worth no failure. */
  function keepNotes(): void {
    if (!hours.hasNotes()) return;
    try {
      connection.transact(() => hours.flush());
    } catch (error) {
      if (sqliteCode(error) === null) throw error;
    }
  }
}

function open(path: string, timeZone: string) {
  try {
    const connection = openConnection(path);
    const tables = createTables(connection, timeZone);
    deriveAgain(tables, timeZone);
    countOlderWebhooks(connection);
    makeMarkKey(connection, tables.meta);
    beginForOlder(tables);
    connection.beginServing();
    return { connection, tables };
  } catch (error) {
    throw asStoreError(error);
  }
}
