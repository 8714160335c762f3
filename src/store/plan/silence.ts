/*
 * When webhooks that stay away are missed: a run has found changes that they should have told of, and the pause is longer
 * than what is usual.
 */

/** Intercom repeats a failed delivery after a minute; after this nothing more is to be expected of it. */
const DELIVERY_SECONDS = 10 * 60;
/** A pause shorter than this is never called silence. */
const MIN_SILENCE_SECONDS = 30 * 60;
/** How many days of webhooks tell what is usual. */
const USUAL_DAYS = 14;
/** Longer than usual: this many times the longest pause of a usual day. */
const LONGER = 1.5;

/** By when something must have changed that webhooks should have told of by now, Unix seconds. */
export function toldUntilAt(nowMs: number): number {
  return Math.floor(nowMs / 1000) - DELIVERY_SECONDS;
}

/** From when on the pauses of each day tell what is usual, milliseconds since the epoch. */
export function usualFromMs(nowMs: number): number {
  return nowMs - USUAL_DAYS * 86_400_000;
}

/**
 * Since when webhooks have been silent, Unix seconds; null where the pause may be a usual one.
 * @param sinceMs when the last one came; before the first, since when this service has been at work
 * @param pausesMs the longest pause of each day, in ascending order
 */
export function silentSince(nowMs: number, sinceMs: number, pausesMs: readonly number[]): number | null {
  const nowAt = Math.floor(nowMs / 1000);
  const since = Math.floor(sinceMs / 1000);
  if (nowAt - since < MIN_SILENCE_SECONDS) return null;
  const usual = ((pausesMs[Math.floor(pausesMs.length / 2)] ?? 0) / 1000) * LONGER;
  return nowAt - since > usual ? since : null;
}
