export type SqlValue = string | number | null;
/** Values by the names that stand in the statement; others are left alone. A list goes where `Dialect.inList` is. */
export type Params = Readonly<Record<string, SqlValue | readonly string[]>>;
/** The columns in the order of the statement: making an object of them takes half as long again. Booleans are 0 and 1. */
export type RawRow = readonly SqlValue[];

export interface Query {
  readonly statement: string;
  readonly params: Params;
}

/**
 * Reads something with queries, and can't know whether each is answered at once (SQLite) or after a while (Postgres): it
 * hands over a query, and goes on with its rows.
 */
export type Reading<Result> = Generator<Query, Result, readonly RawRow[]>;

/** What an engine does with a {@link Reading}. */
export interface Runner {
  /**
   * Carries out one after the other, where the engine can on one state of the database.
   * Rejects with `AppError('store_unavailable')` when the database can't be used.
   */
  readonly run: <Result>(reading: () => Reading<Result>) => Promise<Result>;
  readonly close: () => Promise<void>;
}

/** The rows of one query. */
export function* readRows(statement: string, params: Params = {}): Reading<readonly RawRow[]> {
  return yield { statement, params };
}

/** The one number that the query answers; 0 for none. */
export function* readCount(statement: string, params: Params = {}): Reading<number> {
  const [row] = yield* readRows(statement, params);
  return Number(row?.[0] ?? 0);
}

/** For what needs no query. */
// oxlint-disable-next-line require-yield -- there is nothing to hand over
export function* known<Result>(result: Result): Reading<Result> {
  return result;
}
