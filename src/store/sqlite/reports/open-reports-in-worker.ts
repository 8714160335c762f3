import { Worker } from 'node:worker_threads';
import { AppError } from '../../../errors.js';
import type { Page, ReportList, ReportStore } from '../../report-store.js';
import type { ListName, QuestionName, WorkerAnswer } from './worker-calls.js';

/** Rows fetched at once while a whole list is streamed: what is made of them holds the caller's thread up. */
const BATCH = 250;

const PROGRAM = new URL('report-worker.js', import.meta.url);

interface WorkerOptions {
  readonly path: string;
  /** What the thread runs; from TypeScript there is nothing to run, so tests name the built file. */
  readonly program?: URL;
}

interface Waiting {
  resolve(result: unknown): void;
  reject(error: unknown): void;
}

/**
 * The same as `openSqliteReportStore`, answered by a thread of its own, so that reports take nothing from the thread
 * that receives webhooks but the time to hand them on. A thread that has failed is replaced by the next question.
 */
export function openReportsInWorker({ path, program = PROGRAM }: WorkerOptions): ReportStore {
  const waiting = new Map<number, Waiting>();
  let lastId = 0;
  let worker: Worker | null = null;
  let isClosed = false;

  const start = (): Worker => {
    const started = new Worker(program, { workerData: { path } });
    started.on('message', (answer: WorkerAnswer) => {
      const asked = waiting.get(answer.id);
      waiting.delete(answer.id);
      if (waiting.size === 0) started.unref();
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

  const ask = <Result>(question: object): Promise<Result> => {
    if (isClosed) {
      return Promise.reject(new AppError('store_unavailable', 'later', 'the database has been closed'));
    }
    worker ??= start();
    // It keeps the process alive only as long as somebody waits for an answer.
    worker.ref();
    const id = (lastId += 1);
    const answer = new Promise<Result>((resolve, reject) => waiting.set(id, { resolve, reject }));
    worker.postMessage({ id, question }, []);
    return answer;
  };

  const other = <Result>(name: QuestionName, ...args: readonly unknown[]): Promise<Result> =>
    ask({ kind: 'other', name, args });

  const list = <Filter, Row>(name: ListName): ReportList<Filter, Row> => {
    const page: ReportList<Filter, Row>['page'] = (filter, request) =>
      ask({ kind: 'page', list: name, filter, page: request });
    return {
      count: (filter) => ask({ kind: 'count', list: name, filter }),
      page,
      async *all(filter) {
        let next: Promise<Page<Row>> | null = page(filter, { limit: BATCH, after: null });
        while (next !== null) {
          const { rows, next: after }: Page<Row> = await next;
          // The next rows are fetched while these are made something of; nobody may be left to hear of its failure.
          next = after === null ? null : page(filter, { limit: BATCH, after });
          next?.catch(() => undefined);
          if (rows.length > 0) yield rows;
          // Webhooks that came meanwhile go first.
          await new Promise((resolve) => setImmediate(resolve));
        }
      },
    };
  };

  return {
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
      isClosed = true;
      await worker?.terminate();
    },
  };
}

function errorOf(answer: Exclude<WorkerAnswer, { readonly kind: 'ok' }>): unknown {
  return answer.kind === 'broken' ? answer.error : new AppError(answer.code, answer.retry, answer.message);
}
