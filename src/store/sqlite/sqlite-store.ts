import { AppError } from '../../errors.js';
import { systemClock } from '../../clock.js';
import { unfit } from '../derived-by.js';
import type { NewNotification } from '../ports/inbox.js';
import type { Store } from '../ports/store.js';
import { recentNotifications, recentWrites } from './activity.js';
import { apply, applyTogether, compare, decideAgain } from './apply.js';
import { createGroupCommit } from '../group-commit.js';
import { bindWorkspace, canWrite, saveCoaches } from './workspace.js';
import { beat, leave, releaseDeadLeases } from './take-over.js';
import { readKey } from './meta.js';
import { eraseLeft } from './erase.js';
import { countBacklog, findMember, readFreshness } from './look.js';
import { createLogEmptying } from './log-emptying.js';
import { fixTimes } from './fix-times.js';
import { noteOtherWorkspaces } from './other-workspaces.js';
import { eraseOldPayloads } from './payload-retention.js';
import { countParked, listParked } from './parked.js';
import { createInboxPruner, pruneRuns } from './prune.js';
import { replay } from './replay.js';
import { guarded, sqliteCode } from './store-errors.js';
import {
  countCached,
  countWritesOf,
  keepDrift,
  keepFound,
  listDrift,
  nextFound,
  detectSilence,
} from './sweep-steps.js';
import { createRideAlong } from './ride-along.js';
import { PATIENCE_MS, waitForLock } from './wait-for-lock.js';
import { openDatabase, type SqliteStoreOptions } from './open-database.js';

/**
 * Opens the store on one SQLite file for the service: it is brought up to this program's version and to these settings.
 * @throws AppError `store_newer_than_program`, or `store_unavailable` when the file can't be used.
 */
export function openSqliteStore(options: SqliteStoreOptions): Store {
  return createStore(options, openDatabase(options, 'service'));
}

/**
 * The same for a command beside the service, or before its first start: a file that is there already is taken as it is or
 * not at all, because a service may be working with it.
 * @throws AppError as above; `config_invalid` when the service works with other settings, `store_unavailable` when an
 * older program does.
 */
export function joinSqliteStore(options: SqliteStoreOptions): Store {
  return createStore(options, openDatabase(options, 'command'));
}

