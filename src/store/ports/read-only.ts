import type { Freshness, QueryStore } from './queries.js';
import type { ReportStore } from './reports.js';

/** All that answers to reports need, from a database that somebody else keeps. */
export interface ReadOnlyReports {
  readonly reports: ReportStore;
  freshness(): Promise<Freshness>;
  close(): Promise<void>;
}

/** What is parked in such a database. */
export interface ReadOnlyParked extends Pick<QueryStore, 'parked' | 'countParked'> {
  close(): void | Promise<void>;
}
