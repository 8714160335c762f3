import type { WorkKind } from './ports/store.js';

/** Tells loops of this process that there may be work; other processes look by themselves from time to time. */
export interface WorkBell {
  /** May be called inside a transaction: listeners are called once the current piece of code has ended. */
  readonly ring: (kind: WorkKind) => void;
  readonly listen: (kind: WorkKind, listener: () => void) => () => void;
}

export function createWorkBell(): WorkBell {
  const listeners: Record<WorkKind, Set<() => void>> = {
    inbox: new Set(),
    writes: new Set(),
    transitions: new Set(),
    erasure: new Set(),
  };
  const rung = new Set<WorkKind>();

  const callListeners = (): void => {
    const kinds = [...rung];
    rung.clear();
    for (const kind of kinds) for (const listener of listeners[kind]) listener();
  };

  return {
    ring: (kind) => {
      // Transactions are synchronous, so a microtask runs after the commit; a ring that a rollback made void only
      // makes a loop look in vain.
      if (rung.size === 0) queueMicrotask(callListeners);
      rung.add(kind);
    },
    listen: (kind, listener) => {
      listeners[kind].add(listener);
      return () => listeners[kind].delete(listener);
    },
  };
}
