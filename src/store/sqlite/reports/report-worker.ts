import { parentPort, workerData } from 'node:worker_threads';
import { AppError } from '../../../errors.js';
import type { ReportList } from '../../report-store.js';
import { openSqliteReportStore } from './sqlite-report-store.js';
import type { ListName, QuestionName, WorkerAnswer, WorkerCall, WorkerQuestion } from './worker-calls.js';

/*
 * Answers reports in a thread of its own: a query of a second holds up other queries, and no webhook.
 * `open-reports-in-worker.ts` is the other side.
 */

const { path }: { readonly path: string } = workerData;
const reports = openSqliteReportStore({ path });

const lists: Readonly<Record<ListName, ReportList<never, unknown>>> = reports;
const others: Readonly<Record<QuestionName, (...args: never[]) => Promise<unknown>>> = {
  dataVersion: () => reports.dataVersion(),
  caseloadCounts: (filter, limits) => reports.caseloadCounts(filter, limits),
  sessionCounts: (filter, limits) => reports.sessionCounts(filter, limits),
  participantCounts: (filter, limits) => reports.participantCounts(filter, limits),
  overview: (windows) => reports.overview(windows),
  filterChoices: () => reports.filterChoices(),
};

parentPort?.on('message', (call: WorkerCall) => {
  void answer(call).then((message) => parentPort?.postMessage(message, []));
});

async function answer({ id, question }: WorkerCall): Promise<WorkerAnswer> {
  try {
    return { id, kind: 'ok', result: await ask(question) };
  } catch (error) {
    if (!(error instanceof AppError)) return { id, kind: 'broken', error };
    const { code, retry, message } = error;
    return { id, kind: 'failed', code, retry, message };
  }
}

function ask(question: WorkerQuestion): Promise<unknown> {
  switch (question.kind) {
    case 'count':
      return lists[question.list].count(question.filter);
    case 'page':
      return lists[question.list].page(question.filter, question.page);
    case 'other':
      return others[question.name](...question.args);
  }
}
