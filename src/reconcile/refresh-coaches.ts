import { reasonOf } from '../work/backoff.js';
import { AppError } from '../errors.js';
import { asking, giveUpWhereHopeless, type Frame } from './run-frame.js';

/** Keeps the coaches' names. Without them a run goes on: those that are known stay. */
export async function refreshCoaches(frame: Frame): Promise<void> {
  const { store, intercom, log } = frame.deps;
  try {
    const coaches = await asking(
      frame,
      () => intercom.listAdmins(frame.call),
      (error, attempt) =>
        giveUpWhereHopeless(frame, error, error.code === 'intercom_answer_unreadable' ? null : attempt),
    );
    await store.saveCoaches(coaches);
  } catch (error) {
    const isIntercoms = error instanceof AppError && error.code.startsWith('intercom_');
    if (!isIntercoms || frame.signal.aborted) throw error;
    log.warn({ run: frame.run.id, reason: reasonOf(error) }, 'the names of coaches were not refreshed');
  }
}
