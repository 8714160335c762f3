import { eq, sql } from 'drizzle-orm';
import type { Workspace } from '../store.js';
import type { Connection } from './connection.js';
import { prepareUpsert } from './prepare-upsert.js';
import { meta } from './schema.js';

/** Every single value that is stored, by name. */
interface MetaValues {
  readonly workspace: Workspace;
  /** The zone in which the date columns of contacts were read. */
  readonly report_time_zone: string;
  readonly coverage_from_at: number;
  readonly applied_at: number;
  readonly swept_at: number;
  readonly complete_at: number;
  readonly write_probe: number;
}

export interface Meta {
  /** Null when none is stored. */
  readonly read: <Name extends keyof MetaValues>(name: Name) => MetaValues[Name] | null;
  readonly save: <Name extends keyof MetaValues>(name: Name, value: MetaValues[Name]) => void;
}

const READERS: { readonly [Name in keyof MetaValues]: (value: unknown) => MetaValues[Name] | null } = {
  workspace: readWorkspace,
  report_time_zone: (value) => (typeof value === 'string' ? value : null),
  coverage_from_at: readNumber,
  applied_at: readNumber,
  swept_at: readNumber,
  complete_at: readNumber,
  write_probe: readNumber,
};

export function createMeta(connection: Connection): Meta {
  const one = connection.db
    .select({ value: meta.value })
    .from(meta)
    .where(eq(meta.name, sql.placeholder('name')))
    .prepare();
  const upsert = prepareUpsert(connection, meta, [meta.name]);
  return {
    read: (name) => READERS[name](one.get({ name })?.value),
    save: (name, value) => upsert({ name, value }),
  };
}

function readNumber(value: unknown): number | null {
  return typeof value === 'number' ? value : null;
}

function readWorkspace(value: unknown): Workspace | null {
  if (typeof value !== 'object' || value === null || !('id' in value) || !('timeZone' in value)) return null;
  const { id, timeZone } = value;
  return typeof id === 'string' && typeof timeZone === 'string' ? { id, timeZone } : null;
}
