import type { Pool, PoolClient } from 'pg';
import { AppError } from '../../errors.js';
import { bindNames, type Bound } from './bind-names.js';
import { createTypes } from './column-types.js';
import { transact } from './pool.js';
import { guarded } from './postgres-errors.js';
import { readText, writeText } from './stored-text.js';

type Single = string | number | boolean | null | Uint8Array;
/** Values by the names that stand in the statement. A list is an array of the server's: `= any (@ids)`, `unnest(@ids::text[])`. */
export type Values = Readonly<Record<string, Single | readonly Single[]>>;

export interface Query {
  /** Rows with the names and values of the statement. Integers are numbers, texts as they were given. */
  readonly rows: <Row extends object>(statement: string, values?: Values) => Promise<Row[]>;
  /** Answers how many rows were changed. */
  readonly run: (statement: string, values?: Values) => Promise<number>;
}

/** Queries of one transaction. */
export interface Unit extends Query {
  /** Called once it is committed; not at all when it is rolled back. */
  readonly afterCommit: (act: () => void) => void;
}

export interface UnitOptions {
  /** It is on disk before the answer. Without it a crash of the server takes back the last moments, whole units only. */
  readonly isDurable: boolean;
  /** Statements without values that are carried out with the beginning, in its round trip: locks. */
  readonly first?: string;
}

/** Our way to one database. Errors of it reject as `AppError('store_unavailable')`. */
export interface Database {
  /** Each query by itself. */
  readonly read: <Result>(work: (query: Query) => Promise<Result>) => Promise<Result>;
  /** One moment for all queries. */
  readonly view: <Result>(work: (query: Query) => Promise<Result>) => Promise<Result>;
  /** One transaction; done again, at most three times in all, where another one was in its way. */
  readonly unit: <Result>(work: (unit: Unit) => Promise<Result>, options: UnitOptions) => Promise<Result>;
  readonly close: () => Promise<void>;
}

const MAX_ATTEMPTS = 3;
const VIEW = 'begin isolation level repeatable read read only';
/** Deadlocks, and what can't be put in one order. */
const IN_ITS_WAY: ReadonlySet<string> = new Set(['40P01', '40001']);
/** Statements that are kept prepared; ours are some hundreds. */
const MAX_STATEMENTS = 1000;
const TYPES = createTypes({ text: readText });

interface Prepared extends Bound {
  readonly name: string;
}

export function createDatabase(pool: Pool): Database {
  const prepared = new Map<string, Prepared>();
  const prepare = (statement: string): Prepared => {
    const known = prepared.get(statement);
    if (known !== undefined) return known;
    if (prepared.size >= MAX_STATEMENTS) throw new RangeError('statements are made from values: bind those');
    const made = { ...bindNames(statement), name: `s${prepared.size}` };
    prepared.set(statement, made);
    return made;
  };
  const ask = (client: Pick<PoolClient, 'query'>, statement: string, values: Values) => {
    const { name, text, names } = prepare(statement);
    return client.query({ name, text, values: names.map((key) => valueOf(values, key)), types: TYPES });
  };
  const queryWith = (client: Pick<PoolClient, 'query'>): Query => ({
    rows: async <Row extends object>(statement: string, values: Values = {}): Promise<Row[]> => {
      const answer = await ask(client, statement, values);
      return answer.rows;
    },
    run: async (statement, values = {}) => (await ask(client, statement, values)).rowCount ?? 0,
  });

  return {
    read: (work) =>
      guarded(async () => {
        const client = await pool.connect();
        try {
          return await work(queryWith(client));
        } finally {
          client.release();
        }
      }),
    view: (work) => transact(pool, (client) => work(queryWith(client)), VIEW),
    unit: async (work, { isDurable, first }) => {
      const begin = [
        'begin',
        ...(isDurable ? [] : ['set local synchronous_commit = off']),
        ...(first === undefined ? [] : [first]),
      ].join('; ');
      for (let attempt = 1; ; attempt += 1) {
        const acts: (() => void)[] = [];
        try {
          const afterCommit = (act: () => void): void => void acts.push(act);
          const result = await transact(pool, (client) => work({ ...queryWith(client), afterCommit }), begin);
          for (const act of acts) act();
          return result;
        } catch (error) {
          if (attempt === MAX_ATTEMPTS || !wasInTheWay(error)) throw error;
        }
      }
    },
    close: () => guarded(() => pool.end()),
  };
}

/** @throws TypeError when a value is missing: it would be taken for null. */
function valueOf(values: Values, name: string): unknown {
  const value = values[name];
  if (value === undefined) throw new TypeError(`no value for @${name}`);
  return isList(value) ? value.map(toServer) : toServer(value);
}

function isList(value: Single | readonly Single[]): value is readonly Single[] {
  return Array.isArray(value);
}

function toServer(value: Single): unknown {
  if (typeof value === 'string') return writeText(value);
  return value instanceof Uint8Array ? Buffer.from(value.buffer, value.byteOffset, value.length) : value;
}

function wasInTheWay(error: unknown): boolean {
  const cause = error instanceof AppError ? error.cause : null;
  return cause instanceof Error && 'code' in cause && IN_ITS_WAY.has(String(cause.code));
}
