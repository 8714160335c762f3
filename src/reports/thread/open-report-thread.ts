import { Worker } from 'node:worker_threads';
import { AppError } from '../../errors.js';
import type { MakeCsv } from '../answer.js';
import type { CsvPiece } from '../../http/csv.js';
import type { Page, ReportList, ReportStore } from '../../store/ports/reports.js';
import type { DatabasePlace } from '../../store/open-store.js';
import type { ListName, QuestionName, ThreadAnswer, ThreadQuestion } from './calls.js';

/** Rows fetched at once while a whole list is streamed: what is made of them holds the caller's thread up. */
const BATCH = 250;

const PROGRAM = new URL('report-thread.js', import.meta.url);

interface ThreadOptions {
  readonly place: DatabasePlace;
  /** What the thread runs; from TypeScript there is nothing to run, so tests name the built file. */
  readonly program?: URL;
}

interface Waiting {
  resolve(result: unknown): void;
  reject(error: unknown): void;
}

export interface ReportThread {
  /** The same as the store's own. */
  readonly reports: ReportStore;
  readonly makeCsv: MakeCsv;
}

/**
 * Reports answered by threads of their own, so that they take nothing from the thread that receives webhooks but the
 * time to hand them on: the rows of pages and of JSON, of which there is a page at a time, and the bytes of CSVs, which
 * are as long as the list. CSVs have a thread to themselves, whose priority is low: on busy cores it gets a tenth of
 * what others get. What somebody waits for is answered at the usual priority, because it takes milliseconds and a
 * priority that was lowered can't be raised again. A thread that has failed is replaced by the next question.
 */
export function openReportThread({ place, program = PROGRAM }: ThreadOptions): ReportThread {
  const answers = createThread({ place, program, givesWay: false });
  // Started by the first one: most services never make one, and a thread holds some 30 MB.
  const exports = createThread({ place, program, givesWay: true });
  const { ask } = answers;
  let lastCsv = 0;

  const other = <Result>(name: QuestionName, ...args: readonly unknown[]): Promise<Result> =>
    ask({ kind: 'other', name, args });

  const list = <Filter, Row>(name: ListName): ReportList<Filter, Row> => {
    const page: ReportList<Filter, Row>['page'] = (filter, request) =>
      ask({ kind: 'page', list: name, filter, page: request });
    return {
      count: (filter) => ask({ kind: 'count', list: name, filter }),
      page,
      async *all(filter) {
        const pages = prefetch(page(filter, { limit: BATCH, after: null }), ({ next }: Page<Row>) =>
          next === null ? null : page(filter, { limit: BATCH, after: next }),
        );
        for await (const { rows } of pages) {
          if (rows.length > 0) yield rows;
          // Webhooks that came meanwhile go first.
          await new Promise((resolve) => setImmediate(resolve));
        }
      },
    };
  };

  const makeCsv: MakeCsv = async function* ({ report, given }, { nowAt, timeZone }) {
    const csv = (lastCsv += 1);
    const begin = { kind: 'csv', csv, report: report.name, given, nowAt, timeZone } satisfies ThreadQuestion;
    const goOn = { kind: 'csvPiece', csv } satisfies ThreadQuestion;
    const end = { kind: 'csvEnd', csv } satisfies ThreadQuestion;
    const pieces = prefetch(exports.ask<CsvPiece | null>(begin), (piece) =>
      piece === null ? null : exports.ask(goOn),
    );
    for await (const piece of pieces) {
      if (piece === null) return;
      let isTaken = false;
      try {
        yield piece;
        isTaken = true;
      } finally {
        // One that has ended, or failed, is known in the thread no more.
        if (!isTaken) await exports.ask(end).catch(() => undefined);
      }
    }
  };

  const reports: ReportStore = {
    dataVersion: () => other('dataVersion'),
    caseload: list('caseload'),
    sessions: list('sessions'),
    caseloadCounts: (filter, limits) => other('caseloadCounts', filter, limits),
    sessionCounts: (filter, limits) => other('sessionCounts', filter, limits),
    newParticipants: list('newParticipants'),
    participantCounts: (filter, limitsOn) => other('participantCounts', filter, limitsOn),
    billing: list('billing'),
    engagement: list('engagement'),
    upcoming: list('upcoming'),
    dataQuality: list('dataQuality'),
    overview: (windows) => other('overview', windows),
    filterChoices: () => other('filterChoices'),
    close: async () => {
      await Promise.all([answers.close(), exports.close()]);
    },
  };
  return { reports, makeCsv };
}

interface Thread {
  readonly ask: <Result>(question: object) => Promise<Result>;
  readonly close: () => Promise<void>;
}

/** One thread, begun by its first question, and again by the next one after it has failed. */
function createThread(options: {
  readonly place: DatabasePlace;
  readonly program: URL;
  readonly givesWay: boolean;
}): Thread {
  const { place, program, givesWay } = options;
  const waiting = new Map<number, Waiting>();
  let lastId = 0;
  let worker: Worker | null = null;
  let isClosed = false;

  const start = (): Worker => {
    const started = new Worker(program, { workerData: { place, givesWay } });
    started.on('message', (answer: ThreadAnswer) => {
      const asked = waiting.get(answer.id);
      waiting.delete(answer.id);
      // Nobody who waits for its end may be left with an empty process.
      if (waiting.size === 0 && !isClosed) started.unref();
      if (answer.kind === 'ok') asked?.resolve(answer.result);
      else asked?.reject(errorOf(answer));
    });
    let cause: unknown;
    started.on('error', (error) => {
      cause = error;
    });
    started.once('exit', () => {
      worker = null;
      for (const asked of waiting.values()) {
        asked.reject(
          new AppError('store_unavailable', 'later', 'the thread of the reports has ended', { cause }),
        );
      }
      waiting.clear();
    });
    return started;
  };

  return {
    ask: (question) => {
      if (isClosed) {
        return Promise.reject(new AppError('store_unavailable', 'later', 'the database has been closed'));
      }
      worker ??= start();
      // It keeps the process alive only as long as somebody waits for an answer.
      worker.ref();
      const id = (lastId += 1);
      return new Promise((resolve, reject) => {
        waiting.set(id, { resolve, reject });
        worker?.postMessage({ id, question }, []);
      });
    },
    close: async () => {
      isClosed = true;
      await worker?.terminate();
    },
  };
}

/** Answers one after the other; the next one is asked for while the one before is made something of. */
async function* prefetch<Answer>(
  first: Promise<Answer>,
  after: (answer: Answer) => Promise<Answer> | null,
): AsyncGenerator<Answer> {
  let next: Promise<Answer> | null = first;
  while (next !== null) {
    const answer: Answer = await next;
    next = after(answer);
    // Nobody may be left to hear of its failure.
    next?.catch(() => undefined);
    yield answer;
  }
}

function errorOf(answer: Exclude<ThreadAnswer, { readonly kind: 'ok' }>): unknown {
  return answer.kind === 'broken' ? answer.error : new AppError(answer.code, answer.retry, answer.message);
}
