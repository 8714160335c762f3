import type { Clock } from '../../clock.js';
import type { Service } from '../../serve.js';

const LOOK_EVERY_MS = 100;

/**
 * Resolves when nothing waits to be written to Intercom any more, or the service was told to stop.
 * @param onWaiting told how many members wait, if any
 */
export async function untilWritten(
  { store, signal }: Pick<Service, 'store' | 'signal'>,
  clock: Clock,
  onWaiting?: (members: number) => void,
): Promise<void> {
  const countWaiting = async (): Promise<number> => (await store.backlog(clock.nowMs())).writesWaiting;
  let waiting = await countWaiting();
  if (waiting > 0) onWaiting?.(waiting);
  while (waiting > 0 && !signal.aborted) {
    await clock.sleep(LOOK_EVERY_MS, signal);
    if (!signal.aborted) waiting = await countWaiting();
  }
}
