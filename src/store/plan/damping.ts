/**
 * Two systems that both want the last word on an attribute would write it for ever, each time at once. So a value of
 * ours that keeps being changed away is written with growing pauses.
 */

/** Changed away this soon after it was written, a value counts as reversed. */
export const REVERSAL_WITHIN_MS = 3_600_000;

/** So many reversals in a row are put right at once: people make mistakes, and other programs lag behind. */
const FREE_REVERSALS = 2;
const FIRST_PAUSE_MS = 30_000;
const MAX_PAUSE_MS = 3_600_000;

/** From this many reversals in a row an attribute is called fought over. */
export const FOUGHT_OVER_FROM = FREE_REVERSALS + 1;

/** How long the next write waits after the `reversals`-th reversal in a row: 0, 0, 30 s, 1 min … at most an hour. */
export function pauseAfterMs(reversals: number): number {
  if (reversals < FOUGHT_OVER_FROM) return 0;
  return Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(reversals - FOUGHT_OVER_FROM, 20));
}

/** What is shown beside a write that waits for that. */
export function describeFight(reversals: number, pauseMs: number): string {
  const minutes = Math.round(pauseMs / 60_000);
  const pause = minutes < 2 ? `${Math.round(pauseMs / 1000)} s` : `${minutes} min`;
  return `fought over: changed back ${reversals} times, each soon after we wrote it; the next write waits ${pause}`;
}
