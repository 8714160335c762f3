import { Pool, type PoolClient } from 'pg';
import type { Log } from '../../log.js';
import { createTypes } from './column-types.js';
import { guarded } from './postgres-errors.js';

export interface PoolOptions {
  /** `postgres://user@host:port/database`, with `sslmode` and other parameters as libpq knows them. */
  readonly url: string;
  /** By which people tell connections apart in `pg_stat_activity`. */
  readonly applicationName: string;
  readonly maxConnections: number;
  /** A statement is given up after this long. */
  readonly statementTimeoutMs?: number;
  readonly log?: Pick<Log, 'warn'> | undefined;
}

const CONNECT_TIMEOUT_MS = 5000;
const STATEMENT_TIMEOUT_MS = 30_000;
/** Locks of ours are held for milliseconds: who waits this long waits for somebody else. */
const LOCK_TIMEOUT_MS = 5000;
/** A process that was frozen in a transaction must not hold its rows for ever. */
const IDLE_IN_TRANSACTION_TIMEOUT_MS = 10_000;
/** So that a server that moved, or whose memory grew, is not held on to. */
const MAX_LIFETIME_SECONDS = 3600;

/** Connections to one database. None is made before the first one is asked for. */
export function createPool(options: PoolOptions): Pool {
  const { url, applicationName, maxConnections, statementTimeoutMs = STATEMENT_TIMEOUT_MS, log } = options;
  const pool = new Pool({
    connectionString: url,
    application_name: applicationName,
    max: maxConnections,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    maxLifetimeSeconds: MAX_LIFETIME_SECONDS,
    statement_timeout: statementTimeoutMs,
    lock_timeout: LOCK_TIMEOUT_MS,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_TIMEOUT_MS,
    keepAlive: true,
    types: createTypes({}),
  });
  // A connection that breaks while nobody waits for it would end the process. Whoever uses it next gets another one, and
  // whoever is using it hears of it by the query.
  const noteLoss = (err: Error): void => {
    log?.warn({ err }, 'a connection to the database was lost');
  };
  pool.on('error', noteLoss);
  pool.on('connect', (client) => client.on('error', () => undefined));
  return pool;
}

/**
 * Runs `work` in one transaction; whatever it throws rolls everything back. Errors of the database reject as
 * `AppError('store_unavailable')`.
 * @param begin the statement that begins it, where it is to be of another kind
 */
export function transact<Result>(
  pool: Pool,
  work: (client: PoolClient) => Promise<Result>,
  begin = 'begin',
): Promise<Result> {
  return guarded(async () => {
    const client = await pool.connect();
    let isUsable = false;
    try {
      await client.query(begin);
      const result = await work(client);
      await client.query('commit');
      isUsable = true;
      return result;
    } catch (error) {
      isUsable = await client.query('rollback').then(
        () => true,
        () => false,
      );
      throw error;
    } finally {
      client.release(!isUsable);
    }
  });
}
