import { reasonOf } from '../backoff.js';
import { AppError } from '../errors.js';
import { asking, type Frame, type Step } from './run-frame.js';

/**
 * Takes over the names of coaches. Nothing is computed from them, so an answer that can't be read costs them alone, and
 * only until the next run.
 */
export async function refreshCoaches(frame: Frame, step: Step): Promise<void> {
  const { store, intercom, log } = frame.deps;
  const coaches = await asking(frame, step, async () => {
    try {
      return await intercom.listAdmins(frame.call);
    } catch (error) {
      if (!(error instanceof AppError && error.code === 'intercom_answer_unreadable')) throw error;
      log.warn({ run: frame.run.id, reason: reasonOf(error) }, 'the names of coaches were not refreshed');
      return [];
    }
  });
  await store.saveCoaches(coaches);
}
