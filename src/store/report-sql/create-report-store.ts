import type { ReportList, ReportStore } from '../ports/reports.js';
import { createCoachReader } from './coaches.js';
import { dataQualityList } from './data-quality-list.js';
import type { Dialect } from './dialect.js';
import { createList, type Ask, type ListKind } from './list.js';
import { billingList, engagementList, upcomingList } from './member-lists.js';
import { readFilterChoices, readOverview } from './overview.js';
import { text } from './read-values.js';
import { readRows, type Runner } from './reading.js';
import { countGroups, countWindows, isInOrderOfTime } from './report-counts.js';
import { caseloadList, participantList, sessionList } from './session-lists.js';

/** All reports, from an engine that says how it writes and who carries the queries out. */
export function createReportStore(dialect: Dialect, { run, close }: Runner): ReportStore {
  const readCoaches = createCoachReader(dialect);
  const ask: Ask = (question) =>
    run(function* readAnswer() {
      return yield* question(yield* readCoaches());
    });
  const list = <Filter, Row>(kind: ListKind<Filter, Row>): ReportList<Filter, Row> => createList(ask, kind);
  const caseload = caseloadList(dialect);
  const sessions = sessionList(dialect);
  const newParticipants = participantList(dialect);

  return {
    dataVersion: () =>
      run(function* readVersion() {
        const [row] = yield* readRows(dialect.dataVersion);
        return text(row?.[0]) ?? 'none';
      }),
    caseload: list(caseload),
    sessions: list(sessions),
    caseloadCounts: (filter, limits) =>
      ask((coaches) => countGroups(caseload.counted(filter, coaches), 'm.last_session_at', limits)),
    sessionCounts: (filter, limits) =>
      ask((coaches) =>
        isInOrderOfTime(filter)
          ? countWindows(sessions, filter, coaches, limits)
          : countGroups(sessions.counted(filter, coaches), 's.reported_at', limits),
      ),
    newParticipants: list(newParticipants),
    participantCounts: (filter, limits) =>
      ask((coaches) =>
        countGroups(newParticipants.counted(filter, coaches), 'm.without_session_since_on', limits),
      ),
    billing: list(billingList(dialect)),
    engagement: list(engagementList(dialect)),
    upcoming: list(upcomingList(dialect)),
    dataQuality: list(dataQualityList(dialect)),
    overview: (windows) => ask(() => readOverview(dialect, windows)),
    filterChoices: () => ask(() => readFilterChoices(dialect)),
    close,
  };
}
