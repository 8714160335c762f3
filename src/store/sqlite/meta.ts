import { eq, sql } from 'drizzle-orm';
import { isTimeZone } from '../../rules/calendar.js';
import type { ServiceSettings } from '../service-settings.js';
import type { OtherWorkspaces } from '../look-store.js';
import type { Workspace } from '../store.js';
import type { Connection } from './connection.js';
import { readOtherWorkspaces } from './other-workspaces.js';
import { prepareUpsert } from './prepare-upsert.js';
import { NO_ERASURES, type Erasures, type ScrubPass } from './payload-scrub.js';
import { meta } from './schema.js';

/** Every single value that is stored, by name. */
interface MetaValues {
  readonly workspace: Workspace;
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
  /** The latest time that was looked at; see `mend-times.ts`. */
  readonly clock_at_ms: number;
  /** Notifications of other workspaces that came to this service. */
  readonly other_workspaces: OtherWorkspaces;
}

export interface Meta {
  /** Null when none is stored. */
  readonly read: <Name extends keyof MetaValues>(name: Name) => MetaValues[Name] | null;
  /** Null stores none. */
  readonly save: <Name extends keyof MetaValues>(name: Name, value: MetaValues[Name]) => void;
  /** Says that reports answer otherwise from this transaction on. */
  readonly renewDataVersion: () => void;
}

const READERS: { readonly [Name in keyof MetaValues]: (value: unknown) => MetaValues[Name] | null } = {
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
  clock_at_ms: readNumber,
  other_workspaces: readOtherWorkspaces,
};

/** Reports show how fresh the cache is. */
const SHOWN_BY_REPORTS: ReadonlySet<keyof MetaValues> = new Set([
  'coverage_from_at',
  'applied_at',
  'swept_at',
  'complete_at',
]);

export function createMeta(connection: Connection): Meta {
  const one = connection.db
    .select({ value: meta.value })
    .from(meta)
    .where(eq(meta.name, sql.placeholder('name')))
    .prepare();
  const upsert = prepareUpsert(connection, meta, [meta.name]);
  const remove = connection.db
    .delete(meta)
    .where(eq(meta.name, sql.placeholder('name')))
    .prepare();
  // Random, because a counter would come back to a value that it had before when a backup is restored.
  const renew = connection.sqlite.prepare(
    `insert into meta (name, value) values ('data_version', json_quote(lower(hex(randomblob(8)))))
     on conflict (name) do update set value = excluded.value`,
  );
  const renewDataVersion = (): void => {
    renew.run();
  };
  return {
    read: (name) => READERS[name](one.get({ name })?.value),
    save: (name, value) => {
      if (value === null) remove.run({ name });
      else upsert({ name, value });
      if (SHOWN_BY_REPORTS.has(name)) renewDataVersion();
    },
    renewDataVersion,
  };
}

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

function readWorkspace(value: unknown): Workspace | null {
  if (typeof value !== 'object' || value === null || !('id' in value) || !('timeZone' in value)) return null;
  const { id, timeZone } = value;
  if (typeof id !== 'string' || typeof timeZone !== 'string') return null;
  // What older programs have stored was not checked.
  const isKnown = isTimeZone(timeZone) && !('lacksTimeZone' in value);
  return isKnown ? { id, timeZone } : { id, timeZone: 'UTC', lacksTimeZone: true };
}
