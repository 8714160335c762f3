import { readlinkSync } from 'node:fs';
import { constants, setPriority } from 'node:os';
import { basename } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { AppError } from '../../errors.js';
import { makeCsvHere } from '../answer.js';
import { REPORTS } from '../catalog.js';
import type { CsvPiece } from '../../http/csv.js';
import { reportContext } from '../report.js';
import type { ReportList } from '../../store/ports/reports.js';
import { databaseAt, type DatabasePlace } from '../../store/open-store.js';
import type {
  CsvQuestion,
  ListName,
  QuestionName,
  ThreadAnswer,
  ThreadCall,
  ThreadQuestion,
} from './calls.js';

/*
 * Answers reports, or makes CSVs, in a thread of its own: a query of a second holds up other queries, and no webhook.
 * `open-report-thread.ts` is the other side.
 */

const { place, givesWay }: { readonly place: DatabasePlace; readonly givesWay: boolean } = workerData;
const store = await databaseAt(place).openReports();
// Here, when all that the thread needs is loaded: that is not to take ten times as long.
if (givesWay) giveWay();

const lists: Readonly<Record<ListName, ReportList<never, unknown>>> = store;
const others: Readonly<Record<QuestionName, (...args: never[]) => Promise<unknown>>> = {
  dataVersion: () => store.dataVersion(),
  caseloadCounts: (filter, limits) => store.caseloadCounts(filter, limits),
  sessionCounts: (filter, limits) => store.sessionCounts(filter, limits),
  participantCounts: (filter, limits) => store.participantCounts(filter, limits),
  overview: (windows) => store.overview(windows),
  filterChoices: () => store.filterChoices(),
};

/** By number, those that have begun and not ended. */
const csvs = new Map<number, AsyncGenerator<CsvPiece>>();

parentPort?.on('message', (call: ThreadCall) => {
  // Bytes are handed over, not copied.
  void answer(call).then((message) => parentPort?.postMessage(message, bytesIn(message)));
});

async function answer({ id, question }: ThreadCall): Promise<ThreadAnswer> {
  try {
    return { id, kind: 'ok', result: await ask(question) };
  } catch (error) {
    if (!(error instanceof AppError)) return { id, kind: 'broken', error };
    const { code, retry, message } = error;
    return { id, kind: 'failed', code, retry, message };
  }
}

function ask(question: ThreadQuestion): Promise<unknown> {
  switch (question.kind) {
    case 'count':
      return lists[question.list].count(question.filter);
    case 'page':
      return lists[question.list].page(question.filter, question.page);
    case 'other':
      return others[question.name](...question.args);
    case 'csv':
      csvs.set(question.csv, beginCsv(question));
      return nextPiece(question.csv);
    case 'csvPiece':
      return nextPiece(question.csv);
    case 'csvEnd':
      return endCsv(question.csv);
  }
}

function beginCsv({ report: name, given, nowAt, timeZone }: CsvQuestion): AsyncGenerator<CsvPiece> {
  const context = reportContext(store, nowAt, timeZone);
  const preparation = REPORTS.find((report) => report.name === name)?.prepare(given, context);
  if (preparation?.kind !== 'ok') throw new TypeError('a CSV that has not been prepared');
  return makeCsvHere(preparation.prepared, context);
}

async function nextPiece(csv: number): Promise<CsvPiece | null> {
  const pieces = csvs.get(csv);
  // It was the thread before this one that knew.
  if (pieces === undefined) {
    throw new AppError('store_unavailable', 'later', 'the thread that made this CSV has ended');
  }
  try {
    const piece = await pieces.next();
    if (piece.done !== true) return piece.value;
    csvs.delete(csv);
    return null;
  } catch (error) {
    csvs.delete(csv);
    throw error;
  }
}

async function endCsv(csv: number): Promise<void> {
  const pieces = csvs.get(csv);
  csvs.delete(csv);
  await pieces?.return(undefined);
}

function bytesIn(message: ThreadAnswer): ArrayBuffer[] {
  const result = message.kind === 'ok' ? message.result : null;
  const bytes: unknown =
    typeof result === 'object' && result !== null && 'bytes' in result ? result.bytes : null;
  return bytes instanceof Uint8Array && bytes.buffer instanceof ArrayBuffer ? [bytes.buffer] : [];
}

/** Threads have priorities of their own on Linux: where cores are few, a webhook goes before an export. */
function giveWay(): void {
  if (process.platform !== 'linux') return;
  try {
    setPriority(
      Number(basename(readlinkSync('/proc/thread-self'))),
      constants.priority.PRIORITY_BELOW_NORMAL,
    );
  } catch {
    // Where the system forbids it, reports are no slower for it.
  }
}
