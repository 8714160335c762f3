/** Erased data is out of the file once the write-ahead log is emptied; this decides when that is tried. */
export interface LogEmptying {
  /** Something was erased. */
  readonly request: () => void;
  /** Empties the log if that was requested, and not too often. Never throws: what was erased is committed. */
  readonly afterWork: () => void;
  /** The same, however often. */
  readonly now: () => void;
}

/** So many at once; then one a second: many deletions share it, because each takes the disk some milliseconds. */
const BURST = 8;
const REFILL_MS = 1000;
/** While a reader such as Litestream holds on, tries are no use and cost the writer its lock. */
const MAX_REFILL_MS = 60_000;

/** @param emptyLog answers false where a reader or writer prevents it, `later` while a checkpoint is under way. */
export function createLogEmptying(emptyLog: () => boolean | 'later', onHeldUp: () => void): LogEmptying {
  let isRequested = false;
  let failures = 0;
  let tries = BURST;
  let refilledAtMs = performance.now();

  const empty = (): void => {
    const isEmpty = emptyLog();
    if (isEmpty === 'later') return;
    isRequested = !isEmpty;
    failures = isEmpty ? 0 : failures + 1;
    // Told once, however long the reader holds on.
    if (failures === 1) onHeldUp();
  };

  return {
    request: () => {
      isRequested = true;
    },
    afterWork: () => {
      if (!isRequested) return;
      const refillMs = Math.min(MAX_REFILL_MS, REFILL_MS * 2 ** Math.max(0, failures - BURST));
      const refill = Math.floor((performance.now() - refilledAtMs) / refillMs);
      tries = Math.min(BURST, tries + refill);
      refilledAtMs += refill * refillMs;
      if (tries === 0) return;
      tries -= 1;
      empty();
    },
    now: () => {
      if (isRequested) empty();
    },
  };
}
