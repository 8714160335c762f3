/** Erased data is out of the file once the write-ahead log is emptied; this decides when that is tried. */
export interface LogEmptying {
  /** Something was erased. */
  readonly request: () => void;
  /** Empties the log if that was requested, and not too often. Never throws: what was erased is committed. */
  readonly afterWork: () => void;
  /** The same, however often. */
  readonly now: () => void;
  /** Something erased is still in the log. */
  readonly isRequested: () => boolean;
}

/** So many at once; then one a second: many deletions share it, because each takes the disk some milliseconds. */
const BURST = 8;
const REFILL_MS = 1000;

/** @param emptyLog answers false where a reader or writer prevents it. */
export function createLogEmptying(emptyLog: () => boolean, onHeldUp: () => void): LogEmptying {
  let isRequested = false;
  let isHeldUp = false;
  let tries = BURST;
  let refilledAtMs = performance.now();

  const empty = (): void => {
    const isEmpty = emptyLog();
    isRequested = !isEmpty;
    // Told once: a reader such as Litestream may hold on for long.
    if (!isEmpty && !isHeldUp) onHeldUp();
    isHeldUp = !isEmpty;
  };

  return {
    request: () => {
      isRequested = true;
    },
    afterWork: () => {
      if (!isRequested) return;
      const refill = Math.floor((performance.now() - refilledAtMs) / REFILL_MS);
      tries = Math.min(BURST, tries + refill);
      refilledAtMs += refill * REFILL_MS;
      if (tries === 0) return;
      tries -= 1;
      empty();
    },
    now: () => {
      if (isRequested) empty();
    },
    isRequested: () => isRequested,
  };
}