function createStore(
  { log, clock = systemClock }: SqliteStoreOptions,
  opened: ReturnType<typeof openDatabase>,
): Store {
  const { tables, connection, whyMoved, whyTakenOver } = opened;
  const { inbox, outbox, runs, members, meta, bell, hours, parkedObjects, scrubber } = tables;
  const pruner = createInboxPruner(tables);
  const parkedTables = { sqlite: connection.sqlite, parkedObjects, writes: tables.writes };

  let isClosing = false;
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

  const incoming = createGroupCommit(async (notifications: readonly NewNotification[]) => {
    assertFit(say(whyMoved()));
    const answers = inbox.storeAll(notifications);
    await connection.toDisk();
    // Again: what was stored counts only where a restart finds it.
    assertFit(say(whyMoved()));
    return answers;
  });

  // An erasure counts only when the old pages are out of the log too. A reader can hold that up: then after the next
  // piece of work, at the latest when the database is closed or opened.
  const logEmptying = createLogEmptying(connection.emptyLog, () =>
    log?.warn({}, 'erased data stays in the write-ahead log until a reader lets go of it'),
  );

  connection.onCheckpoint(logEmptying.afterWork);

  const assertOpen = (): void => {
    if (!connection.sqlite.open) throw new AppError('store_unavailable', 'later', 'the database is closed');
  };
  const sleep = (ms: number): Promise<void> => clock.sleep(ms);
  const openFor =
    (patienceMs: number, whyNot: () => string | null = whyUnfit) =>
    <Result>(work: () => Result | Promise<Result>): Promise<Result> =>
      waitForLock(
        () => {
          assertOpen();
          assertFit(whyNot());
          return work();
        },
        { patienceMs, sleep },
      );
  const withOpen = openFor(PATIENCE_MS.long);

  // Three doors. What only looks comes in through `withOpen`.
  //
  // What is known outside once it is answered (Intercom never sends again what was answered 200; a person was told that
  // it is done; a request to Intercom goes out) is on disk before that.
  const forced =
    (attempt: typeof withOpen) =>
    async <Result>(work: () => Result): Promise<Result> => {
      const result = await attempt(work);
      // Not every change comes in a transaction of its own.
      connection.noteCommit();
      await connection.toDisk();
      return result;
    };
  const durably = forced(withOpen);
  /** Where somebody waits for the answer. */
  const openBriefly = openFor(PATIENCE_MS.brief);
  const durablyAndBriefly = forced(openBriefly);
  // What a restart does again from what is on disk: a power cut takes back the last of it, in the order in which it was
  // committed, so that the database is as it was at some moment before. It rides along, many pieces in one commit.
  const riders = createRideAlong({
    transact: connection.transact,
    isInTransaction: () => connection.sqlite.inTransaction,
    runGroup: (group) => withOpen(group),
    countUrgent: incoming.count,
    afterGroup: logEmptying.afterWork,
  });
  const ride = riders.add;
  /** What comes in is kept whoever works it off; whether the file is in its place is looked at once for each group. */
  const receiving = openFor(PATIENCE_MS.brief, () => null);

  return {
    storeNotification: (notification) => receiving(() => incoming.add(notification)),
    countWebhook: (result, atMs) => hours.note(result, atMs),

    noteOtherWorkspaces: (seen) => ride(() => noteOtherWorkspaces(tables, seen)),
    leaseNotifications: (lease, of) => ride(() => inbox.lease(lease, of)),
    apply: (work) => ride(() => apply(tables, work, logEmptying.request)),
    applyTogether: (work) => ride(() => applyTogether(tables, work, logEmptying.request)),
    compare: (work) => withOpen(() => compare(tables, work)),
    retryNotification: (failure) => ride(() => inbox.retry(failure)),
    parkNotification: (failure) =>
      ride(() => {
        const { settlement, erased } = inbox.park(failure);
        if (erased) logEmptying.request();
        return settlement;
      }),
    renewNotifications: (held, leaseUntilMs) =>
      ride(() =>
        inbox.renew(
          held.map(({ id, lease }) => ({ key: id, lease })),
          leaseUntilMs,
        ),
      ),
    nextNotificationDueAtMs: (of) => withOpen(() => inbox.nextDueAtMs(of)),

    leaseWrites: (lease) => ride(() => outbox.lease(lease)),
    retryWrite: (failure) => ride(() => outbox.retry(failure)),
    parkWrite: (failure) => ride(() => outbox.park(failure)),
    parkChanges: (parked) => ride(() => outbox.parkChanges(parked)),
    holdWrite: (held) => ride(() => outbox.hold(held)),
    renewWrites: (held, leaseUntilMs) =>
      ride(() =>
        outbox.renew(
          held.map(({ contactId, lease }) => ({ key: contactId, lease })),
          leaseUntilMs,
        ),
      ),
    // A power cut must not take back that a request may have gone out: nobody would look whether it came through, nor
    // know that a First Session Date is our own.
    holdsWrite: (held) =>
      withOpen(async () => {
        const holds = outbox.findHeld(held) !== undefined;
        if (holds) await connection.toDisk();
        return holds;
      }),
    releaseHeldWrites: () => withOpen(() => outbox.releaseHeld()),
    nextWriteDueAtMs: () => withOpen(() => outbox.nextDueAtMs()),

    applyDueTransitions: ({ nowAt, limit, decide }) =>
      ride(() => {
        const due = members.dueIds(nowAt, limit);
        const cause = { kind: 'transition', ref: null } as const;
        decideAgain(tables, due, { cause, nowMs: nowAt * 1000, decide });
        return due.length;
      }),
    nextTransitionAt: () => withOpen(() => members.nextChangeAt()),

    openRun: (request) => durably(() => runs.open(request)),
    adoptRun: (request) => withOpen(() => runs.adopt(request)),
    renewRun: (held) => ride(() => runs.renew(held)),
    advanceRun: (page) => ride(() => runs.advance(page)),
    finishRun: (finish) => durably(() => runs.finish(finish)),
    countEntries: (phase) => withOpen(() => runs.countEntries(phase)),
    latestRun: (job) => withOpen(() => runs.latest(job)),
    findRun: (id) => withOpen(() => runs.find(id)),
    latestDoneRun: (jobs) => withOpen(() => runs.latestDone(jobs)),
    listRuns: (request) => withOpen(() => runs.list(request)),

    keepFound: (found) => ride(() => keepFound(tables, found)),
    nextFound: (request) => withOpen(() => nextFound(tables, request)),
    keepDrift: (request) => ride(() => keepDrift(tables, request)),
    listDrift: (request) => withOpen(() => listDrift(tables, request)),
    listUnseen: (request) => withOpen(() => tables.sweeps.unseen(request)),
    countCached: (conversationsFromAt) => withOpen(() => countCached(tables, conversationsFromAt)),
    countSynced: () => withOpen(() => members.countSynced()),
    countWritesOf: (runId) => withOpen(() => countWritesOf(tables, runId)),
    detectSilence: (nowMs) => ride(() => detectSilence(tables, nowMs)),

    parkObject: (object) => ride(() => parkedObjects.park(object)),
    findParkedObject: (subject, nowMs) => withOpen(() => parkedObjects.find(subject, nowMs)),
    listDueObjects: (nowMs, limit) => withOpen(() => parkedObjects.due(nowMs, limit)),
    releaseNameless: (kind, exceptRunId) => withOpen(() => parkedObjects.releaseNameless(kind, exceptRunId)),
    countParkedObjects: (kind) => withOpen(() => parkedObjects.count(kind)),

    recomputeMembers: ({ afterContactId, limit, ...work }) =>
      ride(() => {
        const ids = tables.contacts.userIdsAfter(afterContactId, limit);
        const lastContactId = ids.length < limit ? null : (ids.at(-1) ?? null);
        return { members: decideAgain(tables, ids, work), lastContactId };
      }),
    setCoverage: (coverageFromAt) =>
      withOpen(() =>
        connection.transact(() => {
          const known = meta.read('coverage_from_at');
          meta.save('coverage_from_at', known === null ? coverageFromAt : Math.min(known, coverageFromAt));
        }),
      ),
    saveCoaches: (coaches) => withOpen(() => saveCoaches(tables, coaches)),

    findMember: (id) => withOpen(() => findMember(tables, id)),
    otherWorkspaces: () => withOpen(() => meta.read('other_workspaces')),
    freshness: () => withOpen(() => readFreshness(tables)),
    recentNotifications: (limit, nowMs) => withOpen(() => recentNotifications(tables, limit, nowMs)),
    recentWrites: (limit) => withOpen(() => recentWrites(tables, limit)),
    foughtOver: (limit, nowMs) => withOpen(() => tables.fights.list(limit, nowMs)),
    backlog: (nowMs) => withOpen(() => countBacklog(tables, nowMs)),
    whyUnfit: () => guarded(() => (connection.sqlite.open ? whyUnfit() : null)),
    canWrite: () =>
      waitForLock(() => connection.sqlite.open && whyUnfit() === null && canWrite(tables), {
        patienceMs: PATIENCE_MS.brief,
        sleep,
      }).catch((error: unknown) => {
        const code = sqliteCode(error);
        if (code === null && !(error instanceof AppError)) throw error;
        log?.warn({ code }, 'the database cannot be written');
        return false;
      }),

    endLogin: (login) => durablyAndBriefly(() => tables.endedLogins.end(login)),
    isLoginEnded: (login) => withOpen(() => tables.endedLogins.isEnded(login)),
    readFormKey: () => durably(() => readKey(connection, meta, 'form_key')),
    countWrongToken: (wrong) => openBriefly(() => tables.wrongTokens.count(wrong)),
    forgetWrongTokens: (nowMs) => ride(() => tables.wrongTokens.forget(nowMs)),

    beat: (own) => ride(() => beat(tables, own)),
    leave: (owner) => withOpen(() => leave(tables, owner)),
    claimCalls: (request) =>
      ride(() => tables.rates.claim(request, tables.replicas.countAlive(request.nowMs).processes)),
    noteRate: (note) => ride(() => tables.rates.note(note)),

    eraseOldPayloads: (beforeMs) => withOpen(() => loggedErasure(eraseOldPayloads(tables, beforeMs))),
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
      ride(() => {
        hours.flush();
        hours.forgetBefore(beforeMs);
      }),
    // Briefly, because what it is told of the clock grows old meanwhile.
    fixTimes: (reading) => openBriefly(() => fixTimes(tables, reading)),
    bindWorkspace: (workspace) => durably(() => bindWorkspace(tables, workspace)),
    readWorkspace: () => withOpen(() => meta.read('workspace')),
    releaseDeadLeases: (isDead) => withOpen(() => releaseDeadLeases(tables, isDead)),
    replay: (what, nowMs) => replay(tables, what, nowMs, durablyAndBriefly),
    parked: (page) => withOpen(() => listParked(parkedTables, page)),
    countParked: () => withOpen(() => countParked(connection.sqlite)),
    webhookHours: (fromAt) => withOpen(() => hours.since(fromAt * 1000)),
    forcedWrites: connection.forcedWrites,
    onWork: (loop, listener) => bell.listen(loop, listener),
    close: () =>
      guarded(async () => {
        if (isClosing || !connection.sqlite.open) return;
        isClosing = true;
        incoming.flush();
        riders.flush();
        keepNotes();
        await connection.endBeside();
        logEmptying.now();
        await connection.close();
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
