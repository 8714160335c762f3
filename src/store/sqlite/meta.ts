import { eq, sql } from 'drizzle-orm';
import type { OtherWorkspaces } from '../look-store.js';
import type { Workspace } from '../store.js';
import type { Connection } from './connection.js';
import { readOtherWorkspaces } from './other-workspaces.js';
import { prepareUpsert } from './prepare-upsert.js';
import type { Scrubbing } from './payload-scrub.js';
import { meta } from './schema.js';

/** Every single value that is stored, by name. */
interface MetaValues {
  readonly workspace: Workspace;
  /** The zone in which the date columns of contacts were read. */
  readonly report_time_zone: string;
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
  readonly scrubbing: Scrubbing;
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
  derived_by: readNumber,
  data_version: readText,
  coverage_from_at: readNumber,
  applied_at: readNumber,
  swept_at: readNumber,
  swept_until_at: readNumber,
  complete_at: readNumber,
  silent_since_at: readNumber,
  write_probe: readNumber,
  scrubbing: readScrubbing,
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

function readScrubbing(value: unknown): Scrubbing | null {
  if (typeof value !== 'object' || value === null || !('contactIds' in value) || !('belowId' in value)) {
    return null;
  }
  const { contactIds, belowId } = value;
  if (!Array.isArray(contactIds) || typeof belowId !== 'number') return null;
  return { contactIds: contactIds.filter((id) => typeof id === 'string'), belowId };
}

function readWorkspace(value: unknown): Workspace | null {
  if (typeof value !== 'object' || value === null || !('id' in value) || !('timeZone' in value)) return null;
  const { id, timeZone } = value;
  return typeof id === 'string' && typeof timeZone === 'string' ? { id, timeZone } : null;
}
