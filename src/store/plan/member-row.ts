import type { MemberDecision } from '../../rules/facts.js';
import type { MemberRow } from './rows.js';

/** What the rules have said of a member; `before` itself where they say the same again. */
export function memberRow(
  contactId: string,
  decision: MemberDecision,
  before: MemberRow | undefined,
  at: { readonly nowMs: number; readonly isRight: boolean },
): MemberRow {
  const { status, nextChange, lastQualifyingAt, evidence, nearMisses, warnings } = decision;
  const row: MemberRow = {
    contactId,
    status,
    nextChangeAt: nextChange?.at ?? null,
    nextChangeOn: nextChange?.on ?? null,
    nextChangeTo: nextChange?.to ?? null,
    lastQualifyingAt,
    evidence,
    nearMisses,
    warnings,
    decidedAtMs: at.nowMs,
    // Only the first time is remembered.
    syncedAtMs: before?.syncedAtMs ?? (at.isRight ? at.nowMs : null),
  };
  // Most events change nothing here: what the rules say once more is no reason to write.
  const isKnown = typeof before?.decidedAtMs === 'number' && contentOf(before) === contentOf(row);
  return isKnown ? before : row;
}

/** All but the time of the decision. */
function contentOf(row: MemberRow): string {
  const { status, nextChangeAt, nextChangeOn, nextChangeTo, lastQualifyingAt, syncedAtMs } = row;
  const { evidence, nearMisses, warnings } = row;
  const times = [nextChangeAt, nextChangeOn, nextChangeTo, lastQualifyingAt, syncedAtMs];
  return JSON.stringify([status, times, evidence, nearMisses, warnings]);
}

/** A member that the rules have not been asked about yet. */
export function undecidedMember(contactId: string): MemberRow {
  return {
    contactId,
    status: null,
    nextChangeAt: null,
    nextChangeOn: null,
    nextChangeTo: null,
    lastQualifyingAt: null,
    evidence: [],
    nearMisses: [],
    warnings: [],
    decidedAtMs: null,
    syncedAtMs: null,
  };
}

/** The decision as stored, without the changes that it led to. */
export function storedDecision(row: MemberRow): Omit<MemberDecision, 'changes'> {
  const { nextChangeAt, nextChangeOn, nextChangeTo } = row;
  const isAhead = nextChangeAt !== null && nextChangeOn !== null && nextChangeTo !== null;
  return {
    evidence: row.evidence,
    status: row.status,
    nextChange: isAhead ? { at: nextChangeAt, on: nextChangeOn, to: nextChangeTo } : null,
    lastQualifyingAt: row.lastQualifyingAt,
    nearMisses: row.nearMisses,
    warnings: row.warnings,
  };
}
