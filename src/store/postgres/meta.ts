import { randomBytes } from 'node:crypto';
import { META_READERS, type MetaValues } from '../meta-values.js';
import type { Query, Unit } from './database.js';
import { ROWS } from './row-sets.js';

/** Single values by name; null where none is stored. */
export type KnownMeta<Name extends keyof MetaValues> = { readonly [Key in Name]: MetaValues[Key] | null };

/** How fresh the cache is, which stands in every answer: {@link Freshness}. */
const SHOWN_BY_REPORTS: ReadonlySet<string> = new Set<keyof MetaValues>([
  'coverage_from_at',
  'applied_at',
  'swept_at',
  'swept_until_at',
  'complete_at',
  'silent_since_at',
]);

export async function readMeta<Name extends keyof MetaValues>(
  query: Query,
  names: readonly Name[],
): Promise<KnownMeta<Name>> {
  const rows = await ROWS.meta.find(query, 'name = any (@names)', { names });
  return pickMeta(names, new Map(rows.map(({ name, value }) => [name, value])));
}

/** The values of rows that were read together with others. */
export function pickMeta<Name extends keyof MetaValues>(
  names: readonly Name[],
  held: ReadonlyMap<string, unknown>,
): KnownMeta<Name> {
  const values = names.map((name) => [name, META_READERS[name](held.get(name))]);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- each name with the value of its own reader
  return Object.fromEntries(values) as KnownMeta<Name>;
}

/** Stores a random key where there is none; of several that do so at the same time the first one's stays. */
export async function makeKey(unit: Unit, name: 'mark_key' | 'form_key'): Promise<void> {
  await unit.run('insert into meta (name, value) values (@name, @value) on conflict do nothing', {
    name,
    value: JSON.stringify(randomBytes(32).toString('base64url')),
  });
}

export interface SaveMeta {
  /** What is stored, where the caller has read it in this transaction. */
  readonly known?: Readonly<Partial<Record<keyof MetaValues, unknown>>>;
  /** Reports answer otherwise from this transaction on, whatever the values say. */
  readonly renewsReports?: boolean;
}

/**
 * Null stores none. What reports show gives them a new version where it changes. Everybody writes these rows: it is the
 * last thing that a unit does, so that nobody waits for it long.
 */
export async function saveMeta(
  unit: Unit,
  values: Partial<MetaValues>,
  { known, renewsReports = false }: SaveMeta = {},
): Promise<void> {
  const entries = Object.entries(values);
  const shown = entries.flatMap(([name]) => (SHOWN_BY_REPORTS.has(name) ? [name] : []));
  const isOtherwise = renewsReports || (shown.length > 0 && (await areOthers(unit, shown, values, known)));
  // Random, because a counter would come back to a value that it had before when a backup is restored.
  const version = isOtherwise ? [{ name: 'data_version', value: randomBytes(8).toString('hex') }] : [];
  const none = entries.flatMap(([name, value]) => (value === null ? [name] : []));
  if (none.length > 0) await unit.run('delete from meta where name = any (@none)', { none });
  const rows = entries.flatMap(([name, value]) => (value === null ? [] : [{ name, value }]));
  await ROWS.meta.put(
    unit,
    [...rows, ...version].toSorted((one, other) => (one.name < other.name ? -1 : 1)),
  );
}

async function areOthers(
  unit: Unit,
  names: readonly string[],
  values: Partial<MetaValues>,
  known: SaveMeta['known'],
): Promise<boolean> {
  const rows = known === undefined ? await ROWS.meta.find(unit, 'name = any (@names)', { names }) : [];
  const before = known ?? Object.fromEntries(rows.map(({ name, value }) => [name, value]));
  return names.some((name) => (Reflect.get(before, name) ?? null) !== Reflect.get(values, name));
}
