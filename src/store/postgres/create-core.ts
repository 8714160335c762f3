import { createGroupCommit } from '../group-commit.js';
import type { NewNotification } from '../ports/inbox.js';
import type { Store } from '../ports/store.js';
import { recentNotifications, recentWrites } from './activity.js';
import { apply, applyTogether, compare } from './apply.js';
import type { Unit } from './database.js';
import { eraseLeft } from './erase.js';
import { listFights } from './fights.js';
import { leaseWrites } from './lease-writes.js';
import { countBacklog, findMember, readFreshness } from './look.js';
import { applyDueTransitions, nextTransitionAt, recomputeMembers } from './members.js';
import { readMeta } from './meta.js';
import {
  holdsWrite,
  holdWrite,
  nextWriteDueAtMs,
  parkChanges,
  parkWrite,
  releaseHeld,
  renewWrites,
  retryWrite,
} from './outbox.js';
import type { Parts } from './parts.js';
import { noteOtherWorkspaces } from './settle.js';
import { bindWorkspace, saveCoaches, setCoverage } from './workspace.js';

/** What `createCore` answers for; the others are runs, sweeps, parked objects, sign-ins and upkeep. */
export type CoreStore = Pick<
  Store,
  | 'storeNotification'
  | 'countWebhook'
  | 'webhookHours'
  | 'noteOtherWorkspaces'
  | 'otherWorkspaces'
  | 'leaseNotifications'
  | 'apply'
  | 'applyTogether'
  | 'compare'
  | 'retryNotification'
  | 'parkNotification'
  | 'renewNotifications'
  | 'nextNotificationDueAtMs'
  | 'leaseWrites'
  | 'retryWrite'
  | 'parkWrite'
  | 'parkChanges'
  | 'holdWrite'
  | 'renewWrites'
  | 'holdsWrite'
  | 'releaseHeldWrites'
  | 'nextWriteDueAtMs'
  | 'applyDueTransitions'
  | 'nextTransitionAt'
  | 'recomputeMembers'
  | 'setCoverage'
  | 'saveCoaches'
  | 'findMember'
  | 'freshness'
  | 'backlog'
  | 'recentNotifications'
  | 'recentWrites'
  | 'foughtOver'
  | 'bindWorkspace'
  | 'readWorkspace'
  | 'finishErasures'
  | 'scrubPayloads'
  | 'keepWebhookCounts'
  | 'onWork'
  | 'forcedWrites'
  | 'close'
>;

/** Contacts whose locks one unit takes at a time: the server has room for some thousand. */
const MAX_RELEASED = 500;
const COUNT_EVERY_MS = 1000;

