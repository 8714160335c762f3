import { isTimeZone } from '../rules/calendar.js';
import type { OtherWorkspaces } from './ports/queries.js';
import type { ServiceSettings } from './ports/service-settings.js';
import type { BoundWorkspace } from './ports/workspace.js';

/** Every single value that is stored, by name. */
export interface MetaValues {
  readonly workspace: BoundWorkspace;
  /** The zone in which the date columns of contacts were read. */
  readonly report_time_zone: string;
  /** Those of the last start of the service; null before the first one. */
  readonly service_settings: ServiceSettings;
  /** Which generation of the program worked out the derived columns. */
  readonly derived_by: number;
  /** Another text after every commit that changes what reports answer. */
  readonly data_version: string;
  readonly coverage_from_at: number;
  readonly applied_at: number;
  readonly swept_at: number;
  /** Everything that changed in Intercom before is in the cache, Unix seconds. */
  readonly swept_until_at: number;
  readonly complete_at: number;
  /** When the last webhook came before sweeps found that some are missing. */
  readonly silent_since_at: number | null;
  readonly write_probe: number;
  /** The last one that was given to a lease of the outbox. */
  readonly lease_token: number;
  readonly erasures: Erasures;
  readonly scrub_pass: ScrubPass | null;
  /** Of the hashes by which erased people are recognized. */
  readonly mark_key: string;
  /** What forms are signed with where nobody signs in. */
  readonly form_key: string;
  /** The latest time that was looked at; see `fix-times.ts`. */
  readonly clock_at_ms: number;
  /** Notifications of other workspaces that came to this service. */
  readonly other_workspaces: OtherWorkspaces;
}

/**
 * One pass through the stored payloads, newest first. It covers every contact erased before it began; those erased
 * meanwhile are covered by the next one, so no deletion makes a pass begin anew.
 */
export interface ScrubPass {
  /** The number of the last erasure that it covers. */
  readonly covers: number;
  readonly beganAtMs: number;
  /** Payloads before this place are still to be looked at … */
  readonly beforeMs: number;
  readonly beforeId: number;
  /** … and of the one at `beforeId` what begins here; 0 where that is done. */
  readonly offset: number;
}

export interface Erasures {
  /** How many there have been for which payloads must be looked through. */
  readonly last: number;
  /** Up to which of them that is done. */
  readonly scrubbed: number;
  /** When the oldest was that is not done. */
  readonly sinceMs: number | null;
  /** The same for contacts that the cache never knew: they begin no pass before a day is over. */
  readonly unknownSinceMs: number | null;
}

export const NO_ERASURES: Erasures = { last: 0, scrubbed: 0, sinceMs: null, unknownSinceMs: null };

/** The stored value of each name as it is typed; null for what an older program, or none, has stored. */
export const META_READERS: {
  readonly [Name in keyof MetaValues]: (value: unknown) => MetaValues[Name] | null;
} = {
  workspace: readWorkspace,
  report_time_zone: readText,
  service_settings: readServiceSettings,
  derived_by: readNumber,
  data_version: readText,
  coverage_from_at: readNumber,
  applied_at: readNumber,
  swept_at: readNumber,
  swept_until_at: readNumber,
  complete_at: readNumber,
  silent_since_at: readNumber,
  write_probe: readNumber,
  lease_token: readNumber,
  erasures: readErasures,
  scrub_pass: readScrubPass,
  mark_key: readText,
  form_key: readText,
  clock_at_ms: readNumber,
  other_workspaces: readOtherWorkspaces,
};

function readText(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

function readNumber(value: unknown): number | null {
  return typeof value === 'number' ? value : null;
}

function readErasures(value: unknown): Erasures | null {
  if (typeof value !== 'object' || value === null) return null;
  const known: Partial<Erasures> = value;
  return {
    last: readNumber(known.last) ?? NO_ERASURES.last,
    scrubbed: readNumber(known.scrubbed) ?? NO_ERASURES.scrubbed,
    sinceMs: readNumber(known.sinceMs),
    unknownSinceMs: readNumber(known.unknownSinceMs),
  };
}

function readScrubPass(value: unknown): ScrubPass | null {
  if (typeof value !== 'object' || value === null) return null;
  const known: Partial<ScrubPass> = value;
  const covers = readNumber(known.covers);
  const beforeMs = readNumber(known.beforeMs);
  const beforeId = readNumber(known.beforeId);
  if (covers === null || beforeMs === null || beforeId === null) return null;
  const { beganAtMs = 0, offset = 0 } = known;
  return { covers, beganAtMs, beforeMs, beforeId, offset };
}

/** Null for what an older program, or none, has stored. */
export function readServiceSettings(value: unknown): ServiceSettings | null {
  if (typeof value !== 'object' || value === null) return null;
  if (!('eligibleProgramsByReferral' in value) || !('dryRun' in value)) return null;
  const { eligibleProgramsByReferral: programs, dryRun } = value;
  if (typeof programs !== 'object' || programs === null || typeof dryRun !== 'boolean') return null;
  const entries = Object.entries(programs).filter(([, program]) => typeof program === 'string');
  return { eligibleProgramsByReferral: Object.fromEntries(entries), dryRun };
}

function readWorkspace(value: unknown): BoundWorkspace | null {
  if (typeof value !== 'object' || value === null || !('id' in value) || !('timeZone' in value)) return null;
  const { id, timeZone } = value;
  if (typeof id !== 'string' || typeof timeZone !== 'string') return null;
  // What older programs have stored was not checked.
  const isKnown = isTimeZone(timeZone) && !('lacksTimeZone' in value);
  return isKnown ? { id, timeZone } : { id, timeZone: 'UTC', lacksTimeZone: true };
}

/** The stored value as it is typed; null for anything else. */
export function readOtherWorkspaces(value: unknown): OtherWorkspaces | null {
  if (!isCounted(value) || !('workspaces' in value) || !Array.isArray(value.workspaces)) return null;
  const { count, lastAtMs } = value;
  const workspaces = value.workspaces.flatMap((one: unknown) =>
    isCounted(one) && 'id' in one && typeof one.id === 'string'
      ? [{ id: one.id, count: one.count, lastAtMs: one.lastAtMs }]
      : [],
  );
  return { count, lastAtMs, workspaces };
}

function isCounted(value: unknown): value is { readonly count: number; readonly lastAtMs: number } {
  return (
    typeof value === 'object' &&
    value !== null &&
    'count' in value &&
    typeof value.count === 'number' &&
    'lastAtMs' in value &&
    typeof value.lastAtMs === 'number'
  );
}
