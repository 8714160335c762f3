import type { Clock } from '../clock.js';

/** Records by id, and the search index over them, which learns of every change only some time later. */
export interface Shelf<Item extends { readonly id: string }> {
  get(id: string): Item | undefined;
  put(item: Item): void;
  remove(id: string): void;
  values(): Iterable<Item>;
  readonly size: number;
  /** What search sees now, and a number that grows with every change it learned of. */
  searchable(): { readonly items: ReadonlyMap<string, Item>; readonly revision: number };
  /** Lets the index learn everything at once. */
  catchUp(): void;
}

interface PendingChange<Item> {
  readonly visibleAtMs: number;
  readonly id: string;
  readonly item: Item | null;
}

/** Creates an empty shelf whose index lags `lagMs` behind. */
export function createShelf<Item extends { readonly id: string }>(clock: Clock, lagMs: number): Shelf<Item> {
  const current = new Map<string, Item>();
  const indexed = new Map<string, Item>();
  let pending: PendingChange<Item>[] = [];
  let revision = 0;

  const learn = (untilMs: number): void => {
    let learned = 0;
    for (const change of pending) {
      if (change.visibleAtMs > untilMs) break;
      if (change.item === null) indexed.delete(change.id);
      else indexed.set(change.id, change.item);
      learned += 1;
    }
    if (learned === 0) return;
    pending = pending.slice(learned);
    revision += 1;
  };

  const note = (id: string, item: Item | null): void => {
    pending.push({ visibleAtMs: clock.nowMs() + lagMs, id, item });
  };

  return {
    get: (id) => current.get(id),
    put: (item) => {
      current.set(item.id, item);
      note(item.id, item);
    },
    remove: (id) => {
      if (current.delete(id)) note(id, null);
    },
    values: () => current.values(),
    get size() {
      return current.size;
    },
    searchable: () => {
      learn(clock.nowMs());
      return { items: indexed, revision };
    },
    catchUp: () => learn(Number.POSITIVE_INFINITY),
  };
}
