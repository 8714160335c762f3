import { reasonOf } from '../work/backoff.js';
import type { Clock } from '../clock.js';
import type { Log } from '../log.js';
import type { OtherWorkspace } from '../store/ports/queries.js';
import type { Store } from '../store/ports/store.js';

/** Counts notifications of other workspaces in memory, and stores the counts now and then. */
export interface OtherWorkspaceTally {
  note(appId: string): void;
}

/** So many notifications as may come, they cost one write to the disk in this time. */
const STORE_EVERY_MS = 5000;
/** Workspaces counted by their own id between two writes; the rest share one entry. */
const MAX_WORKSPACES = 10;
const MAX_ID_LENGTH = 64;
const THE_REST = 'others';

export function createOtherWorkspaceTally(deps: {
  readonly store: Pick<Store, 'noteOtherWorkspaces'>;
  readonly clock: Clock;
  readonly log: Log;
}): OtherWorkspaceTally {
  const { store, clock, log } = deps;
  let waiting = new Map<string, OtherWorkspace>();
  let isStoring = false;

  const add = ({ id, count, lastAtMs }: OtherWorkspace): void => {
    const key = waiting.has(id) || waiting.size < MAX_WORKSPACES ? id : THE_REST;
    waiting.set(key, { id: key, count: (waiting.get(key)?.count ?? 0) + count, lastAtMs });
  };

  const storeAll = async (): Promise<void> => {
    // What comes in the same turn is stored together.
    await new Promise((resolve) => setImmediate(resolve));
    let isStored = true;
    while (isStored && waiting.size > 0) {
      const counted = waiting;
      waiting = new Map();
      try {
        await store.noteOtherWorkspaces([...counted.values()]);
      } catch (error) {
        log.warn({ reason: reasonOf(error) }, 'notifications of other workspaces could not be counted');
        // The next one that comes tries again.
        for (const one of counted.values()) add(one);
        isStored = false;
      }
      await clock.sleep(STORE_EVERY_MS);
    }
    isStoring = false;
  };

  return {
    note: (appId) => {
      add({ id: appId.slice(0, MAX_ID_LENGTH), count: 1, lastAtMs: clock.nowMs() });
      if (isStoring) return;
      isStoring = true;
      void storeAll();
    },
  };
}
