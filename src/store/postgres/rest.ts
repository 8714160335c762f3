import type { Log } from '../../log.js';
import type { Store } from '../ports/store.js';
import { canWrite } from './can-write.js';
import type { CoreParts } from './core-parts.js';
import type { Database, Query, Unit } from './database.js';
import { keepDrift, listDrift } from './drift.js';
import { endLogin, isLoginEnded } from './ended-logins.js';
import { fixTimes } from './fix-times.js';
import { countParked, listParked } from './parked.js';
import {
  countParkedObjects,
  findParkedObject,
  listDueObjects,
  parkObject,
  releaseNameless,
} from './parked-objects.js';
import { eraseOldPayloads } from './payload-retention.js';
import { createInboxPruner, pruneRuns } from './prune.js';
import { claim, noteRate } from './rates.js';
import { replay } from './replay.js';
import { beat, leave, releaseDeadLeases } from './replicas.js';
import {
  adoptRun,
  advanceRun,
  countEntries,
  findRun,
  finishRun,
  latestDoneRun,
  latestRun,
  listRuns,
  openRun,
  renewRun,
} from './runs.js';
import type { WhyUnfit } from './settings-fit.js';
import {
  countCached,
  countSynced,
  countWritesOf,
  detectSilence,
  keepFound,
  nextFound,
} from './sweep-steps.js';
import { listUnseen } from './sweeps.js';
import { readFormKey } from './form-key.js';
import { countWrongToken, forgetWrongTokens } from './wrong-tokens.js';

export interface RestDeps extends CoreParts {
  /** Its units are those of {@link guardUnits}. */
  readonly database: Database;
  readonly unguarded: Database;
  readonly whyUnfit: WhyUnfit;
  readonly log?: Pick<Log, 'warn'> | undefined;
}

export type Rest = Pick<
  Store,
  | 'openRun'
  | 'adoptRun'
  | 'renewRun'
  | 'advanceRun'
  | 'finishRun'
  | 'countEntries'
  | 'latestRun'
  | 'findRun'
  | 'latestDoneRun'
  | 'listRuns'
  | 'keepFound'
  | 'nextFound'
  | 'keepDrift'
  | 'listDrift'
  | 'listUnseen'
  | 'countCached'
  | 'countSynced'
  | 'countWritesOf'
  | 'detectSilence'
  | 'parkObject'
  | 'findParkedObject'
  | 'listDueObjects'
  | 'releaseNameless'
  | 'countParkedObjects'
  | 'parked'
  | 'countParked'
  | 'replay'
  | 'endLogin'
  | 'isLoginEnded'
  | 'readFormKey'
  | 'countWrongToken'
  | 'forgetWrongTokens'
  | 'beat'
  | 'leave'
  | 'releaseDeadLeases'
  | 'claimCalls'
  | 'noteRate'
  | 'eraseOldPayloads'
  | 'pruneInbox'
  | 'pruneRuns'
  | 'fixTimes'
  | 'whyUnfit'
  | 'canWrite'
>;

/** Runs, sweeps, what is parked, sign-ins and upkeep: all of the store but what changes the cache and works it off. */
export function createRest(deps: RestDeps): Rest {
  const { database, loadSlice, meta, time, whyUnfit } = deps;
  const read = <Result>(work: (query: Query) => Promise<Result>): Promise<Result> => database.read(work);
  /** A restart does it again from what is on disk. */
  const change = <Result>(work: (unit: Unit) => Promise<Result>): Promise<Result> =>
    database.unit(work, { isDurable: false });
  /** It is known outside once it is answered. */
  const durably = <Result>(work: (unit: Unit) => Promise<Result>): Promise<Result> =>
    database.unit(work, { isDurable: true });
  const byEngine = <Held extends { readonly leaseUntilMs: number }>(held: Held): Held => ({
    ...held,
    leaseUntilMs: time.fromCaller(held.leaseUntilMs),
  });

  return {
    openRun: (request) => durably((unit) => openRun(unit, request, time)),
    adoptRun: (request) => change((unit) => adoptRun(unit, request, time)),
    renewRun: (held) => change((unit) => renewRun(unit, byEngine(held))),
    advanceRun: (page) => change((unit) => advanceRun(unit, byEngine(page))),
    finishRun: (finish) => durably((unit) => finishRun(unit, meta, finish)),
    countEntries: (phase) => read((query) => countEntries(query, phase)),
    latestRun: (job) => read((query) => latestRun(query, job)),
    findRun: (id) => read((query) => findRun(query, id)),
    latestDoneRun: (jobs) => read((query) => latestDoneRun(query, jobs)),
    listRuns: (request) => read((query) => listRuns(query, request)),

    keepFound: (found) =>
      change((unit) => keepFound(unit, loadSlice, { ...found, page: byEngine(found.page) })),
    nextFound: (request) => read((query) => nextFound(query, request)),
    keepDrift: (drift) => change((unit) => keepDrift(unit, { ...drift, page: byEngine(drift.page) })),
    listDrift: (request) => read((query) => listDrift(query, request)),
    listUnseen: (request) => read((query) => listUnseen(query, request)),
    countCached: (conversationsFromAt) => read((query) => countCached(query, conversationsFromAt)),
    countSynced: () => read(countSynced),
    countWritesOf: (runId) => read((query) => countWritesOf(query, runId)),
    detectSilence: async (nowMs) => {
      await deps.keepCounts();
      await change((unit) => detectSilence(unit, meta, nowMs));
    },

    parkObject: (object) =>
      change(async (unit) => parkObject(unit, { ...object, nowMs: await time.at(unit, object.nowMs) })),
    findParkedObject: (subject, nowMs) =>
      read(async (query) => findParkedObject(query, subject, await time.at(query, nowMs))),
    listDueObjects: (nowMs, limit) =>
      read(async (query) => listDueObjects(query, await time.at(query, nowMs), limit)),
    releaseNameless: (kind, exceptRunId) => change((unit) => releaseNameless(unit, kind, exceptRunId)),
    countParkedObjects: (kind) => read((query) => countParkedObjects(query, kind)),
    parked: (page) => read((query) => listParked(query, page)),
    countParked: () => read(countParked),
    replay: async (what, nowMs) => replay(database, deps, what, await read((query) => time.at(query, nowMs))),

    endLogin: (login) => durably((unit) => endLogin(unit, login)),
    isLoginEnded: (login) => read((query) => isLoginEnded(query, login)),
    readFormKey: () => durably(readFormKey),
    countWrongToken: (wrong) => change((unit) => countWrongToken(unit, time, wrong)),
    forgetWrongTokens: (nowMs) => change((unit) => forgetWrongTokens(unit, time, nowMs)),

    beat: (own) => change((unit) => beat(unit, deps, own)),
    leave: (owner) => change((unit) => leave(unit, deps, owner)),
    releaseDeadLeases: (isDead) => change((unit) => releaseDeadLeases(unit, deps, isDead)),
    claimCalls: (request) => change((unit) => claim(unit, time, request)),
    noteRate: (note) => change((unit) => noteRate(unit, time, note)),

    eraseOldPayloads: (beforeMs) => change((unit) => eraseOldPayloads(unit, beforeMs)),
    pruneInbox: createInboxPruner(database),
    pruneRuns: (before) => change((unit) => pruneRuns(unit, before)),
    fixTimes: (reading) => fixTimes(database, deps, reading),

    whyUnfit: () => deps.unguarded.read(whyUnfit),
    canWrite: () => canWrite(deps),
  };
}
