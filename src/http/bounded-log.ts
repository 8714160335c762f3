import type { Clock } from '../clock.js';
import type { Log } from '../log.js';

const WINDOW_MS = 5 * 60_000;
const MAX_LINES = 20;

/** Writes a warning, as long as there are few: strangers decide how often something happens. */
export type WarnAFewTimes = (fields: object, message: string) => void;

/** Twenty lines in five minutes; the last one says that more are left out. */
export function createBoundedLog(log: Pick<Log, 'warn'>, clock: Clock): WarnAFewTimes {
  let endsAtMs = 0;
  let lines = 0;
  return (fields, message) => {
    const nowMs = clock.nowMs();
    // A window that ends later than any was begun before the clock went back.
    if (nowMs >= endsAtMs || endsAtMs > nowMs + WINDOW_MS) {
      endsAtMs = nowMs + WINDOW_MS;
      lines = 0;
    }
    lines += 1;
    if (lines > MAX_LINES) return;
    const isLast = lines === MAX_LINES;
    log.warn(isLast ? { ...fields, more: 'left out for up to five minutes' } : fields, message);
  };
}
