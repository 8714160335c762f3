import type { Pool, PoolClient, QueryArrayResult } from 'pg';
import type { Query, RawRow, Runner } from '../report-sql/reading.js';
import { bindNames, type Bound, valuesFor } from './bind-names.js';
import { createTypes } from './column-types.js';
import { guarded } from './postgres-errors.js';
import { readText } from './stored-text.js';

/**
 * One state of the database for all queries of a question. Compiling a query, or starting helpers for it, takes longer
 * than these queries do: both are for questions that walk a table for seconds. What reports read is in memory or on a disk
 * without arms, where a page found along an index costs as much as the next one of a table: a count of 780,000 sessions
 * then takes their index and not the table, in 54 ms instead of 160.
 */
const BEGIN = `begin isolation level repeatable read read only;
  set local jit = off; set local max_parallel_workers_per_gather = 0; set local random_page_cost = 1.1`;

/** Statements that are known by their text: as many as there are combinations of filters; kept up to this. */
const MAX_STATEMENTS = 500;

export function createReportRunner(pool: Pool): Runner {
  const bound = new Map<string, Bound>();
  let closing: Promise<void> | null = null;
  const bind = (statement: string): Bound => {
    const known = bound.get(statement) ?? bindNames(statement);
    if (bound.size >= MAX_STATEMENTS) bound.clear();
    bound.set(statement, known);
    return known;
  };
  const read = async (client: PoolClient, { statement, params }: Query): Promise<readonly RawRow[]> => {
    const named = bind(statement);
    const values = valuesFor(named, params);
    // Unnamed, so that each is planned for its own values: windows and filters differ by orders of magnitude.
    const { rows } = await client.query<RawRow[number][]>({
      text: named.text,
      values,
      rowMode: 'array',
      types: AS_SQLITE,
    });
    return rows;
  };

  /** Begins, in one round trip with the first query where that has no values. */
  const begin = async (client: PoolClient, query: Query): Promise<readonly RawRow[]> => {
    const { text, names } = bind(query.statement);
    if (names.length > 0) {
      await client.query(BEGIN);
      return read(client, query);
    }
    // Several statements at once are answered with as many results, which the driver's types don't know.
    const answers: Answer | Answer[] = await client.query<RawRow[number][]>({
      text: `${BEGIN}; ${text}`,
      rowMode: 'array',
      types: AS_SQLITE,
    });
    return [answers].flat().at(-1)?.rows ?? [];
  };

  return {
    run: (reading) =>
      guarded(async () => {
        const queries = reading();
        let step = queries.next();
        if (step.done === true) return step.value;
        const client = await pool.connect();
        let end: 'commit' | 'rollback' = 'rollback';
        try {
          step = queries.next(await begin(client, step.value));
          while (step.done !== true) step = queries.next(await read(client, step.value));
          end = 'commit';
          return step.value;
        } finally {
          // Nothing was written, so nobody has to wait for its end.
          void client.query(end).then(
            () => client.release(),
            () => client.release(true),
          );
        }
      }),
    close: () => {
      closing ??= guarded(() => pool.end());
      return closing;
    },
  };
}

type Answer = QueryArrayResult<RawRow[number][]>;

/** Values as SQLite hands them over, so that rows and cursors are the same. */
const AS_SQLITE = createTypes({ text: readText, boolean: (held) => (held === 't' ? 1 : 0) });
