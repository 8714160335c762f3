import { inspect } from 'node:util';
import { systemClock } from '../../clock.js';
import { AppError } from '../../errors.js';
import type { OpenedRun } from '../ports/runs.js';
import type { Store } from '../ports/store.js';
import type { Engine } from './engine.js';
import type { Who } from './meet.js';
import {
  call,
  callChange,
  contact,
  contactChange,
  decideAt,
  DAY,
  lease,
  NOW_AT,
  NOW_MS,
  notification,
  SETTINGS,
  workOn,
} from './samples.js';

/*
 * What both sides of a race do, so that the same code runs on both threads. Each round meets something that the test
 * has made ready for it.
 */

type Task = (store: Store, round: number, who: Who) => Promise<unknown>;

/** When the status of members that {@link decideAt} has decided changes, and a day after. */
export const LATER_AT = NOW_AT + 30 * DAY;

const TASKS = {
  /** The same delivery comes to both. */
  receive: (store, round) => store.storeNotification(notification(`n-${round}`)),

  leaseLanes: async (store, _round, who) =>
    (await store.leaseNotifications(lease({ owner: who }))).map(({ dedupeKey }) => dedupeKey),

  leaseContacts: async (store, _round, who) =>
    (await store.leaseWrites(lease({ owner: who }))).map(({ contactId }) => contactId),

  openRun: async (store, _round, who): Promise<OpenedRun['kind']> => {
    const opened = await store.openRun({ job: 'reconcile', params: {}, ...lease({ owner: who }) });
    if (opened.kind === 'busy') return opened.kind;
    const { id: runId, lease: held, progress } = opened.run;
    await store.advanceRun({ runId, lease: held, leaseUntilMs: NOW_MS + 1, checkpoint: who, progress });
    return opened.kind;
  },

  applyTransitions: async (store) => {
    let members = 0;
    const request = { nowAt: LATER_AT, limit: 5, decide: decideAt(LATER_AT) };
    for (let some = 1; some > 0; members += some) some = await store.applyDueTransitions(request);
    return members;
  },

  applyToOneContact: async (store, round, who) => {
    const applied = await store.apply(workOn(changesOfContact(`c-${round}`, who)));
    return applied.kind;
  },

  claimCalls: async (store) =>
    (await store.claimCalls({ nowMs: NOW_MS, priority: 'soon', wanted: 20, settled: [] })).granted,

  /** Each shows the key that forms are signed with there. */
  readFormKey: (store) => store.readFormKey(),

  /** The database is new to both: only the one who opens it first makes its tables. */
  open: async (store, round, who) => {
    const answers = [];
    for (const key of ['shared', `of-${who}`]) {
      const delivery = notification(`${key}-${round}`);
      answers.push(await untilAvailable(() => store.storeNotification(delivery)));
    }
    return answers;
  },
} satisfies Record<string, Task>;

export type TaskName = keyof typeof TASKS;

/** What the other side of a race is told. */
export interface RivalOrder {
  /** See {@link Engine.module}. */
  readonly module: string;
  readonly task: TaskName;
  /** The database of each round, or one for all of them. */
  readonly places: readonly string[];
  readonly rounds: number;
  /** From `createGate`. */
  readonly gate: Int32Array;
  readonly who: Who;
}

/** Two sides learn something else of the same contact, both newer than what is known. */
export function changesOfContact(id: string, who: Who) {
  const later = who === 'one' ? 60 : 120;
  const seen = contact(id, { name: `Name by ${who}`, updatedAt: NOW_AT + later });
  const closedAt = NOW_AT - DAY + later;
  return [
    contactChange(seen),
    callChange(call(`${id}-${who}`, id, { updatedAt: closedAt, lastCloseAt: closedAt })),
  ];
}

/** Opens the database for one side; `open` itself is part of the round where each round has a database of its own. */
export async function openToRace(engine: Engine, { task, places, who }: Omit<RivalOrder, 'gate' | 'module'>) {
  // The other side takes real time.
  const open = (place: string | undefined): Promise<Store> =>
    engine.open(place ?? '', { ...SETTINGS, clock: systemClock });
  const shared = places.length === 1 ? await open(places[0]) : null;
  return {
    run: async (round: number): Promise<unknown> => {
      try {
        const store = shared ?? (await open(places[round]));
        const answer = await untilAvailable<unknown>(() => TASKS[task](store, round, who));
        if (shared === null) await store.close();
        return answer;
      } catch (error) {
        // An answer like any other: the race goes on, and the test shows it.
        return inspect(error);
      }
    },
    close: async (): Promise<void> => shared?.close(),
  };
}

const MAX_TRIES = 100;

/** Asks again when the store is not available for now, as whoever asks it does: nothing has happened then. */
async function untilAvailable<Answer>(ask: () => Promise<Answer>): Promise<Answer> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await ask();
    } catch (error) {
      const isBusy =
        error instanceof AppError && error.code === 'store_unavailable' && error.retry === 'later';
      if (!isBusy || tries === MAX_TRIES) throw error;
    }
  }
}
