/** Answers each caller for itself, though all that came together are done as one. */
export interface GroupCommit<Item, Answer> {
  /** Resolves when the group that `item` belongs to is on disk; rejects when its commit failed. */
  readonly add: (item: Item) => Promise<Answer>;
  /** Begins to commit what is collected now. */
  readonly flush: () => void;
  /** How many have been added so far. */
  readonly count: () => number;
}

interface Waiting<Item, Answer> {
  readonly item: Item;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
}

/** So that a stream without a gap is committed too. */
const MAX_TURNS = 8;
/**
 * Whoever is answered comes with the next one at once: a hundred answers in one turn of the event loop are a hundred
 * requests in a later one, and all else waits until they are dealt with.
 */
const MAX_ANSWERS = 32;

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/**
 * Collects what arrives within one turn of the event loop, and the turns after it as long as each brings more, and
 * gives it to `commitAll` in one piece, which resolves when all of it is on disk: one forced write then serves all of it.
 * `setImmediate` runs when every socket that had data has been read, so requests that came together are together here; a
 * microtask would run after the first of them, a timer would make a single request wait.
 */
export function createGroupCommit<Item, Answer>(
  commitAll: (items: readonly Item[]) => Promise<readonly Answer[]>,
): GroupCommit<Item, Answer> {
  let group: Waiting<Item, Answer>[] = [];
  let count = 0;

  const commit = async (committing: readonly Waiting<Item, Answer>[]): Promise<void> => {
    try {
      const answers = await commitAll(committing.map((waiting) => waiting.item));
      if (answers.length < committing.length)
        throw new RangeError('a group commit gave fewer answers than it has members');
      for (const [index, answer] of answers.entries()) {
        if (index > 0 && index % MAX_ANSWERS === 0) await nextTurn();
        committing[index]?.resolve(answer);
      }
    } catch (error) {
      for (const waiting of committing) waiting.reject(error);
    }
  };

  const flush = (): void => {
    const committing = group;
    group = [];
    if (committing.length > 0) void commit(committing);
  };

  const flushWhenQuiet = (seen: number, turns: number): void => {
    if (group.length === 0) return;
    if (group.length === seen || turns === MAX_TURNS) flush();
    else setImmediate(flushWhenQuiet, group.length, turns + 1);
  };

  return {
    add: (item) =>
      new Promise<Answer>((resolve, reject) => {
        if (group.length === 0) setImmediate(flushWhenQuiet, 0, 0);
        group.push({ item, resolve, reject });
        count += 1;
      }),
    flush,
    count: () => count,
  };
}
