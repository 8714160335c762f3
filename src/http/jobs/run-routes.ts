import { Hono, type Context } from 'hono';
import { nowAt, type Clock } from '../../clock.js';
import { answerFields, pageFields } from '../answer-fields.js';
import { csvPieces } from '../csv.js';
import { choiceList, optionalText, wholeNumber } from '../query-fields.js';
import { readQuery } from '../read-query.js';
import { readGiven } from '../read-request.js';
import { answerCsv } from '../answer-csv.js';
import type { Log } from '../../log.js';
import { JOB_NAMES } from '../../store/ports/runs.js';
import type { Store } from '../../store/ports/store.js';
import { answerProblem, refuseFields } from '../problem.js';
import {
  describeDifference,
  describeJob,
  describeRun,
  differenceRow,
  MAX_DIFFERENCES,
} from './describe-run.js';

export interface RunRoutesDeps {
  readonly store: Pick<Store, 'listRuns' | 'findRun' | 'listDrift'>;
  readonly clock: Clock;
  readonly log: Log;
  /** Report time zone, IANA name. */
  readonly timeZone: string;
}

export const RUNS_FIELDS = {
  job: choiceList(JOB_NAMES, 'Job; may repeat'),
  limit: wholeNumber({ min: 1, max: 500 }, 50, 'Most runs of one page'),
  cursor: optionalText(100, 'nextCursor of the page before'),
} as const;

export const DRIFT_FIELDS = { ...answerFields, ...pageFields } as const;

/** Runs, newest first, and what each has found. */
export function createRunRoutes(deps: RunRoutesDeps): Hono {
  const routes = new Hono();
  routes.get('/API/intercom/runs', (context) => listRuns(context, deps));
  routes.get('/API/intercom/runs/:id', async (context) => {
    const run = await deps.store.findRun(context.req.param('id'));
    if (run === null) return answerUnknown(context);
    const drift = await deps.store.listDrift({ runId: run.id, limit: MAX_DIFFERENCES, after: null });
    return context.json(describeJob(run, drift));
  });
  routes.get('/API/intercom/runs/:id/drift', (context) => showDrift(context, deps));
  return routes;
}

async function listRuns(context: Context, { store, clock }: RunRoutesDeps): Promise<Response> {
  const read = await readGiven(context);
  if (read.kind === 'wrong') return refuseFields(context, read.problems);
  const reading = readQuery(RUNS_FIELDS, read.given, undefined, 'request');
  if (reading.kind === 'wrong') return refuseFields(context, reading.problems);
  const { job, limit, cursor } = reading.query;
  const list = await store.listRuns({ jobs: job, limit, after: cursor ?? null });
  return context.json({
    generatedAt: nowAt(clock),
    total: list.total,
    runs: list.runs.map(describeRun),
    nextCursor: list.next,
  });
}

async function showDrift(
  context: Context,
  { store, clock, log, timeZone }: RunRoutesDeps,
): Promise<Response> {
  const runId = context.req.param('id') ?? '';
  const read = await readGiven(context);
  if (read.kind === 'wrong') return refuseFields(context, read.problems);
  const reading = readQuery(DRIFT_FIELDS, read.given, undefined, 'request');
  if (reading.kind === 'wrong') return refuseFields(context, reading.problems);
  if ((await store.findRun(runId)) === null) return answerUnknown(context);
  const { format, bom, limit, cursor } = reading.query;
  context.header('cache-control', 'private, no-cache');
  if (format !== 'csv') {
    const { differences, total, next } = await store.listDrift({ runId, limit, after: cursor ?? null });
    const items = differences.map(describeDifference);
    return context.json({ generatedAt: nowAt(clock), runId, total, items, nextCursor: next });
  }
  const table = { row: differenceRow, batches: () => driftBatches(store, runId) };
  return answerCsv(context, {
    fileName: `drift-${runId}.csv`,
    make: () => csvPieces(table, { timeZone, bom }),
    log,
    about: { run: runId },
  });
}

const BATCH = 1000;

async function* driftBatches(store: RunRoutesDeps['store'], runId: string) {
  let after: string | null = null;
  do {
    const list: Awaited<ReturnType<Store['listDrift']>> = await store.listDrift({
      runId,
      limit: BATCH,
      after,
    });
    yield list.differences.map(describeDifference);
    after = list.next;
  } while (after !== null);
}

function answerUnknown(context: Context): Response {
  return answerProblem(context, 404, 'There is no run with this id.');
}
