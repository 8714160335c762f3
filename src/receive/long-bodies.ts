/**
 * The memory that bodies may take while they arrive. What counts is what has been received, never what is declared:
 * anybody may declare. Nothing of it is known to be genuine before its last byte, so when it is full somebody has to
 * give way: of whoever holds the most, the body that has been on its way the longest. Genuine ones take moments.
 */
export interface LongBodies {
  /** @param client who sends it; `onCut` is told once when this body has to give way */
  readonly begin: (client: string, onCut: () => void) => LongBody;
}

export interface LongBody {
  /** Counts bytes that have arrived. May cut this body or another one. */
  readonly received: (bytes: number) => void;
  /** It has arrived as a whole: it is no longer cut, and counts until it is dealt with. */
  readonly completed: () => void;
  /** Gives its memory back. */
  readonly end: () => void;
}

interface Held {
  readonly client: string;
  readonly cut: () => void;
  bytes: number;
  isComplete: boolean;
}

/**
 * @param freeBytes of each body that are not counted: as much as any short one has
 * @param maxBytes of all of them together
 */
export function createLongBodies({
  freeBytes,
  maxBytes,
}: {
  readonly freeBytes: number;
  readonly maxBytes: number;
}): LongBodies {
  /** In the order in which they began. */
  const held = new Set<Held>();
  let inHandBytes = 0;

  const countedOf = ({ bytes }: Held): number => Math.max(0, bytes - freeBytes);
  const remove = (body: Held): void => {
    if (held.delete(body)) inHandBytes -= countedOf(body);
  };
  /** One piece of a body came too much: cutting one body makes room for it. */
  const makeRoom = (newest: Held): void => {
    if (inHandBytes <= maxBytes) return;
    const victim = whoGivesWay(held, countedOf) ?? newest;
    remove(victim);
    victim.cut();
  };

  return {
    begin: (client, cut) => {
      const body: Held = { client, cut, bytes: 0, isComplete: false };
      held.add(body);
      return {
        received: (bytes) => {
          if (!held.has(body)) return;
          inHandBytes -= countedOf(body);
          body.bytes += bytes;
          inHandBytes += countedOf(body);
          makeRoom(body);
        },
        completed: () => {
          body.isComplete = true;
        },
        end: () => remove(body),
      };
    },
  };
}

/** Null when all of them are complete. */
function whoGivesWay(held: ReadonlySet<Held>, countedOf: (body: Held) => number): Held | null {
  const byClient = new Map<string, { bytes: number; oldest: Held }>();
  for (const body of held) {
    if (body.isComplete || countedOf(body) === 0) continue;
    const sum = byClient.get(body.client);
    if (sum === undefined) byClient.set(body.client, { bytes: countedOf(body), oldest: body });
    else sum.bytes += countedOf(body);
  }
  let most: { readonly bytes: number; readonly oldest: Held } | null = null;
  for (const sum of byClient.values()) if (most === null || sum.bytes > most.bytes) most = sum;
  return most?.oldest ?? null;
}
