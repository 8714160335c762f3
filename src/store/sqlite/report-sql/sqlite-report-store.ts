import Database from 'better-sqlite3';
import { fold } from '../../../rules/text.js';
import type { ReportList, ReportStore, SessionFilter, SessionRow } from '../../ports/reports.js';
import { asStoreError, guarded } from '../store-errors.js';
import { dataQualityList } from './data-quality-list.js';
import { createList, reading, type Counted, type ListKind } from './list.js';
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
  const asked = <Result>(ask: () => Result): Promise<Result> =>
    reading(sqlite, () => {
      coaches.readAgain();
      return ask();
    });
  const list = <Filter, Row>(kind: ListKind<Filter, Row>): ReportList<Filter, Row> =>
    createList(asked, sqlite, kind);
  const version = sqlite.prepare<[], string>("select value from meta where name = 'data_version'").pluck();

  return {
    dataVersion: () => reading(sqlite, () => version.get() ?? 'none'),
    caseload: list(kinds.caseload),
    sessions: list(kinds.sessions),
    caseloadCounts: (filter, limits) =>
      asked(() => countGroups(sqlite, kinds.caseload.counted(filter), 'm.last_session_at', limits)),
    sessionCounts: (filter, limits) =>
      asked(() =>
        isInOrderOfTime(filter)
          ? countWindows(sqlite, kinds.sessions, filter, limits)
          : countGroups(sqlite, kinds.sessions.counted(filter), 's.reported_at', limits),
      ),
    newParticipants: list(kinds.newParticipants),
    participantCounts: (filter, limits) =>
      asked(() =>
        countGroups(sqlite, kinds.newParticipants.counted(filter), 'm.without_session_since_on', limits),
      ),
    billing: list(billingList),
    engagement: list(engagementList),
    upcoming: list(upcomingList(coaches)),
    dataQuality: list(dataQualityList(sqlite, coaches)),
    overview: (windows) => asked(() => readOverview(sqlite, windows)),
    filterChoices: () => asked(() => readFilterChoices(sqlite)),
    close: async () => {
      await guarded(() => sqlite.close());
    },
  };
}

/** Chosen by channel alone, sessions are met coach by coach: there every window would have to look at all of them. */
function isInOrderOfTime({ channels, coaches, employers }: SessionFilter): boolean {
  return channels.length === 0 || coaches.length + employers.length > 0;
}

/**
 * The same counts as {@link countGroups}, each from a window of its own: an index meets every session once, where one
 * pass compares each of them with each limit. A year of weeks over a million conversations takes 30 ms instead of 900.
 */
function countWindows(
  sqlite: Database.Database,
  kind: Pick<ListKind<SessionFilter, SessionRow>, 'counted'>,
  filter: SessionFilter,
  limits: readonly number[],
): number[] {
  const { fromAt, toAt } = filter.window;
  const statements = new Map<string, Database.Statement<[object], number>>();
  return [fromAt, ...limits].map((limit, group) => {
    const next = limits[group];
    const window = {
      fromAt: Math.max(limit, fromAt),
      toAt: next === undefined ? toAt : Math.min(next, toAt ?? next),
    };
    let count = 0;
    for (const { from, params } of kind.counted({ ...filter, window })) {
      const text = `select count(*) ${from}`;
      const statement = statements.get(text) ?? sqlite.prepare<[object], number>(text).pluck();
      statements.set(text, statement);
      count += statement.get(params) ?? 0;
    }
    return count;
  });
}

/** How many lie before the first limit, from each one up to the next, and from the last one on. */
function countGroups(
  sqlite: Database.Database,
  counted: readonly Counted[],
  column: string,
  limits: readonly (number | string)[],
): number[] {
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
  const rows = counted.map(({ from, params }) =>
    sqlite
      .prepare<[object], Record<string, number>>(`select ${columns.join(', ')} ${from}`)
      .get({ ...params, ...named }),
  );
  return groups.map((_, group) => rows.reduce((sum, row) => sum + (row?.[`g${group}`] ?? 0), 0));
}

const LOCK_TIMEOUT_MS = 400;

function open(path: string): Database.Database {
  try {
    // Readers wait for nobody in WAL mode; where another program has locked the whole file, for this long.
    const sqlite = new Database(path, { readonly: true, fileMustExist: true, timeout: LOCK_TIMEOUT_MS });
    // Sorting must not leave personal data in temporary files.
    sqlite.pragma('temp_store = MEMORY');
    sqlite.function('fold', { deterministic: true }, (value: unknown) => fold(String(value)));
    return sqlite;
  } catch (error) {
    throw asStoreError(error);
  }
}