export function createCore(parts: Parts): CoreStore {
  const { database, unguarded, bell, hours, inbox, scrubber, time } = parts;
  let forced = 0;
  let closing: Promise<void> | null = null;

  // Two doors, beside that for what only looks. What is known outside once it is answered (Intercom never sends again
  // what was answered 200; a person was told that it is done; a request to Intercom goes out) is on disk before that.
  const durably = async <Result>(
    work: (unit: Unit) => Promise<Result>,
    through = database,
  ): Promise<Result> => {
    forced += 1;
    return through.unit(work, { isDurable: true });
  };
  // What a restart does again from what is on disk: a crash of the server takes back the last of it.
  const ride = <Result>(work: (unit: Unit) => Promise<Result>): Promise<Result> =>
    database.unit(work, { isDurable: false });
  const look = database.read;
  /** What takes several questions shows one moment. */
  const view = database.view;
  const engineTime = (callerMs: number): Promise<number> => look((query) => time.at(query, callerMs));

  /** One group after the other: meanwhile the next one grows. */
  let last: Promise<unknown> = Promise.resolve();
  const incoming = createGroupCommit((notifications: readonly NewNotification[]) => {
    const stored = last.then(() => durably((unit) => inbox.storeAll(unit, notifications), unguarded));
    last = stored.then(
      () => void hours.keep({ everyMs: COUNT_EVERY_MS }).catch(() => undefined),
      () => undefined,
    );
    return stored;
  });

  return {
    storeNotification: (notification) => incoming.add(notification),
    countWebhook: (result, atMs) => hours.note([{ result, atMs }]),
    webhookHours: (fromAt) => look((query) => hours.since(query, fromAt * 1000)),
    noteOtherWorkspaces: (seen) => ride((unit) => noteOtherWorkspaces(unit, seen)),
    otherWorkspaces: () =>
      look(async (query) => (await readMeta(query, ['other_workspaces'])).other_workspaces),

    leaseNotifications: (request, of) => ride((unit) => inbox.lease(unit, request, of)),
    apply: (work) => ride((unit) => apply(unit, parts, work)),
    applyTogether: (work) => ride((unit) => applyTogether(unit, parts, work)),
    compare: (work) => ride((unit) => compare(unit, parts, work)),
    retryNotification: (failure) => ride((unit) => inbox.retry(unit, failure)),
    parkNotification: (failure) => ride((unit) => inbox.park(unit, failure)),
    renewNotifications: (held, leaseUntilMs) =>
      ride((unit) => inbox.renew(unit, held, time.fromCaller(leaseUntilMs))),
    nextNotificationDueAtMs: (of) => look((query) => inbox.nextDueAtMs(query, of)),

    leaseWrites: (request) => ride((unit) => leaseWrites(unit, time, request)),
    retryWrite: (failure) => ride((unit) => retryWrite(unit, parts, failure)),
    parkWrite: (failure) => ride((unit) => parkWrite(unit, parts, failure)),
    parkChanges: (parked) => ride((unit) => parkChanges(unit, parked)),
    holdWrite: (held) => ride((unit) => holdWrite(unit, parts, held)),
    renewWrites: (held, leaseUntilMs) =>
      ride((unit) => renewWrites(unit, held, time.fromCaller(leaseUntilMs))),
    // A crash must not take back that a request may have gone out: nobody would look whether it came through, nor know
    // that a First Session Date is our own.
    holdsWrite: (held) => durably((unit) => holdsWrite(unit, held)),
    releaseHeldWrites: async () => {
      let released = 0;
      for (let some = MAX_RELEASED; some === MAX_RELEASED; released += some) {
        some = await ride((unit) => releaseHeld(unit, parts, MAX_RELEASED));
      }
      return released;
    },
    nextWriteDueAtMs: () => look((query) => nextWriteDueAtMs(query, time)),

    applyDueTransitions: (due) => ride((unit) => applyDueTransitions(unit, parts, due)),
    nextTransitionAt: () => look(nextTransitionAt),
    recomputeMembers: (request) => ride((unit) => recomputeMembers(unit, parts, request)),
    setCoverage: (coverageFromAt) => ride((unit) => setCoverage(unit, coverageFromAt)),
    saveCoaches: (coaches) => ride((unit) => saveCoaches(unit, coaches)),

    findMember: (id) => view((query) => findMember(query, id)),
    freshness: () => look(readFreshness),
    backlog: (nowMs) => view(async (query) => countBacklog(query, await time.at(query, nowMs))),
    recentNotifications: (limit, nowMs) => look((query) => recentNotifications(query, limit, nowMs)),
    recentWrites: (limit) => look((query) => recentWrites(query, limit)),
    foughtOver: (limit, nowMs) =>
      look(async (query) => listFights(query, limit, await time.at(query, nowMs))),

    bindWorkspace: (workspace) => durably((unit) => bindWorkspace(unit, workspace)),
    readWorkspace: () => look(async (query) => (await readMeta(query, ['workspace'])).workspace),
    finishErasures: async (nowMs) => eraseLeft(database, await engineTime(nowMs)),
    scrubPayloads: async (nowMs) => scrubber.takePiece(await engineTime(nowMs)),
    keepWebhookCounts: async (beforeMs) => {
      await hours.keep();
      await ride((unit) => hours.forgetBefore(unit, beforeMs));
    },

    onWork: (loop, listener) => bell.listen(loop, listener),
    forcedWrites: () => forced,
    close: () => {
      closing ??= close();
      return closing;
    },
  };

  async function close(): Promise<void> {
    incoming.flush();
    await last;
    // Counts are worth no failure.
    await hours.keep().catch(() => undefined);
    await database.close();
  }
}
