import type { Pool, PoolClient } from 'pg';
import type { Query, RawRow, Reading, Runner } from '../report-sql/reading.js';
import { bindNames, type Bound, valuesFor } from './bind-names.js';
import { createTypes } from './column-types.js';
import { guarded } from './postgres-errors.js';
import { readText } from './stored-text.js';

/**
 * One state of the database for all queries of a question. Compiling a query, or starting helpers for it, takes longer
 * than these queries do: both are for questions that walk a table for seconds.
 */
const BEGIN = `begin isolation level repeatable read read only;
  set local jit = off; set local max_parallel_workers_per_gather = 0`;

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

  return {
    run: (reading) =>
      guarded(async () => {
        const client = await pool.connect();
        let end: 'commit' | 'rollback' = 'rollback';
        try {
          await client.query(BEGIN);
          const answer = await carryOut(reading(), (query) => read(client, query));
          end = 'commit';
          return answer;
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

async function carryOut<Result>(
  queries: Reading<Result>,
  read: (query: Query) => Promise<readonly RawRow[]>,
): Promise<Result> {
  let step = queries.next();
  while (step.done !== true) step = queries.next(await read(step.value));
  return step.value;
}

/** Values as SQLite hands them over, so that rows and cursors are the same. */
const AS_SQLITE = createTypes({ text: readText, boolean: (held) => (held === 't' ? 1 : 0) });
