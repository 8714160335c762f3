import Database from 'better-sqlite3';
import { fold } from '../../../rules/vocabulary.js';
import type { ReportList, ReportStore } from '../../report-store.js';
import { asStoreError, guarded } from '../store-errors.js';
import { dataQualityList } from './data-quality-list.js';
import { createList, reading, type ListKind, type ListQuery } from './list.js';
import { billingList, engagementList, upcomingList } from './member-lists.js';
import { readFilterChoices, readOverview } from './overview.js';
import { createCoachBook } from './parts.js';
import { caseloadList, participantList, sessionList } from './session-lists.js';

/**
 * Reports of the database file at `path`, on a connection that can only read: readers see the last commit and never
 * hold the writer up. Lists are read in small batches, so that a long one leaves room for everything else.
 * @throws AppError `store_unavailable` when there is no such database.
 */
export function openSqliteReportStore({ path }: { readonly path: string }): ReportStore {
  const sqlite = open(path);
  const coaches = createCoachBook(sqlite);
  const kinds = {
    caseload: caseloadList(coaches),
    sessions: sessionList(coaches),
    newParticipants: participantList(coaches),
  };
  const counts = (query: ListQuery, column: string, limits: readonly (number | string)[]): number[] => {
    const groups = Array.from({ length: limits.length + 1 }, (_, group) =>
      [
        ...(group === 0 ? [] : [`${column} >= @limit${group - 1}`]),
        ...(group === limits.length ? [] : [`${column} < @limit${group}`]),
      ].join(' and '),
    );
    const columns = groups.map((where, group) =>
      where === '' ? `count(*) g${group}` : `count(*) filter (where ${where}) g${group}`,
    );
    const named = Object.fromEntries(limits.map((limit, index) => [`limit${index}`, limit]));
    const row = sqlite
      .prepare<[object], Record<string, number>>(`select ${columns.join(', ')} from (${query.sql})`)
      .get({ ...query.params, ...named });
    return groups.map((_, group) => row?.[`g${group}`] ?? 0);
  };
  const asked = <Result>(ask: () => Result): Promise<Result> => reading(sqlite, ask);
  const list = <Filter, Row>(kind: ListKind<Filter, Row>): ReportList<Filter, Row> =>
    createList(sqlite, () => open(path), kind);
  const version = sqlite.prepare<[], string>("select value from meta where name = 'data_version'").pluck();

  return {
    dataVersion: () => asked(() => version.get() ?? 'none'),
    caseload: list(kinds.caseload),
    sessions: list(kinds.sessions),
    caseloadCounts: (filter, limits) =>
      asked(() => counts(kinds.caseload.query(filter), 'lastSessionAt', limits)),
    sessionCounts: (filter, limits) => asked(() => counts(kinds.sessions.query(filter), 'sessionAt', limits)),
    newParticipants: list(kinds.newParticipants),
    participantCounts: (filter, limits) =>
      asked(() => counts(kinds.newParticipants.query(filter), 'k0', limits)),
    billing: list(billingList),
    engagement: list(engagementList),
    upcoming: list(upcomingList(coaches)),
    dataQuality: list(dataQualityList(coaches)),
    overview: (windows) => asked(() => readOverview(sqlite, windows)),
    filterChoices: () => asked(() => readFilterChoices(sqlite)),
    close: async () => {
      await guarded(() => sqlite.close());
    },
  };
}

function open(path: string): Database.Database {
  try {
    const sqlite = new Database(path, { readonly: true, fileMustExist: true });
    // Sorting must not leave personal data in temporary files.
    sqlite.pragma('temp_store = MEMORY');
    sqlite.function('fold', { deterministic: true }, (value: unknown) => fold(String(value)));
    return sqlite;
  } catch (error) {
    throw asStoreError(error);
  }
}
