import { sameValue } from '../../rules/difference.js';
import type { Change } from '../../rules/facts.js';
import type { MaintainedAttribute } from '../../rules/vocabulary.js';
import { pauseAfterMs, REVERSAL_WITHIN_MS } from './damping.js';
import type { FightRow, SentWrite } from './rows.js';

/** Why a write has to wait. */
export interface Pause {
  readonly notBeforeMs: number;
  readonly reversals: number;
}

/** Of the contact's whole history no more is looked through. */
export const MAX_WRITES_BACK = 50;

/** The attribute whose fight a change belongs to: status and its date are one decision, and are written together. */
export function foughtAttribute(attribute: MaintainedAttribute): MaintainedAttribute {
  return attribute === 'Engagement Status Date' ? 'Engagement Status' : attribute;
}

/**
 * Looks whether wanting `change` means that somebody has changed away what was written last, and answers how long the
 * write has to wait (`pause`; null: not at all) and the fight as it is to be remembered (`fight`; null: as it is).
 * @param known the fight about the attribute, if there is one
 * @param sent what was written last of exactly this attribute
 */
export function judgeFight(
  contactId: string,
  { attribute, after }: Change,
  { known, sent }: { readonly known: FightRow | undefined; readonly sent: SentWrite | undefined },
  nowMs: number,
): { readonly pause: Pause | null; readonly fight: FightRow | null } {
  const fought = foughtAttribute(attribute);
  const isOver = known === undefined || known.untilMs + REVERSAL_WITHIN_MS < nowMs;
  const before = isOver ? { reversals: 0, sinceMs: nowMs, untilMs: 0, lastWriteId: 0 } : known;
  const isReversal =
    fought === attribute &&
    sent !== undefined &&
    sent.id !== before.lastWriteId &&
    nowMs - sent.settledAtMs < REVERSAL_WITHIN_MS &&
    sameValue(attribute, sent.after, after);
  if (!isReversal) {
    const { reversals, untilMs } = before;
    return { pause: untilMs > nowMs ? { reversals, notBeforeMs: untilMs } : null, fight: null };
  }
  const reversals = before.reversals + 1;
  const untilMs = nowMs + pauseAfterMs(reversals);
  return {
    pause: untilMs > nowMs ? { reversals, notBeforeMs: untilMs } : null,
    fight: {
      contactId,
      attribute: fought,
      reversals,
      sinceMs: before.sinceMs,
      untilMs,
      lastWriteId: sent.id,
    },
  };
}
