import type { Log } from '../../log.js';
import type { ReportStore } from '../ports/reports.js';
import { createReportStore } from '../report-sql/create-report-store.js';
import { createPool } from './pool.js';
import { POSTGRES_DIALECT } from './postgres-dialect.js';
import { createReportRunner } from './report-runner.js';

export interface PostgresReportsOptions {
  readonly url: string;
  /** Questions that are answered at the same time; others wait. */
  readonly maxConnections?: number | undefined;
  readonly log?: Pick<Log, 'warn'>;
}

const MAX_CONNECTIONS = 4;
/** Longer than any report takes; whoever asked has gone by then. */
const STATEMENT_TIMEOUT_MS = 60_000;

/**
 * Reports of a database whose tables are there, on connections of their own: each question sees one state of the
 * database, and holds nobody up that writes. A standby answers them too. The first question connects.
 */
export function openPostgresReports(options: PostgresReportsOptions): ReportStore {
  const { url, maxConnections = MAX_CONNECTIONS, log } = options;
  const pool = createPool({
    url,
    maxConnections,
    applicationName: 'intercom-engagement reports',
    statementTimeoutMs: STATEMENT_TIMEOUT_MS,
    log,
  });
  return createReportStore(POSTGRES_DIALECT, createReportRunner(pool));
}
