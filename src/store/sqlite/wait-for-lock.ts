import { asStoreError, sqliteCode } from './store-errors.js';

/** How long work waits for another program's write lock before it is said to be impossible for now. */
export const PATIENCE_MS = {
  /** Where somebody waits for the answer: Intercom, a person, a probe. */
  brief: 400,
  /** What a loop has in hand: giving up would cost it its lease, a minute. Nothing else waits with it. */
  long: 30_000,
} as const;

const FIRST_PAUSE_MS = 25;
const MAX_PAUSE_MS = 1000;

/**
 * Does `work`, again after a pause while another program holds the write lock. The pauses are the event loop's: everything
 * else goes on. `work` is one transaction, so that nothing has happened when the lock could not be had.
 * @throws AppError `store_unavailable`
 */
export async function waitForLock<Result>(
  work: () => Result | Promise<Result>,
  { patienceMs, sleep }: { readonly patienceMs: number; readonly sleep: (ms: number) => Promise<void> },
): Promise<Result> {
  let leftMs = patienceMs;
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(MAX_PAUSE_MS, pauseMs * 2)) {
    try {
      return await work();
    } catch (error) {
      leftMs -= pauseMs;
      if (sqliteCode(error)?.startsWith('SQLITE_BUSY') !== true || leftMs < 0) throw asStoreError(error);
    }
    await sleep(pauseMs);
  }
}
