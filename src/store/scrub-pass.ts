import { NO_ERASURES, type Erasures, type ScrubPass } from './meta-values.js';

/** What one piece of a pass may cost the thread that receives webhooks. */
export const SCRUB_PIECE = {
  maxRows: 64,
  maxBytes: 1_000_000,
  maxMs: 5,
  /** So much is looked at however slow it is: a busy machine gets there too, and the result depends on no time. */
  minBytes: 128 * 1024,
} as const;

/** Contacts that were never known begin no pass before a day is over. */
const UNKNOWN_WAIT_MS = 86_400_000;

/** With one more contact that was erased. `isKnown`: the cache or the inbox had something of it. */
export function withErasure(before: Erasures | null, nowMs: number | null, isKnown: boolean): Erasures {
  const now = before ?? NO_ERASURES;
  return isKnown
    ? { ...now, last: now.last + 1, sinceMs: now.sinceMs ?? nowMs }
    : { ...now, unknownSinceMs: now.unknownSinceMs ?? nowMs };
}

/** The pass that has to be made; null when there is nothing to look for. */
export function beginPass(erasures: Erasures | null, nowMs: number): ScrubPass | null {
  const { last, scrubbed, unknownSinceMs } = erasures ?? NO_ERASURES;
  const unknownAreDue = unknownSinceMs !== null && nowMs - unknownSinceMs >= UNKNOWN_WAIT_MS;
  if (scrubbed >= last && !unknownAreDue) return null;
  const end = Number.MAX_SAFE_INTEGER;
  return { covers: last, beganAtMs: nowMs, beforeMs: end, beforeId: end, offset: 0 };
}

/** What is left once the pass has come to its end; `hasMore`: another pass has to be made. */
export function endPass(
  before: Erasures | null,
  { covers, beganAtMs }: ScrubPass,
): { readonly erasures: Erasures; readonly hasMore: boolean } {
  const now = before ?? NO_ERASURES;
  const isUnknownDone = now.unknownSinceMs !== null && now.unknownSinceMs < beganAtMs;
  const erasures: Erasures = {
    last: now.last,
    scrubbed: Math.max(now.scrubbed, covers),
    sinceMs: now.last > covers ? beganAtMs : null,
    unknownSinceMs: isUnknownDone ? null : now.unknownSinceMs,
  };
  return { erasures, hasMore: erasures.last > erasures.scrubbed };
}
