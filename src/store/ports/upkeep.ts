/** What is cleared away and put right from time to time, a bounded piece at a time. */
export interface UpkeepStore {
  /**
   * Erases raw payloads of settled notifications received before `beforeMs`, oldest first, a piece at a time; of parked
   * ones those that were parked before it. Answers how many; 0 when none is left.
   */
  eraseOldPayloads(beforeMs: number): Promise<number>;
  /**
   * Finishes erasures whose own payloads were too many for one transaction, a piece at a time, and sees to it that what
   * was erased is out of the file.
   */
  finishErasures(nowMs: number): Promise<Piece>;
  /**
   * After contacts were erased: looks through the payloads about others, a piece at a time, and erases those that name
   * one of them. One pass serves all that were erased before it began.
   */
  scrubPayloads(nowMs: number): Promise<Piece>;
  /**
   * Deletes entries of the inbox that were settled before `settledBeforeMs`, and parked ones that nobody has replayed
   * since `parkedBeforeMs`, a piece at a time. What still has its payload stays.
   */
  pruneInbox(before: { readonly settledBeforeMs: number; readonly parkedBeforeMs: number }): Promise<Piece>;
  /** Deletes runs, with their drift, that began before; the last one of each job that ended well stays. */
  pruneRuns(before: { readonly sweepsBeforeMs: number; readonly othersBeforeMs: number }): Promise<Piece>;
  /** Stores what {@link Store.countWebhook} has counted, and forgets hours that began before `beforeMs`. */
  keepWebhookCounts(beforeMs: number): Promise<void>;
  /**
   * Where the clock has gone back, puts back with it every time that was taken from it, and has members decided upon
   * again whose decision lies ahead: by `backMs`, or where that is 0 by what lies between now and the latest time that
   * is remembered, when that is more than two minutes (the clocks of two processes differ). Answers how many rows that
   * concerned.
   */
  fixTimes(clock: ClockReading): Promise<number>;
}

/** What a piece of a longer clean-up did: how many payloads or rows went, and whether there are further pieces. */
export interface Piece {
  readonly erased: number;
  readonly hasMore: boolean;
}

export interface ClockReading {
  readonly nowMs: number;
  /** How far this process has seen the clock being put back since it asked last; 0 when it was not. */
  readonly backMs: number;
}
