import {
  lease,
  contact,
  contactChange,
  decideAt,
  NOW_MS,
  SETTINGS,
  workOn,
  handled,
  notification,
} from './samples.js';
import type { Decide } from '../ports/cache.js';
import type { Engine } from './engine.js';
import { LATER_AT } from './race-tasks.js';

/*
 * A process that dies as `kill -9` and a power cut end one: in the middle of a transaction, without a word.
 */

const [module = '', place = '', task = ''] = process.argv.slice(2);
const { engine }: { readonly engine: Engine } = await import(module);
const store = await engine.open(place, SETTINGS);

/** Rules that end the process when they are asked for the third time, between begin and commit. */
function dieAtTheThird(nowAt?: number): Decide {
  const decide = decideAt(nowAt);
  let asked = 0;
  return (facts) => {
    asked += 1;
    if (asked === 3) process.kill(process.pid, 'SIGKILL');
    return decide(facts);
  };
}

/** Ids of the members that it was about to know. */
const MEMBERS = ['doomed-1', 'doomed-2', 'doomed-3', 'doomed-4'];

switch (task) {
  case 'apply': {
    // What it has been answered stays.
    for (const key of ['a', 'b']) await store.storeNotification(notification(key));
    const [leased] = await store.leaseNotifications(lease({ owner: 'doomed' }));
    const changes = MEMBERS.map((id) => contactChange(contact(id)));
    await store.apply(workOn(changes, { decide: dieAtTheThird(), completes: handled(leased) }));
    break;
  }
  case 'transitions':
    await store.applyDueTransitions({ nowAt: LATER_AT, limit: 10, decide: dieAtTheThird(LATER_AT) });
    break;
  case 'recompute': {
    const cause = { kind: 'backfill', ref: null } as const;
    const request = { afterContactId: null, limit: 10, cause, nowMs: NOW_MS };
    await store.recomputeMembers({ ...request, decide: dieAtTheThird() });
    break;
  }
  default:
    throw new Error(`no such task: ${task}`);
}
throw new Error('it should have died before');
