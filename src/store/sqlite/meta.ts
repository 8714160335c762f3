import { randomBytes } from 'node:crypto';
import { eq, sql } from 'drizzle-orm';
import type { Connection } from './connection.js';
import { prepareRows } from './prepare-rows.js';
import { prepareUpsert } from './prepare-upsert.js';
import { META_READERS, type MetaValues } from '../meta-values.js';
import { meta } from './schema.js';

export interface Meta {
  /** Null when none is stored. */
  readonly read: <Name extends keyof MetaValues>(name: Name) => MetaValues[Name] | null;
  /** Null stores none. */
  readonly save: <Name extends keyof MetaValues>(name: Name, value: MetaValues[Name]) => void;
  /** Says that reports answer otherwise from this transaction on. */
  readonly renewDataVersion: () => void;
}

/** How fresh the cache is, which stands in every answer: {@link Freshness}. */
const SHOWN_BY_REPORTS: ReadonlySet<keyof MetaValues> = new Set([
  'coverage_from_at',
  'applied_at',
  'swept_at',
  'swept_until_at',
  'complete_at',
  'silent_since_at',
]);

export function createMeta(connection: Connection): Meta {
  const one = prepareRows(
    connection,
    meta,
    (columns, table) => `select ${columns} from ${table} where name = ?`,
  );
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
  const read: Meta['read'] = (name) => META_READERS[name](one.get(name)?.value);
  return {
    read,
    save: (name, value) => {
      // Each sweep says again what is known already; answers that browsers keep stay good then.
      if (SHOWN_BY_REPORTS.has(name) && read(name) !== value) renewDataVersion();
      if (value === null) remove.run({ name });
      else upsert({ name, value });
    },
    renewDataVersion,
  };
}

/** The key of this name; a random one is stored where there is none. */
export function readKey({ transact }: Connection, values: Meta, name: 'mark_key' | 'form_key'): string {
  return (
    values.read(name) ??
    transact(() => {
      // Another process that started at the same time may just have done it.
      const known = values.read(name);
      if (known !== null) return known;
      const made = randomBytes(32).toString('base64url');
      values.save(name, made);
      return made;
    })
  );
}
