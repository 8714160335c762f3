import type Database from 'better-sqlite3';
import { AppError } from '../../../errors.js';
import type { ReportList } from '../../report-store.js';
import { asStoreError, guarded } from '../store-errors.js';

export type SqlValue = string | number | null;

/** A list as SQL: the rows with their sort keys, all ascending, in columns `k0`, `k1` … that settle every tie. */
export interface ListQuery {
  readonly sql: string;
  readonly params: Readonly<Record<string, SqlValue>>;
}

export interface ListKind<Filter, Row> {
  /** Tells cursors of different lists apart. */
  readonly name: string;
  readonly keys: number;
  readonly query: (filter: Filter) => ListQuery;
  readonly present: (raw: Readonly<Record<string, SqlValue>>) => Row;
}

/** Rows given at once while a whole list is streamed: some milliseconds, then others have their turn. */
const BATCH = 500;

/** Runs `work`, which reads; rejects with `store_unavailable` when the database can't be used. */
export async function reading<Result>(sqlite: Database.Database, work: () => Result): Promise<Result> {
  if (!sqlite.open) throw new AppError('store_unavailable', 'later', 'the database has been closed');
  return guarded(work);
}

/**
 * A list that is read by its sort keys: each page begins behind the place where the last one ended. The whole list is
 * one statement on a connection of its own (`openReader`), stepped as the consumer takes it.
 */
export function createList<Filter, Row>(
  sqlite: Database.Database,
  openReader: () => Database.Database,
  kind: ListKind<Filter, Row>,
): ReportList<Filter, Row> {
  const keys = Array.from({ length: kind.keys }, (_, index) => `k${index}`);
  const columns = keys.join(', ');
  const behind = `where (${columns}) > (${keys.map((key) => `@after_${key}`).join(', ')})`;

  const readPage = (filter: Filter, limit: number, after: readonly SqlValue[] | null): RawRow[] => {
    const { sql, params } = kind.query(filter);
    const place = Object.fromEntries(keys.map((key, index) => [`after_${key}`, after?.[index] ?? null]));
    return sqlite
      .prepare<[object], RawRow>(
        `select * from (${sql}) ${after === null ? '' : behind} order by ${columns} limit @limit`,
      )
      .all({ ...params, ...(after === null ? {} : place), limit });
  };

  return {
    count: (filter) =>
      reading(sqlite, () => {
        const { sql, params } = kind.query(filter);
        return sqlite.prepare<[object], number>(`select count(*) from (${sql})`).pluck().get(params) ?? 0;
      }),
    page: (filter, { limit, after }) =>
      reading(sqlite, () => {
        const place = after === null ? null : readCursor(kind.name, kind.keys, after);
        const raw = readPage(filter, limit + 1, place);
        const shown = raw.slice(0, limit);
        const last = shown.at(-1);
        const hasMore = raw.length > limit && last !== undefined;
        const next = hasMore
          ? writeCursor(
              kind.name,
              keys.map((key) => last[key] ?? null),
            )
          : null;
        return { rows: shown.map(kind.present), next };
      }),
    async *all(filter) {
      const { sql, params } = kind.query(filter);
      const reader = await reading(sqlite, openReader);
      try {
        const rows = reader.prepare<[object], RawRow>(`${sql} order by ${columns}`).iterate(params);
        let batch: Row[] = [];
        for (const raw of rows) {
          batch.push(kind.present(raw));
          if (batch.length < BATCH) continue;
          yield batch;
          batch = [];
          // Webhooks that came meanwhile go first.
          await new Promise((resolve) => setImmediate(resolve));
        }
        if (batch.length > 0) yield batch;
      } catch (error) {
        throw asStoreError(error);
      } finally {
        reader.close();
      }
    },
  };
}

type RawRow = Readonly<Record<string, SqlValue>>;

function writeCursor(name: string, place: readonly SqlValue[]): string {
  return Buffer.from(JSON.stringify([name, ...place])).toString('base64url');
}

function readCursor(name: string, keys: number, text: string): SqlValue[] {
  const place = parse(text);
  const isOurs =
    Array.isArray(place) &&
    place.length === keys + 1 &&
    place[0] === name &&
    place.slice(1).every((value) => typeof value === 'string' || typeof value === 'number');
  if (!isOurs) throw new AppError('cursor_invalid', 'never', 'this cursor is not of this list');
  return place.slice(1).map((value: unknown) => (typeof value === 'number' ? value : String(value)));
}

function parse(text: string): unknown {
  try {
    return JSON.parse(Buffer.from(text, 'base64url').toString());
  } catch {
    return null;
  }
}
