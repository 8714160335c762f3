import { AppError } from '../../errors.js';
import type { Log } from '../../log.js';
import type { ServiceSettings } from '../service-settings.js';
import type { NewNotification, Store } from '../store.js';
import { recentNotifications, recentWrites } from './activity.js';
import { applyWork, compareWork, recomputeMembers } from './apply.js';
import { openConnection, type Connection } from './connection.js';
import { deriveAgain, refuseToDerive } from './derive-again.js';
import { watchPlace } from './file-place.js';
import { createGroupCommit } from './group-commit.js';
import { bindWorkspace, canWrite, releaseDeadLeases, replay, saveCoaches } from './keep-house.js';
import { countBacklog, findMember, listParked, readFreshness } from './look.js';
import { mendTimes } from './mend-times.js';
import { createMeta } from './meta.js';
import { eraseOldPayloads } from './payload-retention.js';
import { scrubPayloads } from './payload-scrub.js';
import { recomputeMember } from './recompute.js';
import { watchSettings } from './settings-fit.js';
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
  /** What else has to be the same for all that work on the file; left out by what decides and writes nothing. */
  readonly settings?: ServiceSettings;
  readonly log?: Pick<Log, 'warn'> & Partial<Pick<Log, 'error'>>;
}

/**
 * Opens the store on one SQLite file for the service: it is brought up to this program's version and to these settings.
 * @throws AppError `store_newer_than_program`, or `store_unavailable` when the file can't be used.
 */
export function openSqliteStore(options: SqliteStoreOptions): Store {
  return createStore(options, open(options, 'service'));
}

/**
 * The same for a command beside the service, or before its first start: a file that is there already is taken as it is or
 * not at all, because a service may be working with it.
 * @throws AppError as above; `config_invalid` when the service works with other settings, `store_unavailable` when an
 * older program does.
 */
export function joinSqliteStore(options: SqliteStoreOptions): Store {
  return createStore(options, open(options, 'command'));
}

function createStore({ log }: SqliteStoreOptions, opened: ReturnType<typeof open>): Store {
  const { tables, connection, whyMoved, whyTakenOver } = opened;
  const { inbox, outbox, runs, members, meta, bell } = tables;

  let said: string | null = null;
  /** Said once, however often it is met. */
  const say = (why: string | null): string | null => {
    if (why !== null && why !== said) {
      log?.error?.({ reason: why }, 'this process must not use the database any more: restart it');
    }
    said = why;
    return why;
  };
  const whyUnfit = (): string | null => say(whyMoved() ?? whyTakenOver());
  const assertFit = (why: string | null): void => {
    if (why !== null) throw unfit(why);
  };

  const incoming = createGroupCommit((notifications: readonly NewNotification[]) => {
    assertFit(say(whyMoved()));
    const answers = inbox.storeAll(notifications);
    // Again: what was stored counts only where a restart finds it.
    assertFit(say(whyMoved()));
    return answers;
  });

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
      assertFit(whyUnfit());
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
      guarded(() => connection.sqlite.open && whyUnfit() === null && canWrite(tables)).catch(
        (error: unknown) => {
          const code = sqliteCode(error);
          if (code === null) throw error;
          log?.warn({ code }, 'the database cannot be written');
          return false;
        },
      ),
    whyUnfit: () => guarded(() => (connection.sqlite.open ? whyUnfit() : null)),

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
    parked: () => withOpen(() => listParked({ sqlite: connection.sqlite, writes: tables.writes })),
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

function open({ path, timeZone, settings }: SqliteStoreOptions, role: 'service' | 'command') {
  try {
    const bare = openConnection(path, { mayMigrate: role === 'service' });
    try {
      const meta = createMeta(bare);
      const whyTakenOver = watchSettings(bare.sqlite, meta, { timeZone, settings });
      // Again inside each transaction, before which another process may have come in.
      const connection: Connection = {
        ...bare,
        transact: (work) =>
          bare.transact(() => {
            const why = whyTakenOver();
            if (why !== null) throw unfit(why);
            return work();
          }),
      };
      const tables = createTables(connection, timeZone, bare);
      if (role === 'command') refuseToDerive(tables, { timeZone, settings });
      // A command begins what is new, and meets the check above once more should a service begin it at the same moment.
      deriveAgain(role === 'command' ? tables : { ...tables, connection: bare }, timeZone);
      if (role === 'service' && settings !== undefined) {
        bare.transact(() => meta.save('service_settings', settings));
      }
      return { connection, tables, whyMoved: watchPlace(path), whyTakenOver };
    } catch (error) {
      bare.sqlite.close();
      throw error;
    }
  } catch (error) {
    throw asStoreError(error);
  }
}

function unfit(why: string): AppError {
  return new AppError('store_unavailable', 'later', why);
}
