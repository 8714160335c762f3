import { AppError } from '../../errors.js';
import type { Log } from '../../log.js';
import type { NewNotification, Store } from '../store.js';
import { recentNotifications, recentWrites } from './activity.js';
import { applyWork, compareWork, recomputeMembers } from './apply.js';
import { openConnection } from './connection.js';
import { deriveAgain } from './derive-again.js';
import { createGroupCommit } from './group-commit.js';
import { bindWorkspace, canWrite, releaseDeadLeases, replay, saveCoaches } from './keep-house.js';
import { countBacklog, findMember, listParked, readFreshness } from './look.js';
import { mendTimes } from './mend-times.js';
import { eraseOldPayloads } from './payload-retention.js';
import { scrubPayloads } from './payload-scrub.js';
import { recomputeMember } from './recompute.js';
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

export interface SqliteStoreOptions {
  /** The database file; created with its folder where it is missing. */
  readonly path: string;
  /** Report time zone (IANA name): in it the dates that reports filter by are read. */
  readonly timeZone: string;
  readonly log?: Pick<Log, 'warn'>;
}

/**
 * Opens the store on one SQLite file, brought up to this program's version.
 * @throws AppError `store_newer_than_program`, or `store_unavailable` when the file can't be used.
 */
export function openSqliteStore({ path, timeZone, log }: SqliteStoreOptions): Store {
  const { tables, connection } = open(path, timeZone);
  const { inbox, outbox, runs, members, meta, bell } = tables;

  const incoming = createGroupCommit((notifications: readonly NewNotification[]) =>
    inbox.storeAll(notifications),
  );

  // An erasure counts only when the old pages are out of the log too. A reader can hold that up: then after the next
  // piece of work, at the latest when the database is closed or opened.
  let mustEmptyLog = false;
  let isHeldUp = false;
  const emptyLog = (): void => {
    mustEmptyLog = !connection.emptyLog();
    // Once: a reader such as Litestream may hold on for long, and each piece of work tries again.
    if (mustEmptyLog && !isHeldUp) {
      log?.warn({}, 'erased data stays in the write-ahead log until a reader lets go of it');
    }
    isHeldUp = mustEmptyLog;
  };

  const insistOnOpen = (): void => {
    if (!connection.sqlite.open) throw new AppError('store_unavailable', 'later', 'the database is closed');
  };
  const withOpen = <Result>(work: () => Result): Promise<Result> =>
    guarded(() => {
      insistOnOpen();
      return work();
    });

  return {
    storeNotification: async (notification) => {
      insistOnOpen();
      try {
        return await incoming.add(notification);
      } catch (error) {
        throw asStoreError(error);
      }
    },

    leaseNotifications: (lease, of) => withOpen(() => inbox.lease(lease, of)),
    apply: (work) =>
      withOpen(() => {
        const applied = applyWork(tables, work, () => {
          mustEmptyLog = true;
        });
        if (mustEmptyLog) emptyLog();
        return applied;
      }),
    compare: (work) => withOpen(() => compareWork(tables, work)),
    retryNotification: (failure) => withOpen(() => inbox.retry(failure)),
    parkNotification: (failure) => withOpen(() => inbox.park(failure)),
    nextNotificationDueAtMs: (of) => withOpen(() => inbox.nextDueAtMs(of)),

    leaseWrites: (lease) => withOpen(() => outbox.lease(lease)),
    retryWrite: (failure) => withOpen(() => outbox.retry(failure)),
    parkWrite: (failure) => withOpen(() => outbox.park(failure)),
    parkChanges: (parked) => withOpen(() => outbox.parkChanges(parked)),
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
      guarded(() => connection.sqlite.open && canWrite(tables)).catch((error: unknown) => {
        const code = sqliteCode(error);
        if (code === null) throw error;
        log?.warn({ code }, 'the database cannot be written');
        return false;
      }),

    eraseOldPayloads: (beforeMs) =>
      withOpen(() => {
        const erased = eraseOldPayloads(connection, beforeMs);
        if (erased > 0) emptyLog();
        return erased;
      }),
    scrubPayloads: () =>
      withOpen(() => {
        const scrubbed = scrubPayloads(tables);
        if (scrubbed.erased > 0) emptyLog();
        return scrubbed;
      }),
    mendTimes: (clock) => withOpen(() => mendTimes(tables, clock)),
    bindWorkspace: (workspace) => withOpen(() => bindWorkspace(tables, workspace)),
    readWorkspace: () => withOpen(() => meta.read('workspace')),
    releaseDeadLeases: (isDead) => withOpen(() => releaseDeadLeases(tables, isDead)),
    replay: (what) => withOpen(() => replay(tables, what)),
    parked: () => withOpen(() => listParked(tables)),
    onWork: (loop, listener) => bell.listen(loop, listener),
    close: () =>
      guarded(() => {
        if (!connection.sqlite.open) return;
        incoming.flush();
        if (mustEmptyLog) emptyLog();
        connection.sqlite.close();
      }),
  };
}

function open(path: string, timeZone: string) {
  try {
    const connection = openConnection(path);
    const tables = createTables(connection, timeZone);
    deriveAgain(tables, timeZone);
    return { connection, tables };
  } catch (error) {
    throw asStoreError(error);
  }
}
